//! What training wraps around a network, and puts next to it.

use super::Entry;
use super::error::{excerpt, excerpts};
use super::names::is_of_classifier;
use super::natural_order::natural_order;
use super::state_dict::rename_all;

/// Segments that training puts in front of every name.
const WRAPPERS: &[&str] = &["module", "_orig_mod", "model", "net", "network"];

/// Names that a known network begins with: its first convolution's.
const FIRST: [&str; 4] = [
    "stem.0.weight",
    "_conv_stem.weight",
    "conv_stem.weight",
    "features.0.0.weight",
];

/// The modules of networks that begin so, but for their classifiers.
const MODULES: [&str; 18] = [
    "stem",
    "separable_conv",
    "mb_module",
    "conv_before_pooling",
    "hidden",
    "blocks",
    "head",
    "_conv_stem",
    "_bn0",
    "_blocks",
    "_conv_head",
    "_bn1",
    "conv_stem",
    "bn1",
    "conv_head",
    "bn2",
    "norm_head",
    "features",
];

/// Words in the names of weights that were averaged over the training, or are another network's.
const AVERAGES: [&str; 9] = [
    "ema", "swa", "avg", "average", "averaged", "momentum", "shadow", "target", "teacher",
];

/// Words in the names of what a network is judged by, which is no part of it.
const JUDGES: [&str; 4] = ["criterion", "loss", "metric", "metrics"];

/// Counters that a profiler (thop) leaves in every module.
const COUNTERS: [&str; 2] = ["total_ops", "total_params"];

/// Takes off the prefixes that were put around the network, and leaves out what stands next to it;
/// `notes` tells what was.
pub(super) fn unwrap(mut entries: Vec<Entry>, notes: &mut Vec<String>) -> Vec<Entry> {
    strip_shared(&mut entries);
    let mut prefixes = prefixes(&entries);
    if prefixes.len() > 1 || prefixes.first().is_some_and(|prefix| !prefix.is_empty()) {
        prefixes.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| natural_order(a, b)));
        let others = prefixes.split_off(1);
        // Without a prefix of its own, it would take the others' entries along.
        if prefixes[0].is_empty() {
            let is_others = |name: &str| others.iter().any(|other| name.starts_with(other));
            entries.retain(|entry| !is_others(entry.name()));
        }
        entries = below(entries, &prefixes[0], notes);
        for other in others.iter().map(|other| other.trim_end_matches('.')) {
            let other = excerpt(other);
            notes.push(format!(
                "another network stands under `{other}`; --strip-prefix {other} takes that one, with \
                 scarlet-weights convert for a file of its own"
            ));
        }
    }
    // Without a classifier by name, what is foreign may be it.
    let is_classifier = |name: &str| {
        let first = name.split('.').next().unwrap_or_default();
        is_of_classifier(name) && !MODULES.contains(&first)
    };
    let is_known = entries.iter().any(|entry| FIRST.contains(&entry.name()))
        && entries.iter().any(|entry| is_classifier(entry.name()));
    let is_beside = |entry: &Entry| {
        let name = entry.name();
        let first = name.split('.').next().unwrap_or_default();
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_foreign = is_known && !MODULES.contains(&first) && !is_of_classifier(name);
        is_foreign || has_word(first, &JUDGES) || COUNTERS.contains(&last)
    };
    let (beside, kept): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_beside);
    // All of a file is beside nothing.
    if kept.is_empty() {
        return beside;
    }
    say_left_out(&beside, notes);
    kept
}

/// Keeps what is below a prefix that ends in a dot, without it.
fn below(entries: Vec<Entry>, prefix: &str, notes: &mut Vec<String>) -> Vec<Entry> {
    let is_below = |entry: &Entry| entry.name().starts_with(prefix);
    let (mut kept, left): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_below);
    rename_all(&mut kept, |name| &name[prefix.len()..]);
    // A classifier can stand next to the rest: `backbone.…` and `head.…`.
    let outer = prefix.trim_end_matches('.').rsplit_once('.');
    let outer = outer.map_or("", |(outer, _)| &prefix[..outer.len() + 1]);
    let is_head = |entry: &Entry| {
        let name = entry.name().strip_prefix(outer);
        name.is_some_and(is_of_classifier)
    };
    let has_head = kept.iter().any(|entry| is_of_classifier(entry.name()));
    let (mut heads, left): (Vec<Entry>, Vec<Entry>) = left
        .into_iter()
        .partition(|entry| !has_head && is_head(entry));
    rename_all(&mut heads, |name| &name[outer.len()..]);
    let mut left = left;
    if !has_head && heads.is_empty() {
        heads = take_next_layer(&mut left, prefix, outer, notes);
    }
    kept.append(&mut heads);
    let prefix = excerpt(prefix.trim_end_matches('.'));
    if !prefix.is_empty() {
        notes.push(format!("the network under `{prefix}` was taken"));
    }
    say_left_out(&left, notes);
    kept
}

