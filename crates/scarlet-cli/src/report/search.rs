//! What `scarlet search` and `scarlet extract` print.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use indicatif::HumanDuration;
use scarlet_run::pipeline::{BudgetUse, Choice, Estimate, Exported, Lead, Plan, PricedNetwork};
use scarlet_train::Measurement;

use super::number::{accuracy, counted, millions, percent, thousands};
use super::seen::{Originals, needless_enlarging, seen};

/// What a run is going to do.
pub(crate) fn plan_text(plan: &Plan) -> String {
    let [channels, height, width] = plan.input;
    let count = |number: usize| thousands(number as u64);
    let originals = Originals {
        photographs: plan.photographs,
        images: plan.image_size,
    };
    let mut text = seen(height, &originals);
    text.push('\n');
    text.push_str(&format!(
        "images      {channels}×{height}×{width}, {} classes: {} to train on, {} held out, {} to test\n\
         space       {} layers of {}{}{}: {} networks\n",
        plan.classes,
        count(plan.train_images),
        count(plan.holdout_images),
        count(plan.test_images),
        plan.layers,
        plan.choices.join(" "),
        match plan.features.as_slice() {
            [_] => String::new(),
            several => format!(", {} features", either(several)),
        },
        match plan.resolutions.as_slice() {
            [_] => String::new(),
            several => format!(" at {} pixels", either(several)),
        },
        grouped(&plan.networks),
    ));
    line(&mut text, "cheapest", &priced(&plan.cheapest));
    line(&mut text, "costliest", &priced(&plan.dearest));
    line(&mut text, "budget", &plan.budget.join(" and "));
    for loose in &plan.loose_budget {
        line(&mut text, "", loose);
    }
    line(&mut text, "wanted", &plan.objectives.join(", "));
    if !plan.deploy.is_float32() {
        line(&mut text, "evaluated", &format!("in {}", plan.deploy));
    }
    line(
        &mut text,
        "supernet",
        &match plan.published {
            true => "as published, without training".to_owned(),
            false => format!(
                "{} of {}",
                counted(plan.supernet_steps, "step", "steps"),
                counted(plan.paths_per_step as u64, "network", "networks")
            ),
        },
    );
    line(
        &mut text,
        "search",
        &counted(plan.evaluations as u64, "candidate", "candidates"),
    );
    line(
        &mut text,
        "training",
        &counted(plan.train_steps, "step", "steps"),
    );
    if let Some(estimate) = &plan.estimate {
        line(
            &mut text,
            "time",
            &format!(
                "about {}: {}supernet {}, search {}, training {}",
                duration(estimate.seconds()),
                match estimate.whole_seconds {
                    0.0 => String::new(),
                    seconds => format!("the whole network {}, ", duration(seconds)),
                },
                duration(estimate.supernet_seconds),
                duration(estimate.search_seconds),
                duration(estimate.train_seconds)
            ),
        );
    }
    let seconds = plan.estimate.as_ref().map(Estimate::seconds);
    if let Some(hint) = needless_enlarging(height, &originals, seconds) {
        line(&mut text, "hint", &hint);
    }
    text
}

