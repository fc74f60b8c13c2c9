//! Images of one size in memory: MNIST's and CIFAR's files, and the embedded sample.

use std::collections::HashMap;

use scarlet_data::check::DuplicateGroup;
use scarlet_data::dataset::{Part, TrainTest};

use super::Listed;
use super::findings::{Findings, classes, duplicates, parts};
use super::thumbnails::Pictures;
use crate::cli::CheckDataArgs;
use crate::error::CliError;
use crate::report::check_data::{CheckReport, Labels};

const PARTS: [Part; 2] = [Part::Train, Part::Test];

pub(super) fn findings(images: TrainTest, args: &CheckDataArgs) -> Result<Findings, CliError> {
    let names = images.train.classes().to_vec();
    // Labels that the test images happen not to have do not make their classes fewer.
    let test = images.test.among(&names)?;
    let images = TrainTest {
        train: images.train,
        test,
    };
    let mut listed = Vec::new();
    let mut places = HashMap::new();
    let mut pixels = Vec::new();
    for part in PARTS {
        let of_part = match part {
            Part::Train => &images.train,
            _ => &images.test,
        };
        for (index, &class) in of_part.labels().iter().enumerate() {
            let path = format!("{}/{index}", part.name());
            places.insert(path.clone(), (part, index));
            pixels.push(of_part.image(index));
            listed.push(Listed {
                path,
                class: class as usize,
                part,
            });
        }
    }
    let groups = same(&pixels);
    let mut classes = classes(&listed, |_| true, &names, &PARTS, args.min_images);
    // Numbers in place of names say nothing of each other.
    classes.doubts.clear();
    let report = CheckReport::new(
        &args.data,
        listed.len(),
        parts(&listed, &PARTS),
        duplicates(&groups, &listed, &names),
        Labels::not_checked("labels are only checked for photographs in folders"),
        classes,
    );
    Ok(Findings {
        report,
        pictures: Pictures::Memory(Box::new(images), places),
    })
}

/// Groups of images of the same pixels, in order of their first.
fn same(pixels: &[&[u8]]) -> Vec<DuplicateGroup> {
    let mut firsts: HashMap<&[u8], usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, &pixels) in pixels.iter().enumerate() {
        let group = *firsts.entry(pixels).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(index);
    }
    groups.retain(|group| group.len() > 1);
    groups
        .into_iter()
        .map(DuplicateGroup::of_the_same)
        .collect()
}
