//! [`Network`]: what the page says of the network.

use std::fmt;

use scarlet::CardAccuracy;
use serde::Serialize;

use super::site::MOST_BYTES;
use crate::class_names::ClassNames;
use crate::model::Model;
use crate::report::Setting;
use crate::report::number::thousands;

/// What the page says of the network.
#[derive(Debug, Serialize)]
pub(super) struct Network {
    #[serde(flatten)]
    setting: Setting,
    /// Names of the classes, in the network's order.
    classes: Vec<String>,
    trained_on: Option<String>,
    training_images: Option<u64>,
    accuracies: Vec<Judged>,
    /// The largest photograph that is taken.
    most_bytes: u64,
    /// Whether it can be told where the network looks.
    places: bool,
}

/// An accuracy, with its 95 % interval.
#[derive(Debug, Serialize)]
struct Judged {
    #[serde(flatten)]
    accuracy: CardAccuracy,
    share: f64,
    interval: [f64; 2],
}

impl Network {
    pub(super) fn of(model: &Model, names: &ClassNames) -> Self {
        let mut setting = Setting::of(model);
        // Whoever sees the page need not know this machine's folders.
        setting.weights = file_name(&setting.weights).to_owned();
        let card = model.card();
        let accuracies = card.map_or(&[][..], |card| &card.accuracies);
        Self {
            setting,
            classes: (0..model.architecture().classes)
                .map(|class| names.name(class))
                .collect(),
            trained_on: card.and_then(|card| card.trained_on.clone()),
            training_images: card.and_then(|card| card.training_images),
            accuracies: accuracies.iter().map(Judged::of).collect(),
            most_bytes: MOST_BYTES,
            places: model.network().is_some(),
        }
    }
}

impl Judged {
    fn of(accuracy: &CardAccuracy) -> Self {
        Self {
            share: accuracy.share(),
            interval: accuracy.interval(),
            accuracy: accuracy.clone(),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, side) = (self.setting.network(), self.setting.resolution);
        let classes = thousands(self.classes.len() as u64);
        write!(f, "{name}, {classes} classes, {side}×{side} pixels")
    }
}

/// The last part of a path or an address, without what may follow a path there.
fn file_name(source: &str) -> &str {
    let is_address = source.contains("://");
    let end = source.find(['?', '#']).filter(|_| is_address);
    let path = &source[..end.unwrap_or(source.len())];
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_a_file_without_its_folders() {
        for (source, name) in [
            ("/home/me/flowers-run/best.safetensors", "best.safetensors"),
            ("C:\\flowers\\best.safetensors", "best.safetensors"),
            ("https://host/a/b.pth?token=secret#sha256=00", "b.pth"),
            ("hf:owner/repo/what #1?.pth", "what #1?.pth"),
            ("random, seed 0", "random, seed 0"),
        ] {
            assert_eq!(file_name(source), name);
        }
    }
}
