//! What all kinds of data have in common.

use std::collections::BTreeMap;

use scarlet_data::check::DuplicateGroup;
use scarlet_data::dataset::Part;

use super::Listed;
use super::thumbnails::Pictures;
use crate::report::check_data::{
    CheckReport, ClassCount, Classes, Duplicates, Group, ImageRef, PartCount,
};

/// What was found, and where to get pictures of it.
pub(super) struct Findings {
    pub(super) report: CheckReport,
    pub(super) pictures: Pictures,
}

/// An image as reports name it.
pub(super) fn image(listed: &Listed, classes: &[String]) -> ImageRef {
    ImageRef {
        path: listed.path.clone(),
        class: classes[listed.class].clone(),
        part: listed.part.name(),
    }
}

pub(super) fn parts(listed: &[Listed], parts: &[Part]) -> Vec<PartCount> {
    let count = |part: Part| listed.iter().filter(|it| it.part == part).count();
    parts
        .iter()
        .map(|&part| PartCount {
            name: part.name(),
            images: count(part),
        })
        .collect()
}

/// Groups by how bad they are: the same picture in several classes, in several parts, and twice.
pub(super) fn duplicates(
    groups: &[DuplicateGroup],
    listed: &[Listed],
    classes: &[String],
) -> Duplicates {
    let mut found = Duplicates::default();
    for group in groups {
        let members = || group.images.iter().map(|&index| &listed[index]);
        let differ = |is_other: &dyn Fn(&Listed) -> bool| members().any(is_other);
        let first = &listed[group.images[0]];
        let has_several_classes = differ(&|it| it.class != first.class);
        let has_several_parts = differ(&|it| it.part != first.part);
        let kind = match (has_several_classes, has_several_parts) {
            (true, _) => &mut found.conflicts,
            (false, true) => &mut found.leaks,
            (false, false) => &mut found.within_class,
        };
        kind.push(Group {
            exact: group.exact,
            images: members().map(|it| image(it, classes)).collect(),
        });
    }
    found
}

/// How many images classes have, and which have too few. `readable` says which images count.
pub(super) fn classes(
    listed: &[Listed],
    readable: impl Fn(usize) -> bool,
    names: &[String],
    parts: &[Part],
    min_images: usize,
) -> Classes {
    let mut counts: Vec<BTreeMap<Part, u64>> = vec![BTreeMap::new(); names.len()];
    for (index, listed) in listed.iter().enumerate() {
        if readable(index) {
            *counts[listed.class].entry(listed.part).or_default() += 1;
        }
    }
    let of = |class: usize, part: Part| counts[class].get(&part).copied().unwrap_or_default();
    let which = |is: &dyn Fn(usize) -> bool| -> Vec<String> {
        let classes = (0..names.len()).filter(|&class| is(class));
        classes.map(|class| names[class].clone()).collect()
    };
    let others: Vec<Part> = parts
        .iter()
        .copied()
        .filter(|&part| part != Part::Train)
        .collect();
    let trained = |class: usize| of(class, Part::Train);
    let elsewhere = |class: usize| others.iter().map(|&part| of(class, part)).sum::<u64>();
    let missing = |part: Part| which(&|class| of(class, part) == 0 && trained(class) > 0);
    let present = || (0..names.len()).map(trained).filter(|&count| count > 0);
    Classes {
        counts: names
            .iter()
            .enumerate()
            .map(|(class, name)| ClassCount {
                name: name.clone(),
                images: parts.iter().map(|&part| of(class, part)).collect(),
            })
            .collect(),
        min_images,
        empty: which(&|class| trained(class) == 0 && elsewhere(class) == 0),
        not_trained: which(&|class| trained(class) == 0 && elsewhere(class) > 0),
        single: which(&|class| trained(class) == 1),
        small: which(&|class| trained(class) > 1 && trained(class) < min_images as u64),
        missing: others
            .iter()
            .map(|&part| (part.name(), missing(part)))
            .filter(|(_, classes)| !classes.is_empty())
            .collect(),
        imbalance: match (present().max(), present().min()) {
            (Some(most), Some(least)) => most as f64 / least as f64,
            _ => 1.0,
        },
        doubts: Vec::new(),
    }
}