/// The fully connected layer that stands after the network in a row of modules (`nn.Sequential`), called
/// `head`; none where that is not clear.
fn take_next_layer(
    left: &mut Vec<Entry>,
    prefix: &str,
    outer: &str,
    notes: &mut Vec<String>,
) -> Vec<Entry> {
    let place = |name: &str| -> Option<u32> {
        let first = name.strip_prefix(outer)?.split('.').next()?;
        first.parse().ok()
    };
    let Some(network) = place(prefix) else {
        return Vec::new();
    };
    let mut later: Vec<u32> = left.iter().filter_map(|it| place(it.name())).collect();
    later.retain(|&it| it > network);
    later.sort_unstable();
    later.dedup();
    let [layer] = later[..] else {
        return Vec::new();
    };
    let names = ["weight", "bias"].map(|parameter| format!("{outer}{layer}.{parameter}"));
    let is_layers = |entry: &Entry| place(entry.name()) == Some(layer);
    let is_plain = left.iter().filter(|it| is_layers(it)).all(|entry| {
        let dimensions = entry.shape().len();
        (entry.name() == names[0] && dimensions == 2)
            || (entry.name() == names[1] && dimensions == 1)
    });
    if !is_plain || !left.iter().any(|entry| entry.name() == names[0]) {
        return Vec::new();
    }
    let (taken, others) = std::mem::take(left).into_iter().partition(is_layers);
    *left = others;
    notes.push(format!("`{outer}{layer}` was taken for the classifier"));
    let taken: Vec<Entry> = taken;
    let named = taken.into_iter().map(|entry| {
        let parameter = entry.name().rsplit('.').next().unwrap_or_default();
        let name = format!("head.{parameter}");
        entry.renamed(name)
    });
    named.collect()
}

fn say_left_out(entries: &[Entry], notes: &mut Vec<String>) {
    const SHOWN: usize = 3;
    if entries.is_empty() {
        return;
    }
    let names: Vec<String> = entries
        .iter()
        .map(|entry| entry.name().to_owned())
        .collect();
    let shown = excerpts(&names[..names.len().min(SHOWN)]);
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    notes.push(format!(
        "left out what is no part of the network: {shown}{more}"
    ));
}

/// Takes off prefixes that all entries share because something was wrapped around the network.
fn strip_shared(entries: &mut [Entry]) {
    let shared = |entries: &[Entry]| {
        WRAPPERS.iter().find(|wrapper| {
            entries.iter().all(|entry| {
                entry
                    .name()
                    .strip_prefix(**wrapper)
                    .is_some_and(|rest| rest.starts_with('.'))
            })
        })
    };
    if entries.is_empty() {
        return;
    }
    while let Some(wrapper) = shared(entries) {
        rename_all(entries, |name| &name[wrapper.len() + 1..]);
    }
}

/// The prefixes, with their last dot, under which a known network begins.
fn prefixes(entries: &[Entry]) -> Vec<String> {
    entries
        .iter()
        .filter_map(|entry| {
            let first = FIRST.iter();
            let mut prefixes = first.filter_map(|first| entry.name().strip_suffix(first));
            prefixes.find(|prefix| prefix.is_empty() || prefix.ends_with('.'))
        })
        .map(str::to_owned)
        .collect()
}

/// Which of several networks is meant: one that was trained rather than averaged or learnt from,
/// in what training wraps around networks, as far outside as can be.
fn rank(prefix: &str) -> (bool, bool, usize) {
    let segments = || prefix.split('.').filter(|segment| !segment.is_empty());
    let is_average = segments().any(|segment| has_word(segment, &AVERAGES));
    let is_wrapper = segments().all(|segment| WRAPPERS.contains(&segment));
    (is_average, !is_wrapper, segments().count())
}