/// The result of a run.
pub(crate) fn result_text(exported: &Exported, folder: &Path) -> String {
    let mut text = choice_text(&exported.network);
    let right = |test: &Measurement| accuracy(test.correct as u64, test.images as u64);
    match &exported.deployed {
        None => line(&mut text, "test", &right(&exported.test)),
        Some(deployed) => {
            let name = format!("test {}", deployed.numbers);
            line(&mut text, &name, &right(&deployed.test));
            line(&mut text, "test f32", &right(&exported.test));
        }
    }
    if let Some(whole) = &exported.whole {
        line(
            &mut text,
            "whole",
            &format!(
                "{}, {:.1} times the mult-adds",
                accuracy(whole.test.correct as u64, whole.test.images as u64),
                whole.mult_adds as f64 / exported.network.mult_adds.max(1) as f64
            ),
        );
    }
    let seconds = &exported.seconds;
    line(
        &mut text,
        "time",
        &format!(
            "{}supernet {}, search {}, training {}",
            match seconds.whole {
                0.0 => String::new(),
                seconds => format!("the whole network {}, ", duration(seconds)),
            },
            duration(seconds.supernet),
            duration(seconds.search),
            duration(seconds.train)
        ),
    );
    let path = |name: &str| folder.join(name).display().to_string();
    let deployed = folder.join("network/network.scarlet");
    if let Some(it) = exported.deployed.as_ref().filter(|_| deployed.exists()) {
        let calibrated = it.calibration_images.map(|images| {
            let images = counted(images as u64, "training image", "training images");
            format!(", calibrated on {images}")
        });
        let text_of = format!(
            "{}, {}{}",
            deployed.display(),
            it.numbers,
            calibrated.unwrap_or_default()
        );
        line(&mut text, "deployed", &text_of);
    }
    line(&mut text, "weights", &path("network/network.safetensors"));
    if folder.join("network/network.onnx").exists() {
        line(&mut text, "onnx", &path("network/network.onnx"));
    }
    line(&mut text, "report", &path("report.html"));
    text
}

/// A network that was chosen.
pub(crate) fn choice_text(choice: &Choice) -> String {
    let mut text = String::new();
    line(&mut text, "network", &choice.genome.to_string());
    line(&mut text, "layers", &choice.layers);
    if let Some(side) = choice.resolution {
        line(&mut text, "sees", &format!("{side}×{side} pixels"));
    }
    line(
        &mut text,
        "costs",
        &format!(
            "{} mult-adds, {} parameters",
            mult_adds(choice.mult_adds),
            thousands(choice.parameters)
        ),
    );
    if let Some(latency) = choice.latency_ms {
        line(
            &mut text,
            "latency",
            &format!("{latency:.3} ms{}", judged_in(" in", choice)),
        );
    }
    if let Some(share) = choice.inherited_accuracy {
        let text_of = match choice.inherited_images {
            Some(images) => {
                let right = (share * images as f64).round() as u64;
                format!("{}, held out", accuracy(right, images as u64))
            }
            None => format!("{} on the held-out images", percent(share)),
        };
        let text_of = text_of + &judged_in(", evaluated in", choice);
        line(&mut text, "inherited", &text_of);
    }
    if let Some(lead) = &choice.lead {
        line(&mut text, "lead", &lead_text(lead));
    }
    if let Some(best) = choice.best_accuracy {
        let text_of = format!(
            "the largest whose accuracy is within one standard error of the best, {}",
            percent(best)
        );
        line(&mut text, "chosen", &text_of);
    }
    for used in &choice.budget {
        line(&mut text, "budget", &budget_text(used));
    }
    for stabilizer in &choice.stabilizers {
        line(&mut text, "stabilizer", stabilizer);
    }
    text
}

/// In which numbers a network was judged and timed, where these are not floats.
fn judged_in(words: &str, choice: &Choice) -> String {
    match choice.judged_in.is_float32() {
        true => String::new(),
        false => format!("{words} {}", choice.judged_in),
    }
}

/// How far the best is ahead of the next, and whether that may be chance.
fn lead_text(lead: &Lead) -> String {
    let (Some(images), Some([low, high])) = (lead.images, lead.interval) else {
        return format!(
            "{} in {} over the next best, {}",
            lead.by, lead.metric, lead.next
        );
    };
    let doubt = match lead.may_be_chance() {
        true => "which may be chance",
        false => "more than chance explains",
    };
    format!(
        "{:.2} points over the next best, {}, {doubt}: on {} images the 95 % interval of the \
         difference is {:.2} to {:.2} points",
        100.0 * lead.by,
        lead.next,
        thousands(images as u64),
        100.0 * low,
        100.0 * high
    )
}

