//! [`Labels`]: which class of the network each class of the images is.

use std::collections::HashMap;
use std::path::Path;

use scarlet_data::names::{NameMatcher, escaped, key, number};
use scarlet_data::{ClassOrder, imagenet};

use crate::class_names::ClassNames;
use crate::error::CliError;

/// The most names that a message lists.
const LISTED: usize = 20;

/// The classes of the images that a network is evaluated on.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) struct EvaluatedClasses<'a> {
    /// Their names, in order.
    pub(in crate::commands) names: &'a [String],
    /// For each whether there are images of it.
    pub(in crate::commands) has_images: &'a [bool],
    /// Where the images are.
    pub(in crate::commands) path: &'a Path,
}

/// The classes of images as those of a network.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands) struct Labels {
    /// For each of the images' classes, the index among the network's; none for a class without
    /// images that the network does not have.
    indices: Vec<Option<usize>>,
    names: Names,
    matched: Matched,
}

/// What the network's classes are called.
#[derive(Debug, PartialEq, Eq)]
enum Names {
    ImageNet,
    Listed(Vec<String>),
}

/// What told which class is which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matched {
    Names,
    WordNetIds,
    /// Folders are called by the numbers of the classes, counted from 0.
    Numbers,
    /// The same, counted from 1.
    NumbersFromOne,
    /// The first class is the network's first, and so on.
    Order,
}

/// What was decided about the classes, for people.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands) enum Decision {
    Clear(String),
    /// It could be otherwise, and the result would be wrong.
    Doubtful(String),
}

impl Labels {
    /// Matches the classes of images with those of a network of `count` classes: by their names or
    /// WordNet ids, where the network's are known, by their numbers, or else by their order.
    pub(in crate::commands) fn new(
        classes: &EvaluatedClasses<'_>,
        count: usize,
        names: &ClassNames,
    ) -> Result<Self, CliError> {
        let is_imagenet = count == imagenet::classes().len();
        if is_imagenet && let Some(indices) = classes.indices(wordnet_id) {
            return Ok(Self {
                indices,
                names: Names::ImageNet,
                matched: Matched::WordNetIds,
            });
        }
        match names {
            ClassNames::Given(given) => {
                let places = NameMatcher::new(given).places(&classes.used());
                if let Some(indices) = classes.spread(places) {
                    return Ok(Self {
                        indices,
                        names: Names::Listed(given.clone()),
                        matched: Matched::Names,
                    });
                }
            }
            ClassNames::ImageNet => {
                let known = imagenet_names();
                let place = |name: &str| known.get(&key(&name.replace('_', " "))).copied()?;
                if let Some(indices) = classes.indices(place) {
                    return Ok(Self {
                        indices,
                        names: Names::ImageNet,
                        matched: Matched::Names,
                    });
                }
            }
            ClassNames::Unknown => {}
        }
        if let Some(labels) = Self::by_number(classes, count, names) {
            return Ok(labels);
        }
        if let Some(indices) = classes.in_order(count)
            && let Some(names) = names_in_order(classes, count, names)
            && !(is_imagenet && classes.are_numbers())
        {
            return Ok(Self {
                indices,
                names,
                matched: Matched::Order,
            });
        }
        Err(CliError::EvaluatedClasses(refusal(classes, count, names)))
    }

    /// Where all names are numbers of the network's classes.
    fn by_number(classes: &EvaluatedClasses<'_>, count: usize, names: &ClassNames) -> Option<Self> {
        let below = |name: &str| number(name).filter(|&number| number < count);
        let from_one = |name: &str| number(name)?.checked_sub(1).filter(|&index| index < count);
        // Folders without images tell too where counting begins.
        let beyond = |name: &String| number(name).is_some_and(|number| number >= count);
        let from_zero = !classes.names.iter().any(beyond);
        let (indices, matched) = match classes.indices(below).filter(|_| from_zero) {
            Some(indices) => (indices, Matched::Numbers),
            // Of ImageNet's they could as well be ILSVRC2012's numbers, which have another order.
            None if classes.names.len() == count && !matches!(names, ClassNames::ImageNet) => {
                (classes.indices(from_one)?, Matched::NumbersFromOne)
            }
            None => return None,
        };
        let mut distinct: Vec<usize> = indices.iter().flatten().copied().collect();
        distinct.sort_unstable();
        if distinct.windows(2).any(|pair| pair[0] == pair[1]) {
            return None;
        }
        let names = match names {
            ClassNames::ImageNet => Names::ImageNet,
            ClassNames::Given(names) => Names::Listed(names.clone()),
            ClassNames::Unknown => {
                let first = usize::from(matched == Matched::NumbersFromOne);
                Names::Listed((first..first + count).map(|it| it.to_string()).collect())
            }
        };
        Some(Self {
            indices,
            names,
            matched,
        })
    }

