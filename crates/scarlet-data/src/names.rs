//! Names of classes: in which order they come, and which mean the same.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// In which order the classes of a folder come, which is that of a network's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassOrder {
    /// By their numbers, if their names are numbers or differ in one number only (`7`, `007`,
    /// `class7`), as timm has it; otherwise as [`Bytes`](Self::Bytes).
    #[default]
    Natural,
    /// By the bytes of their names, as torchvision's `ImageFolder` has it: `1`, `10`, `2`.
    Bytes,
}

impl ClassOrder {
    /// How two names are ordered among `names`.
    pub(crate) fn compare(self, names: &[String]) -> fn(&str, &str) -> Ordering {
        match self {
            Self::Natural if are_numbered(names) => by_number,
            _ => |a, b| a.cmp(b),
        }
    }

    /// What was decided about classes whose names have numbers, for people; none about others.
    pub fn decision(self, classes: &[String]) -> Option<String> {
        if !are_numbered(classes) {
            return None;
        }
        let mut other = classes.to_vec();
        Some(match self {
            Self::Natural => {
                other.sort();
                let mut text = format!(
                    "classes are in the order of their numbers: {}",
                    beginning(classes)
                );
                if other != classes {
                    text.push_str(&format!(
                        " (by their bytes, as torchvision's ImageFolder has them, they would be {})",
                        beginning(&other)
                    ));
                }
                text
            }
            Self::Bytes => {
                other.sort_by(|a, b| by_number(a, b));
                if other == classes {
                    return None;
                }
                format!(
                    "classes are in the order of their names' bytes: {}, not of their numbers",
                    beginning(classes)
                )
            }
        })
    }
}

/// The first few names and the last.
fn beginning(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(4).map(|name| escaped(name)).collect();
    let text = shown.join(", ");
    match names {
        [_, _, _, _, _, .., last] => format!("{text}, …, {}", escaped(last)),
        [_, _, _, _, last] => format!("{text}, {}", escaped(last)),
        _ => text,
    }
}

/// A name's last number, with what is before and after it.
fn parts(name: &str) -> Option<[&str; 3]> {
    let name = name.trim();
    let end = name.rfind(|c: char| c.is_ascii_digit())? + 1;
    let digits = name[..end]
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .len();
    Some([&name[..digits], &name[digits..end], &name[end..]])
}

/// Whether names differ in a number only.
fn are_numbered(names: &[String]) -> bool {
    let mut around = names.iter().map(|name| {
        let [before, _, after] = parts(name)?;
        Some((before, after))
    });
    match around.next().flatten() {
        Some(first) => names.len() > 1 && around.all(|other| other == Some(first)),
        None => false,
    }
}

fn by_number(a: &str, b: &str) -> Ordering {
    let number = |name| {
        let digits = parts(name).map_or("", |[_, digits, _]| digits);
        let digits = digits.trim_start_matches('0');
        (digits.len(), digits.to_owned())
    };
    number(a).cmp(&number(b)).then_with(|| a.cmp(b))
}

/// The number that a name is, zeros in front and blanks around it aside; none for other names.
pub fn number(name: &str) -> Option<usize> {
    let name = name.trim();
    let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| name.parse().ok()).flatten()
}

/// What names have in common that mean the same: Unicode's normalisation form, letter case, blanks
/// around the name and zeros in front of a number make no difference.
pub fn key(name: &str) -> String {
    if let Some(number) = number(name) {
        return number.to_string();
    }
    let name: String = name.nfc().collect();
    // Lowering letters may part them from their marks.
    name.trim().to_lowercase().nfc().collect()
}

/// A name with everything visible that a terminal would not show, or obey: control characters,
/// marks that join the letter before them, blanks other than spaces.
pub fn escaped(name: &str) -> String {
    let visible = |c: char| match c {
        '"' | '\'' => c.to_string(),
        '\n' | '\r' | '\t' => c.escape_default().to_string(),
        c if c.is_whitespace() && c != ' ' => c.escape_unicode().to_string(),
        c => c.escape_debug().to_string(),
    };
    name.chars().map(visible).collect()
}

/// Finds names among known ones: each by itself, or else by its [`key`] if that leaves no doubt.
#[derive(Debug)]
pub struct NameMatcher<'a> {
    known: &'a [String],
    exact: HashMap<&'a str, usize>,
    keys: HashMap<String, Vec<usize>>,
}

impl<'a> NameMatcher<'a> {
    /// A matcher for these known names.
    pub fn new(known: &'a [String]) -> Self {
        let mut keys: HashMap<String, Vec<usize>> = HashMap::new();
        let mut exact = HashMap::new();
        for (place, name) in known.iter().enumerate() {
            exact.entry(name.as_str()).or_insert(place);
            keys.entry(key(name)).or_default().push(place);
        }
        Self { known, exact, keys }
    }

