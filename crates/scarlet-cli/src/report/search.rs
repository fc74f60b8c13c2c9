//! What `scarlet search` and `scarlet extract` print.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use indicatif::HumanDuration;
use scarlet_train::run::{Choice, Estimate, Exported, Plan, PricedNetwork};

use super::number::{millions, percent, thousands};
use super::seen::{needless_enlarging, seen};

/// What a run is going to do.
pub(crate) fn plan_text(plan: &Plan) -> String {
    let [channels, height, width] = plan.input;
    let count = |number: usize| thousands(number as u64);
    let mut text = seen(height, plan.photographs.as_ref());
    text.push('\n');
    text.push_str(&format!(
        "images      {channels}×{height}×{width}, {} classes: {} to train on, {} held out, {} to test\n\
         space       {} layers of {}: {} networks\n",
        plan.classes,
        count(plan.train_images),
        count(plan.holdout_images),
        count(plan.test_images),
        plan.layers,
        plan.choices.join(" "),
        grouped(&plan.networks),
    ));
    line(&mut text, "cheapest", &priced(&plan.cheapest));
    line(&mut text, "dearest", &priced(&plan.dearest));
    line(&mut text, "budget", &plan.budget.join(" and "));
    line(&mut text, "wanted", &plan.objectives.join(", "));
    line(
        &mut text,
        "supernet",
        &format!(
            "{} steps of {} networks",
            thousands(plan.supernet_steps),
            plan.paths_per_step
        ),
    );
    line(
        &mut text,
        "search",
        &format!("{} candidates", count(plan.evaluations)),
    );
    line(
        &mut text,
        "training",
        &format!("{} steps", thousands(plan.train_steps)),
    );
    if let Some(estimate) = &plan.estimate {
        line(
            &mut text,
            "time",
            &format!(
                "about {}: supernet {}, search {}, training {}",
                duration(estimate.seconds()),
                duration(estimate.supernet_seconds),
                duration(estimate.search_seconds),
                duration(estimate.train_seconds)
            ),
        );
    }
    let seconds = plan.estimate.as_ref().map(Estimate::seconds);
    let photographs = plan.photographs.as_ref();
    if let Some(hint) = needless_enlarging(height, photographs, seconds) {
        line(&mut text, "hint", &hint);
    }
    text
}

/// What a run came to.
pub(crate) fn result_text(exported: &Exported, folder: &Path) -> String {
    let mut text = choice_text(&exported.network);
    let test = &exported.test;
    line(
        &mut text,
        "test",
        &format!(
            "{} ({} of {} images)",
            percent(exported.test_accuracy),
            thousands(test.correct as u64),
            thousands(test.images as u64)
        ),
    );
    let seconds = &exported.seconds;
    line(
        &mut text,
        "time",
        &format!(
            "supernet {}, search {}, training {}",
            duration(seconds.supernet),
            duration(seconds.search),
            duration(seconds.train)
        ),
    );
    let path = |name: &str| folder.join(name).display().to_string();
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
        line(&mut text, "latency", &format!("{latency:.3} ms"));
    }
    if let Some(accuracy) = choice.inherited_accuracy {
        let accuracy = format!("{} on the held-out images", percent(accuracy));
        line(&mut text, "inherited", &accuracy);
    }
    for stabilizer in &choice.stabilizers {
        line(&mut text, "stabilizer", stabilizer);
    }
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
        network.layers
    )
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
    fn large_numbers_are_grouped_whatever_their_size() {
        assert_eq!(
            grouped("1461920290375446110677"),
            "1,461,920,290,375,446,110,677"
        );
        assert_eq!(grouped("125"), "125");
    }
}
