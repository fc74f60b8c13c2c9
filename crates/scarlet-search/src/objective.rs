//! [`Objective`] and [`Constraint`]: what is wanted, as data.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{SearchError, config::require};

/// Which way an objective is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// More is better.
    Maximize,
    /// Less is better.
    Minimize,
}

/// A metric to make as large or as small as possible.
///
/// Its text form, also that of configuration files, is `maximize NAME` or `minimize NAME`,
/// optionally followed by `weight NUMBER` and `reference NUMBER`:
///
/// ```
/// use scarlet_search::Objective;
///
/// let objective: Objective = "maximize accuracy weight 2 reference 0.5".parse()?;
/// assert_eq!(objective, Objective::maximize("accuracy").with_weight(2.0).with_reference(0.5));
/// # Ok::<(), scarlet_search::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Objective {
    /// Name of the metric.
    pub name: String,
    /// Which way is better.
    pub direction: Direction,
    /// The objective's share in the crowding distance, 0 or more. 1 for all objectives is NSGA-II
    /// as published; a larger weight spreads the search more along its objective.
    pub weight: f64,
    /// The value from which on the objective counts in the hypervolume: its coordinate of the
    /// reference point. `None` takes the worst value among the feasible candidates of the first
    /// generation that has any. Give it to compare hypervolumes of different runs.
    pub reference: Option<f64>,
}

impl Objective {
    /// The more of metric `name` the better.
    pub fn maximize(name: impl Into<String>) -> Self {
        Self::new(name.into(), Direction::Maximize)
    }

    /// The less of metric `name` the better.
    pub fn minimize(name: impl Into<String>) -> Self {
        Self::new(name.into(), Direction::Minimize)
    }

    fn new(name: String, direction: Direction) -> Self {
        Self {
            name,
            direction,
            weight: 1.0,
            reference: None,
        }
    }

    /// The same objective with another [`weight`](Self::weight).
    pub fn with_weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// The same objective with a [`reference`](Self::reference).
    pub fn with_reference(mut self, reference: f64) -> Self {
        self.reference = Some(reference);
        self
    }

    /// A value as one to minimise, or such a value back as it was measured.
    pub(crate) fn oriented(&self, value: f64) -> f64 {
        match self.direction {
            Direction::Maximize => -value,
            Direction::Minimize => value,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), SearchError> {
        let invalid = |setting, value: f64, expected| {
            Err(SearchError::InvalidSetting {
                setting,
                value: format!("{value} for the objective `{}`", self.name),
                expected,
            })
        };
        validate_name(&self.name)?;
        if !(self.weight.is_finite() && self.weight >= 0.0) {
            return invalid("weight", self.weight, "a number of 0 or more");
        }
        match self.reference {
            Some(value) if !value.is_finite() => invalid("reference", value, "a finite number"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Maximize => "maximize",
            Direction::Minimize => "minimize",
        };
        write!(formatter, "{direction} {}", self.name)?;
        if self.weight != 1.0 {
            write!(formatter, " weight {}", self.weight)?;
        }
        if let Some(reference) = self.reference {
            write!(formatter, " reference {reference}")?;
        }
        Ok(())
    }
}

impl FromStr for Objective {
    type Err = SearchError;

    fn from_str(text: &str) -> Result<Self, SearchError> {
        let invalid = |reason: String| SearchError::InvalidObjective {
            text: text.to_owned(),
            reason,
        };
        let mut words = text.split_whitespace();
        let direction = match words.next() {
            Some("maximize") => Direction::Maximize,
            Some("minimize") => Direction::Minimize,
            Some(other) => return Err(invalid(format!("`{other}` is no direction"))),
            None => return Err(invalid("it is empty".to_owned())),
        };
        let name = words.next().ok_or_else(|| invalid("no name".to_owned()))?;
        let mut objective = Self::new(name.to_owned(), direction);
        while let Some(key) = words.next() {
            let word = words.next().unwrap_or_default();
            let value = parse_number(word)
                .ok_or_else(|| invalid(format!("`{word}` after `{key}` is not a number")))?;
            match key {
                "weight" => objective.weight = value,
                "reference" => objective.reference = Some(value),
                _ => return Err(invalid(format!("`{key}` is unknown"))),
            }
        }
        Ok(objective)
    }
}

/// The side on which a [`Constraint`] bounds its metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
}

/// A bound on a metric.
///
/// Its text form, also that of configuration files, is `NAME <= NUMBER` or `NAME >= NUMBER`. `_`
/// may group the number's digits, and a K, M or G after it means 10^3, 10^6 or 10^9.
///
/// ```
/// use scarlet_search::{Bound, Constraint};
///
/// let constraint: Constraint = "mult_adds <= 400M".parse()?;
/// assert_eq!(constraint, Constraint::new("mult_adds", Bound::AtMost, 400e6));
/// assert_eq!(constraint.violation(400e6), 0.0);
/// assert_eq!(constraint.violation(500e6), 0.25);
/// # Ok::<(), scarlet_search::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Constraint {
    /// Name of the metric.
    pub name: String,
    /// On which side it is bounded.
    pub bound: Bound,
    /// The last value that satisfies the constraint.
    pub limit: f64,
}

