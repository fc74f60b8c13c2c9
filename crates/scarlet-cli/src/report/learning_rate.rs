//! What `--find-learning-rate` prints and draws.

use std::path::{Path, PathBuf};

use scarlet_report::{LogChart, ReportError};
use scarlet_train::trainer::{RangeEnd, RangeTest, RangeVerdict};
use serde::Serialize;

use super::number::counted;
use super::seen::quoted;

/// What a learning rate range test came to.
#[derive(Debug, Serialize)]
pub(crate) struct LearningRateReport<'a> {
    /// The rate at which the smoothed loss falls fastest; none where the test does not say.
    suggestion: Option<f64>,
    /// The rate that the run would have been trained with.
    run_learning_rate: f64,
    /// The command that trains with the suggested rate.
    command: Option<String>,
    picture: &'a Path,
    json: &'a Path,
    #[serde(flatten)]
    test: &'a RangeTest,
}

impl<'a> LearningRateReport<'a> {
    /// `args` are those of the command that tries the rates.
    pub(crate) fn new(
        test: &'a RangeTest,
        run_learning_rate: f64,
        [picture, json]: &'a [PathBuf; 2],
        args: impl Iterator<Item = String>,
    ) -> Self {
        let suggestion = match test.verdict {
            RangeVerdict::Suggested(rate) => Some(rate),
            _ => None,
        };
        Self {
            suggestion,
            run_learning_rate,
            command: suggestion.map(|rate| with_rate(args, rate)),
            picture,
            json,
            test,
        }
    }

    pub(crate) fn text(&self) -> String {
        let steps = counted(self.test.points.len() as u64, "step", "steps");
        let last = self.test.points.last().map_or(0.0, |it| it.learning_rate);
        let end = match self.test.end {
            RangeEnd::Diverged => " where the loss had become four times as high as its lowest",
            RangeEnd::NotFinite => " where the loss was no number any more",
            _ => "",
        };
        let mut text = format!(
            "tried learning rates from {:.1e} to {last:.1e} in {steps}{end}\n",
            self.test.range[0]
        );
        if let (Some(rate), Some(lowest)) = (self.suggestion, self.test.lowest_at) {
            text.push_str(&format!(
                "the smoothed loss falls fastest at {rate}, which is suggested, and is lowest at {lowest:.1e} \
                 (the run's own rate is {})\n",
                self.run_learning_rate
            ));
            text.push_str(
                "this is a rule of thumb: a hundred steps cannot show how a whole run ends. Where you can afford \
                 both, compare the two rates on held-out images\n",
            );
        }
        text.push_str(&format!(
            "the losses are in {} and {}",
            quoted(self.picture),
            quoted(self.json)
        ));
        if let Some(command) = &self.command {
            text.push_str(&format!("\ntrain with it: {command}"));
        }
        text
    }

    /// Why no rate is suggested, and what can be done.
    pub(crate) fn why_none(&self) -> String {
        let own = self.run_learning_rate;
        let [from, to] = self.test.range;
        match self.test.verdict {
            RangeVerdict::DivergedAtOnce => format!(
                "the loss diverged within the first {} already, from a learning rate of {from:.1e} on. Look \
                 at the images as the network sees them (--preview), or try around a smaller rate than {own} \
                 (--learning-rate)",
                counted(self.test.points.len() as u64, "step", "steps")
            ),
            _ => format!(
                "the loss never fell by more than it varies, at learning rates from {from:.1e} to {:.1e} of \
                 {to:.1e}. Check the labels (scarlet check-data), make batches larger (--batch), or try \
                 around another rate than {own} (--learning-rate)",
                self.test.points.last().map_or(from, |it| it.learning_rate)
            ),
        }
    }
}

/// The same command with a learning rate, instead of one that looks for it.
fn with_rate(args: impl Iterator<Item = String>, rate: f64) -> String {
    const RATES: [&str; 2] = ["--learning-rate", "--lr"];
    // Whatever the path of the program.
    let mut words = vec!["scarlet".to_owned()];
    let mut args = args.skip(1);
    while let Some(arg) = args.next() {
        let name = arg.split('=').next().unwrap_or_default();
        if RATES.contains(&name) {
            if !arg.contains('=') {
                args.next();
            }
        } else if !["--find-learning-rate", "--json"].contains(&name) {
            words.push(quoted(Path::new(&arg)));
        }
    }
    words.push(format!("--learning-rate {rate}"));
    words.join(" ")
}

/// The losses over the learning rates.
pub(crate) fn picture(test: &RangeTest, own: f64) -> Result<String, ReportError> {
    let of = |loss: fn(&scarlet_train::trainer::RangePoint) -> f64| {
        let points = test.points.iter();
        points.map(|it| (it.learning_rate, loss(it))).collect()
    };
    let mut marks = Vec::new();
    if let RangeVerdict::Suggested(rate) = test.verdict {
        marks.push((rate, format!("suggested {rate}")));
    }
    marks.push((own, format!("the run's own {own}")));
    let chart = LogChart {
        x_axis: "Learning rate".to_owned(),
        y_axis: "Loss".to_owned(),
        description: "Loss of each step over its learning rate".to_owned(),
        dots: ("each step".to_owned(), of(|it| it.loss)),
        curve: ("averaged".to_owned(), of(|it| it.smoothed)),
        y_range: shown_losses(test),
        marks,
        ..LogChart::default()
    };
    chart.svg()
}

/// From below the lowest loss to well above the first, for an explosion would hide everything else.
fn shown_losses(test: &RangeTest) -> Option<[f64; 2]> {
    let first = test.points.first()?.smoothed;
    let losses = test.points.iter().map(|it| it.loss);
    let lowest = losses.clone().reduce(f64::min)?;
    let highest = losses
        .reduce(f64::max)?
        .min(first + (first - lowest).max(0.1 * first));
    let margin = 0.05 * (highest - lowest);
    (highest > lowest).then_some([lowest - margin, highest + margin])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_same_but_for_the_rate() {
        let command = |args: &[&str]| {
            let args = args.iter().map(|it| (*it).to_owned());
            with_rate(args, 0.0012)
        };
        assert_eq!(
            command(&[
                "/usr/bin/scarlet",
                "finetune",
                "--data",
                "my photos/",
                "--find-learning-rate",
                "--lr",
                "0.5",
                "--json",
                "--out",
                "run"
            ]),
            "scarlet finetune --data 'my photos/' --out run --learning-rate 0.0012"
        );
        assert_eq!(
            command(&[
                "scarlet",
                "train",
                "--learning-rate=1",
                "--find-learning-rate"
            ]),
            "scarlet train --learning-rate 0.0012"
        );
    }
}
