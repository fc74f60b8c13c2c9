//! The zoo: every known network as data, one file a family.
//!
//! ```
//! use scarlet::zoo;
//!
//! let network = zoo::find("MobileNetV3 Large")?;
//! assert_eq!(network.name(), "mobilenetv3-large");
//! assert_eq!(network.architecture().classes, 1000);
//! // What timm calls a network or its weights names it too.
//! assert_eq!(zoo::by_name("mobilenetv3_large_100.ra_in1k")?, network.architecture());
//! # Ok::<(), zoo::UnknownNetwork>(())
//! ```

mod efficientnet;
mod efficientnet_lite;
mod fbnet;
mod hardcore_nas;
mod lcnet;
mod mnasnet;
mod mobilenet_v1;
mod mobilenet_v2;
mod mobilenet_v3;
mod network;
mod scarlet;
mod tinynet;
mod xiaomi;

use scarlet_arch::Architecture;

pub use network::{Network, PublicWeights, Published, PublishedAccuracy};

/// Builders of all networks.
pub(crate) mod builders {
    pub use super::{
        efficientnet::*, efficientnet_lite::*, fbnet::*, hardcore_nas::*, lcnet::*, mnasnet::*,
        mobilenet_v1::*, mobilenet_v2::*, mobilenet_v3::*, scarlet::*, tinynet::*, xiaomi::*,
    };
}

const FAMILIES: [&[&Network]; 12] = [
    scarlet::NETWORKS,
    xiaomi::NETWORKS,
    mobilenet_v1::NETWORKS,
    mobilenet_v2::NETWORKS,
    mobilenet_v3::NETWORKS,
    mnasnet::NETWORKS,
    fbnet::NETWORKS,
    hardcore_nas::NETWORKS,
    efficientnet::NETWORKS,
    efficientnet_lite::NETWORKS,
    tinynet::NETWORKS,
    lcnet::NETWORKS,
];

/// Bytes of a name beyond which nobody can have meant a network.
const LONGEST_NAME: usize = 64;
/// Edits by which a name may differ from one that is suggested for it.
const MOST_EDITS: usize = 3;

/// No network has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no network is named {name:?}{} There are networks of {}",
    suggestion(.nearest),
    families().join(", ")
)]
#[non_exhaustive]
pub struct UnknownNetwork {
    /// The name, shortened when it is very long.
    pub name: String,
    /// The known name most like it.
    pub nearest: Option<&'static str>,
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean {nearest:?}?"),
        None => ".".to_owned(),
    }
}

/// Every network, family by family.
pub fn networks() -> impl Iterator<Item = &'static Network> {
    FAMILIES.into_iter().flatten().copied()
}

/// The families' names, as [`Network::family`] has them.
pub fn families() -> Vec<&'static str> {
    let mut families: Vec<_> = networks().map(Network::family).collect();
    families.dedup();
    families
}

/// The network of that name: its own, an alias, or what timm calls weights of it, such as
/// `tf_efficientnet_lite1.in1k`. Case, `-`, `_` and spaces do not matter but where two networks
/// differ in nothing else: `efficientnet_lite0` is timm's own, `efficientnet-lite0` its authors'.
///
/// # Errors
///
/// [`UnknownNetwork`] names the nearest.
pub fn find(name: &str) -> Result<&'static Network, UnknownNetwork> {
    lookup(name).map(|(network, _)| network)
}

/// The architecture of the network of that name, which is read as by [`find`]. What timm calls
/// weights gives their number of classes and their preprocessing.
///
/// # Errors
///
/// [`UnknownNetwork`] names the nearest.
pub fn by_name(name: &str) -> Result<Architecture, UnknownNetwork> {
    let (network, weights) = lookup(name)?;
    let mut architecture = network.architecture();
    if let Some(weights) = weights {
        architecture.classes = weights.classes();
        if let Some(preprocessing) = weights.preprocessing() {
            architecture.preprocessing = preprocessing;
        }
    }
    Ok(architecture)
}

type Found = (&'static Network, Option<&'static PublicWeights>);

/// Every name, with the network and the weights it stands for.
fn names() -> impl Iterator<Item = (&'static str, Found)> {
    let own = networks().map(|network| (network.name, (network, None)));
    let aliases = networks().flat_map(|network| {
        let aliases = network.aliases.iter();
        aliases.map(move |alias| (*alias, (network, None)))
    });
    let tags = networks().flat_map(|network| {
        let weights = network.weights.iter();
        weights.filter_map(move |weights| Some((weights.tag()?, (network, Some(weights)))))
    });
    own.chain(aliases).chain(tags)
}

fn lookup(name: &str) -> Result<Found, UnknownNetwork> {
    let wanted = key(name);
    let exact = names().find(|(known, _)| *known == name);
    let found = exact.or_else(|| names().find(|(known, _)| key(known) == wanted));
    found.map(|(_, found)| found).ok_or_else(|| UnknownNetwork {
        name: name.chars().take(LONGEST_NAME).collect(),
        nearest: nearest(name),
    })
}