impl Constraint {
    /// Bounds the metric `name` at `limit`.
    pub fn new(name: impl Into<String>, bound: Bound, limit: f64) -> Self {
        Self {
            name: name.into(),
            bound,
            limit,
        }
    }

    /// How far a value lies beyond the limit, as a fraction of the limit's size (as it is, when
    /// the limit is 0); 0 if it satisfies the constraint. The fraction makes violations of
    /// different metrics comparable, since constrained domination adds them up.
    pub fn violation(&self, value: f64) -> f64 {
        let excess = match self.bound {
            Bound::AtMost => value - self.limit,
            Bound::AtLeast => self.limit - value,
        };
        let scale = if self.limit == 0.0 {
            1.0
        } else {
            self.limit.abs()
        };
        (excess / scale).max(0.0)
    }

    pub(crate) fn validate(&self) -> Result<(), SearchError> {
        validate_name(&self.name)?;
        match self.limit.is_finite() {
            true => Ok(()),
            false => Err(SearchError::InvalidSetting {
                setting: "limit",
                value: format!("{} for the constraint on `{}`", self.limit, self.name),
                expected: "a finite number",
            }),
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = match self.bound {
            Bound::AtMost => "<=",
            Bound::AtLeast => ">=",
        };
        write!(formatter, "{} {bound} {}", self.name, self.limit)
    }
}

impl FromStr for Constraint {
    type Err = SearchError;