    /// The network's class of one of the images' classes.
    pub(in crate::commands) fn class(&self, class: usize) -> usize {
        // Every class with images has one.
        self.indices[class].unwrap_or_default()
    }

    /// What a class of the network is called.
    pub(in crate::commands) fn name(&self, class: usize) -> String {
        match &self.names {
            Names::ImageNet => imagenet::classes()[class].name.to_owned(),
            Names::Listed(names) => names[class].clone(),
        }
    }

    pub(in crate::commands) fn wnid(&self, class: usize) -> Option<&'static str> {
        match self.names {
            Names::ImageNet => Some(imagenet::classes()[class].wnid),
            Names::Listed(_) => None,
        }
    }

    /// Whether these are ImageNet's own 1,000 folders.
    pub(in crate::commands) fn is_whole_imagenet(&self) -> bool {
        self.matched == Matched::WordNetIds && self.indices.len() == imagenet::classes().len()
    }

    /// What was decided about these classes, where names did not decide.
    pub(in crate::commands) fn decision(&self, classes: &[String]) -> Option<Decision> {
        if self.indices.len() < 2 {
            return None;
        }
        let example = || {
            let place = self.indices.iter().rposition(Option::is_some)?;
            let name = self.name(self.indices[place]?);
            let [folder, name] = [&classes[place], &name].map(|name| escaped(name));
            (folder != name).then(|| format!(": `{folder}` is {name}"))
        };
        let numbers = |first: usize| {
            format!(
                "the folder names are read as the numbers of the network's classes, counted from \
                 {first}{}",
                example().unwrap_or_default()
            )
        };
        match self.matched {
            Matched::Names | Matched::WordNetIds => None,
            Matched::Numbers => Some(match classes.iter().any(|name| number(name) == Some(0)) {
                true => Decision::Clear(numbers(0)),
                false => {
                    Decision::Doubtful(numbers(0) + "; there is no `0`, so they may count from 1")
                }
            }),
            Matched::NumbersFromOne => Some(Decision::Doubtful(
                numbers(1)
                    + "; if the network was trained on them in the order of their names' bytes (1, \
                       10, 2), as in torchvision's ImageFolder, write the names in that order \
                       into classes.txt next to the weights, one per line",
            )),
            Matched::Order => {
                let advice = "the names of the network's classes are not known: if it was trained \
                              on them in another order, write their names in that order into \
                              classes.txt next to the weights, one per line";
                Some(match ClassOrder::Natural.decision(classes) {
                    Some(order) => Decision::Doubtful(format!("{order}; {advice}")),
                    None => Decision::Clear(format!(
                        "the folders are matched with the network's classes in the order of \
                         their names; {advice}"
                    )),
                })
            }
        }
    }
}

impl EvaluatedClasses<'_> {
    /// Names of the classes that there are images of.
    fn used(&self) -> Vec<String> {
        let classes = self.names.iter().zip(self.has_images);
        let used = classes.filter(|(_, has_images)| **has_images);
        used.map(|(name, _)| name.clone()).collect()
    }

    /// For each class what `place` says, if it says something for all that there are images of.
    fn indices(&self, place: impl Fn(&str) -> Option<usize>) -> Option<Vec<Option<usize>>> {
        let places: Vec<Option<usize>> = self.names.iter().map(|name| place(name)).collect();
        let mut known = places.iter().zip(self.has_images);
        known
            .all(|(place, has_images)| place.is_some() || !has_images)
            .then_some(places)
    }

    /// The places of the classes that there are images of, among those of all.
    fn spread(&self, places: Vec<Option<usize>>) -> Option<Vec<Option<usize>>> {
        let places: Option<Vec<usize>> = places.into_iter().collect();
        let mut places = places?.into_iter();
        let place = |&has_images: &bool| has_images.then(|| places.next()).flatten();
        Some(self.has_images.iter().map(place).collect())
    }

    /// The classes one after the other, if they are as many as the network's; those without images
    /// count only if they make up the number.
    fn in_order(&self, count: usize) -> Option<Vec<Option<usize>>> {
        if self.names.len() == count {
            return Some((0..count).map(Some).collect());
        }
        let used = self.has_images.iter().filter(|&&it| it).count();
        match used == count {
            true => self.spread((0..count).map(Some).collect()),
            false => None,
        }
    }

    fn are_numbers(&self) -> bool {
        self.names.iter().all(|name| number(name).is_some())
    }
}