    /// For each name its place among the known ones. No two names have the same place; where two
    /// could have it, none does.
    pub fn places(&self, names: &[String]) -> Vec<Option<usize>> {
        let exact = |name: &String| self.exact.get(name.as_str()).copied();
        let mut places: Vec<Option<usize>> = names.iter().map(exact).collect();
        let taken: BTreeSet<usize> = places.iter().flatten().copied().collect();
        let mut wanted: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, name) in names.iter().enumerate() {
            if places[index].is_none()
                && let Some([place]) = self.keys.get(&key(name)).map(Vec::as_slice)
                && !taken.contains(place)
            {
                wanted.entry(*place).or_default().push(index);
            }
        }
        for (place, indices) in wanted {
            if let [index] = indices[..] {
                places[index] = Some(place);
            }
        }
        places
    }

    /// The place of the name that is written exactly so.
    pub fn exact(&self, name: &str) -> Option<usize> {
        self.exact.get(name).copied()
    }

    /// Known names that mean the same as `name`.
    pub fn alike(&self, name: &str) -> Vec<&'a str> {
        let places = self.keys.get(&key(name)).into_iter().flatten();
        places.map(|&place| self.known[place].as_str()).collect()
    }
}

/// Names that mean the same as another of them, together.
pub fn look_alikes(names: &[String]) -> Vec<Vec<&str>> {
    let mut groups: Vec<Vec<&str>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for name in names {
        let place = *places.entry(key(name)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(name);
    }
    groups.retain(|group| group.len() > 1);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    fn ordered(order: ClassOrder, list: &[&str]) -> Vec<String> {
        let mut names = names(list);
        let compare = order.compare(&names.clone());
        names.sort_by(|a, b| compare(a, b));
        names
    }

    #[test]
    fn numbers_come_in_their_order_whatever_is_around_them() {
        let natural = |list: &[&str]| ordered(ClassOrder::Natural, list);
        assert_eq!(natural(&["10", "9", "1"]), ["1", "9", "10"]);
        assert_eq!(natural(&["010", "9", "001"]), ["001", "9", "010"]);
        assert_eq!(natural(&["1", "01"]), ["01", "1"]);
        assert_eq!(
            natural(&["class12", "class2", "class1"]),
            ["class1", "class2", "class12"]
        );
        assert_eq!(natural(&["10 mm", "2 mm"]), ["2 mm", "10 mm"]);
        assert_eq!(natural(&["v1.10", "v1.9"]), ["v1.9", "v1.10"]);
        let huge = "99999999999999999999999999999999";
        assert_eq!(natural(&[huge, "3"]), ["3", huge]);
        // Anything else by bytes.
        assert_eq!(natural(&["10", "9", "x"]), ["10", "9", "x"]);
        assert_eq!(natural(&["b10", "a9"]), ["a9", "b10"]);
        assert_eq!(natural(&["ä", "b", "B"]), ["B", "b", "ä"]);
        assert_eq!(ordered(ClassOrder::Bytes, &["9", "10"]), ["10", "9"]);
    }

    #[test]
    fn what_was_decided_is_told_where_it_matters() {
        let twelve = ordered(
            ClassOrder::Natural,
            &[
                "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12",
            ],
        );
        assert_eq!(
            ClassOrder::Natural.decision(&twelve).unwrap(),
            "classes are in the order of their numbers: 1, 2, 3, 4, …, 12 (by their bytes, as \
             torchvision's ImageFolder has them, they would be 1, 10, 11, 12, …, 9)"
        );
        let few = names(&["0", "1"]);
        assert_eq!(
            ClassOrder::Natural.decision(&few).unwrap(),
            "classes are in the order of their numbers: 0, 1"
        );
        assert_eq!(ClassOrder::Bytes.decision(&few), None);
        assert_eq!(
            ClassOrder::Bytes
                .decision(&names(&["1", "10", "2"]))
                .unwrap(),
            "classes are in the order of their names' bytes: 1, 10, 2, not of their numbers"
        );
        assert_eq!(ClassOrder::Natural.decision(&names(&["cat", "dog"])), None);
    }

    #[test]
    fn names_that_mean_the_same_are_found_if_that_leaves_no_doubt() {
        let known = names(&["Café", "dog ", "007", "Emu", "emu"]);
        let matcher = NameMatcher::new(&known);
        let places = |list: &[&str]| matcher.places(&names(list));
        assert_eq!(
            places(&["cafe\u{301}", "dog", "7", "emu", "EMU", "cow"]),
            [Some(0), Some(1), Some(2), Some(4), None, None]
        );
        // Two that could be the same class are not.
        assert_eq!(places(&["Dog", " dog"]), [None, None]);
        assert_eq!(places(&["dog ", " dog"]), [Some(1), None]);
        assert_eq!(matcher.alike("EMU"), ["Emu", "emu"]);
        assert_eq!(key("A\u{30A}ngstrom"), key("ångstrom"));
        assert_ne!(key("cafe"), key("café"));
        assert_eq!(look_alikes(&known), [["Emu", "emu"]]);
    }

    #[test]
    fn what_is_invisible_is_shown() {
        assert_eq!(escaped("cafe\u{301}"), "cafe\\u{301}");
        assert_eq!(escaped("café's \"x\""), "café's \"x\"");
        assert_eq!(escaped("a\nb\u{1b}[31m\u{a0}"), "a\\nb\\u{1b}[31m\\u{a0}");
        assert_eq!(number(" 007 "), Some(7));
        assert_eq!([number("-1"), number("1.0"), number("")], [None; 3]);
    }
}