    fn from_str(text: &str) -> Result<Self, SearchError> {
        let invalid = |reason: String| SearchError::InvalidConstraint {
            text: text.to_owned(),
            reason,
        };
        let (name, bound, limit) = if let Some((name, limit)) = text.split_once("<=") {
            (name.trim(), Bound::AtMost, limit.trim())
        } else if let Some((name, limit)) = text.split_once(">=") {
            (name.trim(), Bound::AtLeast, limit.trim())
        } else {
            return Err(invalid("it has neither `<=` nor `>=`".to_owned()));
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(invalid(format!("`{name}` is no name")));
        }
        let limit =
            parse_number(limit).ok_or_else(|| invalid(format!("`{limit}` is no number")))?;
        Ok(Self::new(name, bound, limit))
    }
}

/// Refuses a name that the text form could not hold, since a saved search holds that.
fn validate_name(name: &str) -> Result<(), SearchError> {
    let breaks = |letter: char| letter.is_whitespace() || "<>=".contains(letter);
    require(
        !name.is_empty() && !name.contains(breaks),
        "name",
        format!("`{name}`"),
        "a word without spaces, `<`, `>` and `=`",
    )
}

fn parse_number(text: &str) -> Option<f64> {
    // The scale as a decimal exponent, not as a factor: `4.35M` must be 4,350,000 exactly.
    let (digits, exponent) = match text.char_indices().next_back()? {
        (end, 'K') => (&text[..end], "e3"),
        (end, 'M') => (&text[..end], "e6"),
        (end, 'G') => (&text[..end], "e9"),
        _ => (text, ""),
    };
    format!("{}{exponent}", digits.replace('_', ""))
        .parse()
        .ok()
}

macro_rules! text_form {
    ($($type:ty),*) => {$(
        impl TryFrom<String> for $type {
            type Error = SearchError;

            fn try_from(text: String) -> Result<Self, SearchError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    )*};
}

text_form!(Objective, Constraint);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_come_back_as_they_were() {
        let objectives = [
            Objective::maximize("accuracy"),
            Objective::minimize("mult_adds").with_weight(0.1),
            Objective::maximize("parameters")
                .with_weight(0.0)
                .with_reference(-1e-7),
        ];
        for objective in objectives {
            assert_eq!(
                objective.to_string().parse::<Objective>().unwrap(),
                objective
            );
        }
        let constraints = [
            Constraint::new("mult_adds", Bound::AtMost, 0.1 + 0.2),
            Constraint::new("accuracy", Bound::AtLeast, -1.5e300),
        ];
        for constraint in constraints {
            assert_eq!(
                constraint.to_string().parse::<Constraint>().unwrap(),
                constraint
            );
        }
    }

    #[test]
    fn numbers_may_be_grouped_and_scaled() {
        let limit = |text: &str| text.parse::<Constraint>().unwrap().limit;
        assert_eq!(limit("a<=500_000"), 5e5);
        assert_eq!(limit("a >= 2.5K"), 2500.0);
        assert_eq!(limit("a>= 4G"), 4e9);
        assert_eq!(limit("a <= 1.001K"), 1001.0);
    }

    #[test]
    fn violations_are_relative_to_the_limit() {
        let at_least = Constraint::new("a", Bound::AtLeast, -2.0);
        assert_eq!(at_least.violation(-2.0), 0.0);
        assert_eq!(at_least.violation(-3.0), 0.5);
        let zero = Constraint::new("a", Bound::AtMost, 0.0);
        assert_eq!(zero.violation(3.0), 3.0);
        assert_eq!(zero.violation(-3.0), 0.0);
    }

    #[test]
    fn unreadable_objectives_are_explained() {
        let reason = |text: &str| text.parse::<Objective>().unwrap_err().to_string();
        assert!(reason("").contains("it is empty"));
        assert!(reason("more accuracy").contains("`more` is no direction"));
        assert!(reason("maximize").contains("no name"));
        assert!(reason("maximize a weight").contains("`` after `weight` is not a number"));
        assert!(reason("maximize a weight é").contains("`é` after `weight` is not a number"));
        assert!(reason("maximize a colour 3").contains("`colour` is unknown"));
        assert!(reason("more accuracy").contains("write `maximize NAME`"));
    }

    #[test]
    fn unreadable_constraints_are_explained() {
        let reason = |text: &str| text.parse::<Constraint>().unwrap_err().to_string();
        assert!(reason("a < 3").contains("neither `<=` nor `>=`"));
        assert!(reason("<= 3").contains("`` is no name"));
        assert!(reason("a b <= 3").contains("`a b` is no name"));
        assert!(reason("a <= three").contains("`three` is no number"));
        assert!(reason("a <= M").contains("`M` is no number"));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let weight = Objective::maximize("a").with_weight(-1.0).validate();
        assert_eq!(
            weight.unwrap_err().to_string(),
            "`weight` is -1 for the objective `a`; it must be a number of 0 or more"
        );
        let reference = Objective::maximize("a").with_reference(f64::NAN).validate();
        assert!(
            reference
                .unwrap_err()
                .to_string()
                .contains("a finite number")
        );
        for name in ["", "top 1", "a=b"] {
            let objective = Objective::maximize(name)
                .validate()
                .unwrap_err()
                .to_string();
            let constraint = Constraint::new(name, Bound::AtMost, 1.0)
                .validate()
                .unwrap_err();
            assert_eq!(objective, constraint.to_string());
            assert!(objective.contains(&format!("`name` is `{name}`; it must be a word")));
        }
        let limit = Constraint::new("a", Bound::AtMost, f64::INFINITY).validate();
        assert!(limit.unwrap_err().to_string().contains("constraint on `a`"));
    }
}