/// The names of classes that are matched by their order; none where known names forbid it, because
/// the images' are others.
fn names_in_order(
    classes: &EvaluatedClasses<'_>,
    count: usize,
    names: &ClassNames,
) -> Option<Names> {
    Some(Names::Listed(match names {
        // Numbers say less.
        ClassNames::Given(given) if classes.are_numbers() => given.clone(),
        ClassNames::Given(given) if !given.iter().all(|name| number(name).is_some()) => {
            return None;
        }
        _ if classes.names.len() == count => classes.names.to_vec(),
        _ => classes.used(),
    }))
}

/// The class of ImageNet whose WordNet id a folder's name is or begins with, as in
/// `n02085620-Chihuahua`.
fn wordnet_id(name: &str) -> Option<usize> {
    let name = name.trim();
    let (id, rest) = name.split_at_checked(9)?;
    let ends = rest.chars().next().is_none_or(|c| !c.is_alphanumeric());
    ends.then(|| imagenet::class_index(id)).flatten()
}

/// ImageNet's classes by the [keys](key) of what they are called, where no other is called so.
fn imagenet_names() -> HashMap<String, Option<usize>> {
    let mut names: HashMap<String, Option<usize>> = HashMap::new();
    for (index, class) in imagenet::classes().iter().enumerate() {
        let mut keys: Vec<String> = class.lemmas.split(", ").map(key).collect();
        keys.push(key(class.lemmas));
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            names
                .entry(key)
                .and_modify(|other| *other = None)
                .or_insert(Some(index));
        }
    }
    names
}

fn refusal(classes: &EvaluatedClasses<'_>, count: usize, names: &ClassNames) -> String {
    let (path, used) = (classes.path.display(), classes.used());
    if let ClassNames::Given(given) = names {
        let matcher = NameMatcher::new(given);
        let places = matcher.places(&used);
        let unknown = used.iter().zip(places).find(|(_, place)| place.is_none());
        if let Some((name, _)) = unknown
            && (given.iter().any(|name| number(name).is_none()) || used.len() > count)
        {
            let alike: Vec<String> = matcher
                .alike(name)
                .into_iter()
                .map(|name| format!("`{}`", escaped(name)))
                .collect();
            let doubt = match alike.is_empty() {
                true => String::new(),
                false => format!(" (it is not clear which of them `{}` is)", escaped(name)),
            };
            return format!(
                "{path} has images of class `{}`, but the classes that the network was trained on \
                 are {} (classes.txt next to its weights){doubt}: give the folder that the network \
                 was trained on, or give its class folders these names",
                escaped(name),
                listed(given)
            );
        }
    }
    let mut message = format!(
        "{path} has images of {} classes, but the network has {count} classes",
        used.len()
    );
    let unknown = used.iter().find(|name| wordnet_id(name).is_none());
    match unknown.filter(|_| count == imagenet::classes().len()) {
        Some(name) => message.push_str(&format!(
            ": name the folders by ImageNet's WordNet ids, as in n02124075 (`{}` is no such id), or by \
             the numbers of its classes, 0 to 999, or give a network that was trained on these \
             classes with --weights",
            escaped(name)
        )),
        None => message.push_str(
            ": give the folder that the network was trained on, or a network that was trained on \
             these classes with --weights",
        ),
    }
    message
}

/// Names as a message can hold them.
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(LISTED)
        .map(|name| escaped(name))
        .collect();
    match names.len().checked_sub(LISTED) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests;