fn has_word(segment: &str, words: &[&str]) -> bool {
    let segment = segment.to_ascii_lowercase();
    let mut found = segment.split('_');
    found.any(|word| words.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwrapped(names: &[&str]) -> (Vec<String>, String) {
        let entries = names
            .iter()
            .map(|name| Entry::from_f32(*name, vec![], || vec![0.0]))
            .collect();
        let mut notes = Vec::new();
        let entries = unwrap(entries, &mut notes);
        let names = entries.iter().map(|entry| entry.name().to_owned());
        (names.collect(), notes.join("; "))
    }

    #[test]
    fn wrappers_that_all_entries_have_are_taken_off() {
        let (names, notes) = unwrapped(&["module._orig_mod.a.x", "module._orig_mod.b"]);
        assert_eq!(names, ["a.x", "b"]);
        assert_eq!(notes, "");
        let (names, _) = unwrapped(&["module.a", "b"]);
        assert_eq!(names, ["module.a", "b"]);
    }

    #[test]
    fn what_stands_beside_a_network_is_left_out_aloud() {
        let (names, notes) = unwrapped(&[
            "model.conv_stem.weight",
            "model.bn1.weight",
            "criterion.weight",
            "val_acc.tp",
            "ema_model.module.conv_stem.weight",
            "ema_model.module.bn1.weight",
        ]);
        assert_eq!(names, ["conv_stem.weight", "bn1.weight"]);
        assert_eq!(
            notes,
            "the network under `model` was taken; left out what is no part of the network: \
             criterion.weight, val_acc.tp, ema_model.module.conv_stem.weight and 1 more; another \
             network stands under `ema_model.module`; --strip-prefix ema_model.module takes that \
             one, with scarlet-weights convert for a file of its own"
        );
        let network = [
            "features.0.0.weight",
            "features.1.conv.0.0.weight",
            "classifier.1.weight",
        ];
        let (names, notes) = unwrapped(&[&network[..], &["queue"]].concat());
        assert_eq!(names, network);
        assert!(notes.contains("queue"), "{notes}");
        let (names, notes) = unwrapped(&["stem.0.weight", "loss_fn.weight", "stem.total_ops"]);
        assert_eq!(names, ["stem.0.weight"]);
        assert!(notes.contains("loss_fn.weight, stem.total_ops"), "{notes}");
        let (names, notes) = unwrapped(&[
            "conv_stem.weight",
            "bn1.weight",
            "blocks.0.0.conv_pw.weight",
            "blocks.0.0.conv_pw.weight_mask",
            "fc.weight",
            "queue",
            "projector.0.weight",
            "total_ops",
        ]);
        // What stands inside a module may change what it computes.
        assert_eq!(names[3], "blocks.0.0.conv_pw.weight_mask");
        assert_eq!(names.len(), 5);
        assert!(
            notes.contains("queue, projector.0.weight, total_ops"),
            "{notes}"
        );
        let (names, _) = unwrapped(&["conv_stem.weight", "bn1.weight", "top.weight"]);
        assert_eq!(names.len(), 3);
        // Whose names nobody knows may mean anything.
        let (names, _) = unwrapped(&["criterion.weight", "loss"]);
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn a_classifier_beside_the_rest_belongs_to_it() {
        let (names, _) = unwrapped(&[
            "model.backbone.conv_stem.weight",
            "model.head.weight",
            "model.queue",
        ]);
        assert_eq!(names, ["conv_stem.weight", "head.weight"]);
        let (names, _) = unwrapped(&[
            "backbone.conv_stem.weight",
            "backbone.classifier.weight",
            "head.weight",
        ]);
        assert_eq!(names, ["conv_stem.weight", "classifier.weight"]);
    }

    #[test]
    fn the_layer_after_a_network_in_a_row_is_its_classifier() {
        let unwrapped = |others: &[(&str, &[usize])]| {
            let first = [("model.0.conv_stem.weight", &[8, 3, 3, 3][..])];
            let entries = first.iter().chain(others).map(|(name, shape)| {
                let values = shape.iter().product();
                Entry::from_f32(*name, shape.to_vec(), move || vec![0.0; values])
            });
            let mut notes = Vec::new();
            let entries = unwrap(entries.collect(), &mut notes);
            let names = entries.iter().map(|entry| entry.name().to_owned());
            (names.collect::<Vec<_>>(), notes.join("; "))
        };
        let (names, notes) = unwrapped(&[("model.2.weight", &[2, 8]), ("model.2.bias", &[2])]);
        assert_eq!(names, ["conv_stem.weight", "head.weight", "head.bias"]);
        assert!(
            notes.contains("`2` was taken for the classifier"),
            "{notes}"
        );
        // Of several layers none is it by itself, nor what is no layer of that kind.
        let two: [(&str, &[usize]); 2] = [("model.1.weight", &[4, 8]), ("model.3.weight", &[2, 4])];
        let norm: [(&str, &[usize]); 2] = [("model.1.weight", &[8]), ("model.1.bias", &[8])];
        for others in [two, norm] {
            assert_eq!(unwrapped(&others).0, ["conv_stem.weight"]);
        }
    }

    #[test]
    fn a_trained_network_is_taken_before_its_average_and_its_teacher() {
        for (prefixes, expected) in [
            (["teacher.", "student."], "student."),
            (["model_ema.", "backbone."], "backbone."),
            (["encoder.net.", "module."], "module."),
            (["averaged_model.", ""], ""),
        ] {
            let names = prefixes.map(|prefix| format!("{prefix}conv_stem.weight"));
            let mut notes = Vec::new();
            let entries = names
                .iter()
                .map(|name| {
                    let found = f32::from(u8::from(*name == format!("{expected}conv_stem.weight")));
                    Entry::from_f32(name.clone(), vec![1], move || vec![found])
                })
                .collect();
            let entries = unwrap(entries, &mut notes);
            assert_eq!(entries[0].read_f32().unwrap(), [1.0], "{prefixes:?}");
        }
    }
}