fn key(name: &str) -> String {
    name.chars()
        .filter(|character| !matches!(character, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

fn nearest(name: &str) -> Option<&'static str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    // Of weights that are not known, the network itself may be.
    if let Some((network, _)) = name.rsplit_once('.')
        && let Ok((known, _)) = lookup(network)
    {
        let tags = known.weights.iter().filter_map(PublicWeights::tag);
        return tags.min_by_key(|tag| distance(tag, name));
    }
    let (nearest, _) = names().min_by_key(|(known, _)| distance(known, name))?;
    (distance(nearest, name) <= MOST_EDITS).then_some(nearest)
}

fn distance(known: &str, name: &str) -> usize {
    strsim::damerau_levenshtein(&key(known), &key(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn names_are_read_leniently() {
        for name in ["ScarletA", "SCARLET_A", "scarlet a", "scarlet-a"] {
            assert_eq!(find(name).unwrap().name(), "scarlet-a");
        }
        for (name, expected) in [
            ("MobileNet V3 Large", "mobilenetv3-large"),
            ("mobilenetv3_large_100", "mobilenetv3-large"),
            ("mobilenet_v3_large", "mobilenetv3-large"),
            ("TF_EfficientNet_B0", "tf-efficientnet-b0"),
            ("tf_efficientnet_lite0", "efficientnet-lite0"),
            ("EfficientNetLite0", "efficientnet-lite0"),
            ("efficientnet_lite0", "timm-efficientnet-lite0"),
            ("semnasnet_100.rmsp_in1k", "mnasnet-a1"),
        ] {
            assert_eq!(find(name).unwrap().name(), expected, "{name}");
        }
    }

    #[test]
    fn names_are_networks_of_their_own() {
        let mut networks = HashMap::new();
        for (name, (network, _)) in names() {
            let before = networks.insert(name, network.name);
            assert!(before.is_none_or(|before| before == network.name), "{name}");
        }
        for network in super::networks() {
            assert_eq!(find(network.name).unwrap().name, network.name);
            assert_eq!(network.architecture().name, network.name);
        }
    }

    #[test]
    fn names_differ_in_more_than_case_and_signs() {
        let mut networks = HashMap::new();
        for (name, (network, _)) in names() {
            let before = networks.insert(key(name), network.name);
            // The authors' and timm's own.
            let alike = key(name).starts_with("efficientnetlite");
            assert!(
                alike || before.is_none_or(|before| before == network.name),
                "{name}"
            );
        }
    }

    #[test]
    fn texts_are_as_they_are_written() {
        for network in super::networks().filter(|network| network.preset.is_none()) {
            let architecture = network.architecture();
            let written = architecture.to_string();
            let read: Architecture = written.parse().unwrap();
            assert_eq!(
                (&read.blocks, &read.head),
                (&architecture.blocks, &architecture.head)
            );
            // Between SCARLET's stem and head, layers stand alone.
            if written.contains("C3@") {
                assert_eq!(written, network.text.replace(" |", ""), "{}", network.name);
            }
            let json = architecture.to_json();
            assert_eq!(Architecture::from_json(&json).unwrap(), architecture);
        }
    }

    #[test]
    fn weights_bring_their_classes_and_preprocessing() {
        let own = by_name("mobilenetv3-large").unwrap();
        assert_eq!(by_name("mobilenetv3_large_100.ra_in1k").unwrap(), own);
        let of_21k = by_name("mobilenetv3_large_100.miil_in21k").unwrap();
        assert_eq!(of_21k.classes, 11_221);
        assert_eq!(of_21k.preprocessing.std, [1.0; 3]);
        assert_eq!(of_21k.head, own.head);
    }

    #[test]
    fn an_unknown_name_names_the_nearest() {
        let message = |name: &str| find(name).unwrap_err().to_string();
        assert_eq!(
            message("scarlett-b"),
            "no network is named \"scarlett-b\"; did you mean \"scarlet-b\"? There are networks of \
             scarlet, fairnas, moga, mobilenetv1, mobilenetv2, mobilenetv3, mnasnet, spnasnet, fbnet, \
             fbnetv3, hardcore-nas, efficientnet, efficientnet-lite, tinynet, lcnet"
        );
        assert!(!message("resnet50").contains("did you mean"));
        assert!(message("mobilenetv3_large_100.ra").contains("mobilenetv3_large_100.ra_in1k"));
        assert!(message("mobilenetv2.").contains("mobilenetv2_100.ra_in1k"));
        assert!(message(&"x".repeat(1 << 20)).len() < 400);
    }

    #[test]
    fn every_network_says_how_accurate_it_is_and_where_its_weights_are() {
        for network in super::networks() {
            let public = !network.weights.is_empty();
            assert!(!network.paper.is_empty());
            match network.accuracy() {
                Some(accuracy) => {
                    assert!((50.0..90.0).contains(&accuracy.top1), "{}", network.name);
                    assert!(accuracy.top5.is_none_or(|top5| top5 > accuracy.top1));
                    assert!(!accuracy.source.is_empty());
                }
                None => assert!(
                    network.name.starts_with("timm-efficientnet-lite") && !public,
                    "{}",
                    network.name
                ),
            }
            assert_ne!(
                public,
                network.without_weights.is_some(),
                "{}",
                network.name
            );
            for weights in network.weights {
                let source = weights.source();
                let parsed: crate::weights::Source = source.parse().unwrap();
                assert_eq!(parsed.to_string(), source);
            }
        }
    }
}
