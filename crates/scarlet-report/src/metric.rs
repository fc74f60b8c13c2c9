//! How the values of a metric are written: its name for people, its unit and its scale.

use serde::Serialize;

/// How the values of one metric are shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Metric {
    /// As in configuration files and tables.
    pub(crate) name: String,
    /// For people, such as `mult-adds`.
    pub(crate) label: String,
    /// Label and unit, for an axis or a column.
    pub(crate) heading: String,
    /// After every value; may be empty.
    pub(crate) unit: &'static str,
    /// What a value is multiplied by before it is shown in that unit.
    pub(crate) factor: f64,
}

impl Metric {
    /// The way to show values of which `largest` is the largest.
    pub(crate) fn new(name: &str, largest: f64) -> Self {
        let (label, unit, factor) = match name {
            "accuracy" => ("accuracy".to_owned(), "%", 100.0),
            "mult_adds" => counted("mult-adds", largest),
            _ => match name.rsplit_once('_') {
                Some((what, "bytes")) => {
                    let (_, _, factor) = counted("", largest);
                    let unit = match factor {
                        1e-9 => "GB",
                        1e-6 => "MB",
                        1e-3 => "kB",
                        _ => "bytes",
                    };
                    (what.replace('_', " "), unit, factor)
                }
                Some((what, "ms")) => (what.replace('_', " "), "ms", 1.0),
                Some((what, "mj")) => (what.replace('_', " "), "mJ", 1.0),
                _ => counted(&name.replace('_', " "), largest),
            },
        };
        Self {
            name: name.to_owned(),
            heading: heading(&label, unit),
            label,
            unit,
            factor,
        }
    }

    /// The same, of networks that compute in such numbers.
    pub(crate) fn in_numbers(self, numbers: &str) -> Self {
        let label = format!("{} in {numbers}", self.label);
        Self {
            heading: heading(&label, self.unit),
            label,
            ..self
        }
    }

    /// A value in the metric's unit, with as many decimals as four digits leave.
    pub(crate) fn show(&self, value: f64) -> String {
        let value = value * self.factor;
        let decimals = match value.abs() {
            size if size >= 1000.0 => 0,
            size if size >= 100.0 => 1,
            size if size >= 10.0 || self.unit == "%" => 2,
            _ => 3,
        };
        format!("{value:.decimals$}")
    }

    /// The same with the unit after it.
    pub(crate) fn show_with_unit(&self, value: f64) -> String {
        match self.unit {
            "" => self.show(value),
            unit => format!("{} {unit}", self.show(value)),
        }
    }
}

fn heading(label: &str, unit: &str) -> String {
    let mut letters = label.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    let label = first.unwrap_or_default() + letters.as_str();
    match unit {
        "" => label,
        unit => format!("{label} ({unit})"),
    }
}

fn counted(label: &str, largest: f64) -> (String, &'static str, f64) {
    let (unit, factor) = match largest.abs() {
        size if size >= 2e9 => ("G", 1e-9),
        size if size >= 1e6 => ("M", 1e-6),
        size if size >= 1e4 => ("k", 1e-3),
        _ => ("", 1.0),
    };
    (label.to_owned(), unit, factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_the_largest_value() {
        let shown = |name: &str, largest, value| {
            let metric = Metric::new(name, largest);
            (metric.heading.clone(), metric.show_with_unit(value))
        };
        let pair = |heading: &str, value: &str| (heading.to_owned(), value.to_owned());
        assert_eq!(
            shown("mult_adds", 8e6, 4_350_000.0),
            pair("Mult-adds (M)", "4.350 M")
        );
        assert_eq!(
            shown("parameters", 9e4, 52_000.0),
            pair("Parameters (k)", "52.00 k")
        );
        assert_eq!(
            shown("weight_bytes", 3e9, 2.5e9),
            pair("Weight (GB)", "2.500 GB")
        );
        assert_eq!(
            shown("energy_mj", 12.0, 1.25),
            pair("Energy (mJ)", "1.250 mJ")
        );
        assert_eq!(
            shown("latency_ms", 12.0, 1.25),
            pair("Latency (ms)", "1.250 ms")
        );
        assert_eq!(
            shown("accuracy", 0.9, 0.8999),
            pair("Accuracy (%)", "89.99 %")
        );
        assert_eq!(shown("depth", 7.0, 5.0), pair("Depth", "5.000"));
    }
}
