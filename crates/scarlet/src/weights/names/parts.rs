//! What all namings have in common: parts of a network in their order, and roles within them.

use std::collections::{BTreeMap, BTreeSet};

use crate::weights::{Entry, StateDict};

/// Where a convolution, a normalisation or a matrix stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Stem(Pair),
    /// A block after the stem: stage and number within it, by which blocks are in order.
    Block((usize, usize), Role),
    HeadConv(Pair),
    Hidden,
    Classifier,
}

/// A convolution, or the normalisation after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pair {
    Conv,
    Norm,
}

/// What something does in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Expand(Pair),
    Depthwise(Pair),
    Squeeze,
    Excite,
    Project(Pair),
    /// The only convolution of a block.
    Only(Pair),
}

/// The modules of a file: what has parameters, by its whole name.
pub(super) struct Parts<'a> {
    modules: BTreeSet<&'a str>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(weights: &'a StateDict) -> Self {
        let names = weights.entries().iter().map(Entry::name);
        Self {
            modules: names
                .filter_map(|name| name.rsplit_once('.'))
                .map(|(module, _)| module)
                .collect(),
        }
    }

    /// Whether there is a module of that name.
    pub(super) fn has(&self, module: &str) -> bool {
        self.modules.contains(module)
    }

    /// The numbers that follow `prefix` and a dot.
    pub(super) fn numbers_below(&self, prefix: &str) -> BTreeSet<usize> {
        let modules = self.modules.range(prefix..);
        let below = modules.take_while(|module| module.starts_with(prefix));
        let rests = below.filter_map(|module| module.strip_prefix(prefix)?.strip_prefix('.'));
        rests
            .filter_map(|rest| rest.split('.').next()?.parse().ok())
            .collect()
    }

    /// What every module is called in the released checkpoints, by where it stands.
    pub(super) fn reference_names(
        &self,
        place: impl Fn(&str) -> Option<Place>,
    ) -> BTreeMap<&'a str, String> {
        let places: Vec<(&str, Place)> = (self.modules.iter())
            .filter_map(|&module| Some((module, place(module)?)))
            .collect();
        let mut blocks: BTreeMap<(usize, usize), Block> = BTreeMap::new();
        for (_, place) in &places {
            if let Place::Block(key, role) = *place {
                let block = blocks.entry(key).or_default();
                block.expands |= matches!(role, Role::Expand(_));
                block.is_conv |= matches!(role, Role::Only(_));
            }
        }
        let layout = Layout::of(blocks);
        let named = places.into_iter();
        named
            .map(|(module, place)| (module, layout.reference_name(place)))
            .collect()
    }
}

/// What is known of a block.
#[derive(Default)]
struct Block {
    expands: bool,
    is_conv: bool,
}

/// The blocks after the stem in their order.
struct Layout {
    keys: Vec<(usize, usize)>,
    /// Whether the first of them is a separable convolution.
    has_separable: bool,
    /// Whether the last of them is the head's convolution.
    ends_in_head: bool,
}

impl Layout {
    fn of(blocks: BTreeMap<(usize, usize), Block>) -> Self {
        let is_separable = |block: &Block| !block.expands && !block.is_conv;
        let (first, last) = (blocks.values().next(), blocks.values().next_back());
        Self {
            has_separable: first.is_some_and(is_separable),
            ends_in_head: last.is_some_and(|block| block.is_conv),
            keys: blocks.into_keys().collect(),
        }
    }

    fn reference_name(&self, place: Place) -> String {
        let pair = |part: &str, pair: Pair| match pair {
            Pair::Conv => format!("{part}.0"),
            Pair::Norm => format!("{part}.1"),
        };
        match place {
            Place::Stem(it) => pair("stem", it),
            Place::HeadConv(it) => pair("conv_before_pooling", it),
            Place::Hidden => "hidden".to_owned(),
            Place::Classifier => "classifier".to_owned(),
            Place::Block(key, role) => {
                let index = self.keys.partition_point(|it| *it < key);
                match (index, role) {
                    (_, Role::Only(it)) if self.ends_in_head && index + 1 == self.keys.len() => {
                        pair("conv_before_pooling", it)
                    }
                    (0, role) if self.has_separable => {
                        format!("separable_conv.{}", in_separable(role))
                    }
                    (index, role) => {
                        let layer = index - usize::from(self.has_separable);
                        format!("mb_module.{layer}.{}", in_layer(role))
                    }
                }
            }
        }
    }
}

fn in_layer(role: Role) -> &'static str {
    match role {
        Role::Expand(Pair::Conv) => "conv1",
        Role::Expand(Pair::Norm) => "bn1",
        Role::Depthwise(Pair::Conv) => "conv2",
        Role::Depthwise(Pair::Norm) => "bn2",
        Role::Squeeze => "mid_se.squeeze_conv",
        Role::Excite => "mid_se.excite_conv",
        Role::Project(Pair::Conv) => "conv3",
        Role::Project(Pair::Norm) => "bn3",
        Role::Only(Pair::Conv) => "0",
        Role::Only(Pair::Norm) => "1",
    }
}

fn in_separable(role: Role) -> &'static str {
    match role {
        Role::Depthwise(Pair::Conv) => "0",
        Role::Depthwise(Pair::Norm) => "1",
        Role::Project(Pair::Conv) => "3",
        Role::Project(Pair::Norm) => "4",
        role => in_layer(role),
    }
}
