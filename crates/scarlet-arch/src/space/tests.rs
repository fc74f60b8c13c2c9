use super::known::blocks;
use super::*;
use crate::presets::{Outline, scarlet_like};
use crate::{Cost, Genome, efficientnet_lite0, scarlet_a, scarlet_b};

fn message<T: std::fmt::Debug>(result: Result<T, ArchitectureError>) -> String {
    result.unwrap_err().to_string()
}

fn genome(text: &str) -> Genome {
    text.parse().unwrap()
}

#[test]
fn spaces_have_their_known_sizes() {
    let space = SearchSpace::scarlet();
    assert_eq!(space.layers(), 19);
    assert_eq!(space.size_exact(), "1461920290375446110677");
    assert!((space.size() / 1.461_920_290_375_446e21 - 1.0).abs() < 1e-12);
    let small = SearchSpace::without_squeeze_excite();
    assert_eq!(small.size_exact(), "11398895185373143");
    assert_eq!(small.choices(0)[0].to_string(), "E3K3:relu6");
    let single = SearchSpace::new(scarlet_a(), vec![Operation::Linear]).unwrap();
    assert_eq!((single.size(), single.size_exact()), (1.0, "1".to_owned()));
}

#[test]
fn choices_are_the_blocks_and_a_skip() {
    let space = SearchSpace::scarlet();
    let names: Vec<String> = space.choices(18).iter().map(Operation::to_string).collect();
    assert_eq!(
        names.join(" "),
        "E3K3 E3K5 E3K7 E6K3 E6K5 E6K7 E3K3s E3K5s E3K7s E6K3s E6K5s E6K7s -"
    );
    assert!(space.choices(19).is_empty());
    assert_eq!(space.skip(), Some((Skip::Identity, 12)));
    let stabilized = space.with_skip(Skip::Linear).unwrap();
    assert_eq!(stabilized.skip(), Some((Skip::Linear, 12)));
    let plain = stabilized.without_skip().unwrap();
    assert_eq!((plain.skip(), plain.choices(0).len()), (None, 12));
    assert_eq!(
        plain.with_skip(Skip::Identity).unwrap(),
        SearchSpace::scarlet()
    );
}

#[test]
fn a_new_kind_of_skip_keeps_its_gene() {
    let choices = vec![Operation::Identity, blocks(false)[0]];
    let space = SearchSpace::new(scarlet_a(), choices).unwrap();
    let stabilized = space.with_skip(Skip::Linear).unwrap();
    assert_eq!(stabilized.skip(), Some((Skip::Linear, 0)));
}

#[test]
fn every_layer_can_be_skipped() {
    let skips = genome(&"c".repeat(19));
    let plain = SearchSpace::scarlet();
    let network = plain.decode(&skips).unwrap();
    assert_eq!(network.total_stride(), 2);
    assert_eq!(network.channels_before_head(), 16);
    let stabilized = plain
        .with_skip(Skip::Linear)
        .unwrap()
        .decode(&skips)
        .unwrap();
    assert_eq!(stabilized.total_stride(), 32);
    assert_eq!(stabilized.channels_before_head(), 320);
}

#[test]
fn plain_networks_have_a_place_in_a_stabilized_space() {
    let space = SearchSpace::scarlet();
    let found = space.encode(&scarlet_b()).unwrap();
    let stabilized = space.with_skip(Skip::Linear).unwrap();
    assert_eq!(stabilized.encode(&scarlet_b()).unwrap(), found);
}

#[test]
fn width_resolution_and_classes_can_be_chosen() {
    let space = SearchSpace::scarlet()
        .with_width(0.5)
        .and_then(|space| space.with_resolution(96))
        .and_then(|space| space.with_classes(10))
        .unwrap();
    let network = space.decode(&genome(&"0".repeat(19))).unwrap();
    let cost = Cost::of(&network, 96).unwrap();
    assert_eq!(cost.parts[0].output, [16, 48, 48]);
    assert_eq!(cost.parts[20].output, [160, 3, 3]);
    assert_eq!(cost.parts[22].output, [10, 1, 1]);
}

