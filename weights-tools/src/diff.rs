//! `diff`: two files tensor by tensor.

use std::collections::BTreeSet;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use scarlet::weights::{Entry, OpenOptions, StateDict, WeightsError};

use crate::Verdict;
use crate::cli::DiffArgs;
use crate::error::ToolError;
use crate::inputs;
use crate::output::{cell, say};

pub(crate) fn run(args: &DiffArgs) -> Result<Verdict, ToolError> {
    let open = |file: &str, options: &OpenOptions| -> Result<StateDict, ToolError> {
        Ok(inputs::weights(file, options)?.with_reference_names())
    };
    let a = open(&args.a, &args.names.options())?;
    let b = open(&args.b, &OpenOptions::default())?;
    let only_a = only_in(&a, &b);
    let only_b = only_in(&b, &a);
    print_names(&args.a, &only_a)?;
    print_names(&args.b, &only_b)?;

    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["tensor", "shape", "largest difference", "relative"]);
    let mut compared = 0;
    let mut different = 0;
    for (left, right) in a
        .entries()
        .iter()
        .filter(|entry| !entry.is_step_counter())
        .filter_map(|left| Some((left, b.get(left.name())?)))
    {
        compared += 1;
        let difference = Difference::between(left, right)?;
        let is_different = !difference.is_within(args.tolerance);
        different += usize::from(is_different);
        if is_different || args.all {
            table.add_row(difference.row(left.name()));
        }
    }
    if table.row_count() > 0 {
        say(format_args!("{table}"))?;
    }
    let only = only_a.len() + only_b.len();
    say(format_args!(
        "{compared} tensors compared: {different} differ by more than {:e}, {only} are in one \
         file only",
        args.tolerance
    ))?;
    Ok(match different + only {
        0 => Verdict::Good,
        _ => Verdict::Bad,
    })
}

/// Names of entries that only the first of two files has.
fn only_in<'a>(file: &'a StateDict, other: &StateDict) -> BTreeSet<&'a str> {
    file.entries()
        .iter()
        .filter(|entry| !entry.is_step_counter() && other.get(entry.name()).is_none())
        .map(Entry::name)
        .collect()
}

fn print_names(file: &str, names: &BTreeSet<&str>) -> Result<(), ToolError> {
    if names.is_empty() {
        return Ok(());
    }
    say(format_args!("only in {file}:"))?;
    for name in names {
        say(format_args!("  {}", cell(name)))?;
    }
    Ok(())
}

/// How two tensors of the same name differ.
enum Difference {
    Shape(Vec<usize>, Vec<usize>),
    Values {
        shape: Vec<usize>,
        /// Largest absolute difference; not a number where only one of two values is one.
        absolute: f64,
        /// Relative to the largest absolute value of the first tensor.
        relative: f64,
    },
}

impl Difference {
    fn between(a: &Entry, b: &Entry) -> Result<Self, WeightsError> {
        if a.shape() != b.shape() {
            return Ok(Self::Shape(a.shape().to_vec(), b.shape().to_vec()));
        }
        let (left, right) = (a.read()?, b.read()?);
        let mut absolute = 0.0f64;
        let mut largest = 0.0f64;
        for (x, y) in left.iter::<f64>().zip(right.iter::<f64>()) {
            largest = largest.max(x.abs());
            let both_nan = x.is_nan() && y.is_nan();
            if x != y && !both_nan {
                // A difference from what is not a number stays in sight.
                let difference = (x - y).abs();
                absolute = match difference.is_nan() || absolute.is_nan() {
                    true => f64::NAN,
                    false => absolute.max(difference),
                };
            }
        }
        Ok(Self::Values {
            shape: a.shape().to_vec(),
            absolute,
            relative: match absolute == 0.0 {
                true => 0.0,
                false => absolute / largest,
            },
        })
    }

    fn is_within(&self, tolerance: f64) -> bool {
        matches!(self, Self::Values { relative, .. } if *relative <= tolerance)
    }

    fn row(&self, name: &str) -> [String; 4] {
        let name = cell(name);
        match self {
            Self::Shape(a, b) => [
                name,
                format!("{a:?} and {b:?}"),
                "other shape".to_owned(),
                String::new(),
            ],
            Self::Values {
                shape,
                absolute,
                relative,
            } => [
                name,
                format!("{shape:?}"),
                format!("{absolute:.3e}"),
                format!("{relative:.3e}"),
            ],
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entry(values: &'static [f32]) -> Entry {
        Entry::from_f32("w", vec![values.len()], || values.to_vec())
    }

    #[test]
    fn differences_are_relative_to_the_largest_value() {
        let difference = Difference::between(&entry(&[1.0, -4.0]), &entry(&[1.5, -4.0])).unwrap();
        let Difference::Values {
            absolute, relative, ..
        } = difference
        else {
            panic!("shapes agree");
        };
        assert_eq!((absolute, relative), (0.5, 0.125));
        assert!(difference.is_within(0.125) && !difference.is_within(0.12));
    }

    #[test]
    fn what_is_not_a_number_differs_from_every_number() {
        let nan = &[1.0, f32::NAN];
        let within = |a, b| {
            let difference = Difference::between(&entry(a), &entry(b)).unwrap();
            difference.is_within(1e30)
        };
        assert!(within(nan, nan));
        assert!(!within(nan, &[1.0, 2.0]));
        assert!(!within(&[1.0, 2.0], nan));
        assert!(!within(&[1.0, f32::NAN, 1.0], &[1.0, 2.0, 2.0]));
        assert!(!within(&[0.0], &[1.0]));
    }

    #[test]
    fn other_shapes_differ() {
        let difference = Difference::between(&entry(&[1.0]), &entry(&[1.0, 1.0])).unwrap();
        assert!(!difference.is_within(1e30));
        assert!(difference.row("w")[1].contains("[1] and [2]"));
    }
}