/// What a bound of the budget allows, what the network takes of it, and whether it mattered.
fn budget_text(used: &BudgetUse) -> String {
    let mut text = used.constraint.clone();
    if let Some(value) = used.value {
        let _ = write!(text, ": {value}");
        if used.limit > 0.0 {
            let _ = write!(text, ", {:.0} % of the limit", 100.0 * value / used.limit);
        }
    }
    let all = thousands(used.candidates as u64);
    let _ = match used.binds() {
        true => write!(
            text,
            "; {} of {all} candidates break it",
            thousands(used.excluded as u64)
        ),
        false => write!(text, "; it does not bind: all {all} candidates satisfy it"),
    };
    text
}

pub(super) fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name:<11} {value}");
}

pub(super) fn priced(network: &PricedNetwork) -> String {
    let latency = network.latency_ms.map(|ms| format!("{ms:.3} ms, "));
    format!(
        "{} mult-adds, {}{} parameters: {}",
        mult_adds(network.mult_adds),
        latency.unwrap_or_default(),
        thousands(network.parameters),
        match network.resolution {
            Some(side) => format!("{} at {side}×{side} pixels", network.layers),
            None => network.layers.clone(),
        }
    )
}

/// Numbers as a choice: `96, 80 or 64`.
fn either(numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
    match numbers.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => numbers.join(""),
    }
}

/// In millions, but for networks so small that nothing would be left of them.
pub(crate) fn mult_adds(number: u64) -> String {
    match number < 1_000_000 {
        true => thousands(number),
        false => millions(number),
    }
}

/// Digits in threes; there may be more of them than a number type holds.
pub(super) fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn duration(seconds: f64) -> String {
    let duration = Duration::try_from_secs_f64(seconds.round()).unwrap_or_default();
    // One unit says enough of seconds, minutes and days, but not of hours.
    let minutes = duration.as_secs() / 60;
    match minutes {
        90..2_880 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => HumanDuration(duration).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_told_with_their_minutes() {
        for (seconds, text) in [
            (12.4, "12 seconds"),
            (200.0, "3 minutes"),
            (3_600.0, "60 minutes"),
            (5_604.3, "1 h 33 min"),
            (86_460.0, "24 h 1 min"),
            (180_000.0, "2 days"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn a_lead_and_a_budget_are_told_with_what_they_are_worth() {
        let lead = |by: f64, images: Option<usize>, interval| -> Lead {
            let json = serde_json::json!({
                "next": "0142", "metric": "accuracy", "by": by, "images": images,
                "interval": interval,
            });
            serde_json::from_value(json).unwrap()
        };
        assert_eq!(
            lead_text(&lead(0.005, Some(1_200), Some([-0.043, 0.053]))),
            "0.50 points over the next best, 0142, which may be chance: on 1,200 images the 95 % \
             interval of the difference is -4.30 to 5.30 points"
        );
        let sure = lead_text(&lead(0.1, Some(600), Some([0.05, 0.15])));
        assert!(
            sure.contains("0142, more than chance explains: on 600"),
            "{sure}"
        );
        let other = lead_text(&lead(12.0, None, None));
        assert_eq!(other, "12 in accuracy over the next best, 0142");

        let budget = |excluded: usize| -> BudgetUse {
            let json = serde_json::json!({
                "constraint": "mult_adds <= 5000000", "value": 4e6, "limit": 5e6,
                "excluded": excluded, "candidates": 1_200,
            });
            serde_json::from_value(json).unwrap()
        };
        assert_eq!(
            budget_text(&budget(1_000)),
            "mult_adds <= 5000000: 4000000, 80 % of the limit; 1,000 of 1,200 candidates break it"
        );
        assert!(
            budget_text(&budget(0))
                .ends_with("; it does not bind: all 1,200 candidates satisfy it")
        );
    }

    #[test]
    fn large_numbers_are_grouped_whatever_their_size() {
        assert_eq!(
            grouped("1461920290375446110677"),
            "1,461,920,290,375,446,110,677"
        );
        assert_eq!(grouped("125"), "125");
    }
}