#[test]
fn small_images_fit_small_budgets() {
    let space = SearchSpace::small_images(1, 32, 10).unwrap();
    let cost = |gene: &str| {
        let network = space.decode(&genome(&gene.repeat(9))).unwrap();
        Cost::of(&network, 32).unwrap()
    };
    let (least, most) = (cost("0"), cost("b"));
    assert!(
        least.mult_adds < 7_000_000 && least.parameters < 250_000,
        "{least:?}"
    );
    assert!(
        most.mult_adds > 16_000_000 && most.parameters > 800_000,
        "{most:?}"
    );
    assert_eq!(least.parts[10].output, [80, 4, 4]);
}

#[test]
fn json_round_trip_is_checked() {
    let space = SearchSpace::scarlet().with_width(0.75).unwrap();
    let json = serde_json::to_string(&space).unwrap();
    assert_eq!(serde_json::from_str::<SearchSpace>(&json).unwrap(), space);
    let twice = json.replace("\"E6K7\"", "\"E6K5\"");
    let error = serde_json::from_str::<SearchSpace>(&twice).unwrap_err();
    assert!(error.to_string().contains("choice 5 (E6K5)"), "{error}");
}

#[test]
fn wrong_spaces_are_errors() {
    assert_eq!(
        message(SearchSpace::new(scarlet_a(), vec![])),
        "search space: number of choices is 0, but must be from 1 to 36"
    );
    let skips = vec![Operation::Identity, Operation::Linear];
    assert_eq!(
        message(SearchSpace::new(scarlet_a(), skips)),
        "search space: choices is choice 1 (L), but must be different from every other, \
         with one kind of skip"
    );
    assert_eq!(
        message(SearchSpace::scarlet().with_resolution(0)),
        "preprocessing: resolution is 0, but must be from 1 to 8192"
    );
    assert_eq!(
        message(SearchSpace::scarlet().with_classes(0)),
        "network: classes is 0, but must be from 1 to 1000000"
    );
    assert_eq!(
        message(SearchSpace::scarlet().with_width(-1.0)),
        "scaling: width is -1, but must be above 0, up to 64"
    );
}

#[test]
fn genomes_of_other_spaces_are_errors() {
    let space = SearchSpace::scarlet();
    assert_eq!(
        message(space.decode(&genome("0c"))),
        "genome 0c: it has 2 layers, but this search space has 19"
    );
    assert_eq!(
        message(space.decode(&genome("0000000000d00000000"))),
        "genome 0000000000d00000000: layer 11 has choice 13, but this search space has 0 to 12"
    );
}

#[test]
fn networks_of_other_spaces_are_errors() {
    let space = SearchSpace::scarlet();
    assert_eq!(
        message(space.encode(&efficientnet_lite0())),
        "network: number of layers is 15, but this search space has 19"
    );
    let encode = |text: &str| message(space.encode(&text.parse().unwrap()));
    assert_eq!(
        encode("E3K3@32"),
        "network: number of layers is 1, but this search space has 19"
    );
    let layers = |third: &str| format!("E3K3 E3K3 {third} {}", "E3K3 ".repeat(16));
    assert_eq!(
        encode(&layers("E3K3@48")),
        "layer 3: channels is 48, but this search space has 40"
    );
    assert_eq!(
        encode(&layers("E3K3/1")),
        "layer 3: stride is 1, but this search space has 2"
    );
    assert_eq!(
        encode(&layers("E3K3:swish")),
        "layer 3: operation is E3K3:swish, but this search space has E3K3 E3K5 E3K7 E6K3 E6K5 \
         E6K7 E3K3s E3K5s E3K7s E6K3s E6K5s E6K7s -"
    );
    assert_eq!(
        encode(&layers("E4K3")),
        "layer 3: operation is E4K3, but this search space has E3K3 E3K5 E3K7 E6K3 E6K5 E6K7 \
         E3K3s E3K5s E3K7s E6K3s E6K5s E6K7s -"
    );
    assert_eq!(
        message(space.encode(&scarlet_like(
            "narrow",
            Outline {
                stem: 16,
                ..Outline::SCARLET
            },
            scarlet_a().layers().to_vec()
        ))),
        "network: stem is C3@16/2:relu6 E1K3n@16:relu6, but this search space has \
         C3@32/2:relu6 E1K3@16:relu6"
    );
}
