//! The deployed form computes what the network computes.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use burn::tensor::{Device, Tensor, TensorData};
use common::{
    ENDS, Golden, KINDS, assert_close, between, cpu_devices, operations, signal,
    with_formula_weights, with_statistics,
};
use proptest::prelude::*;
use scarlet::InstructionSet;
use scarlet::arch::{Block, Padding};
use scarlet::weights::formula;
use scarlet::{
    Architecture, DeployError, DeployOptions, Deployed, EfficientNetLite0, ModelCard, Scarlet,
    ScarletA, ScarletB, ScarletC, ScarletConfig,
};

const TOLERANCE: f64 = 1e-4;

#[test]
fn logits_agree_with_pytorch() {
    for (file, config) in [
        ("scarlet_a.safetensors", ScarletA::new()),
        ("scarlet_b.safetensors", ScarletB::new()),
        ("scarlet_c.safetensors", ScarletC::new()),
    ] {
        let golden = Golden::open(file);
        let weights = with_statistics(&formula::state_dict(config.architecture()), &golden);
        for (name, device) in cpu_devices() {
            let network = config.init(&device).load(&weights).unwrap();
            for side in [96, 224] {
                let options = DeployOptions::new().with_batch(2).with_size(side, side);
                let mut deployed = network.deploy(&options).unwrap();
                let images = signal(&format!("input.{side}"), [2, 3, side, side], &device);
                assert_close(
                    &format!("{file} at {side} on {name}"),
                    deployed.forward(images).unwrap().into_data(),
                    &golden.get(&format!("logits.{side}")),
                    TOLERANCE,
                );
            }
        }
    }
}

fn check(network: &Scarlet, images: Tensor<4>) {
    let [batch, _, height, width] = images.dims();
    let options = DeployOptions::new()
        .with_batch(batch)
        .with_size(height, width);
    let mut deployed = network.deploy(&options).unwrap();
    let expected: Vec<f32> = network.forward(images.clone()).into_data().iter().collect();
    let found = deployed.forward(images).unwrap().into_data();
    assert_close("deployed", found, &expected, TOLERANCE);
}

#[test]
fn efficientnet_lite0_with_its_asymmetric_padding_agrees() {
    let device = Device::flex();
    let network = with_formula_weights(EfficientNetLite0::new().init(&device), "lite0.");
    check(&network, signal("lite0", [1, 3, 96, 64], &device));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_network_agrees(
        layers in prop::collection::vec((operations(1), 4usize..20, 1usize..3), 1..6),
        ends in 0..ENDS.len(),
        same in any::<bool>(),
        batch in 1usize..4,
        more in 0usize..20,
    ) {
        let layers = layers
            .into_iter()
            .map(|(operation, channels, stride)| Block { operation, channels, stride });
        let architecture = Architecture {
            padding: if same { Padding::Same } else { Padding::Symmetric },
            ..between(ends, layers)
        };
        let side = architecture.total_stride() + more;
        let device = Device::flex();
        let network = with_formula_weights(ScarletConfig::from(architecture).init(&device), "any.");
        // Neither folding nor its limits are the question here.
        let options = scarlet::fold::FoldOptions { max_condition: 1e3 };
        prop_assume!(network.fold(&options).is_ok());
        check(&network, signal("any", [batch, 3, side, 2 * side], &device));
    }
}

#[test]
fn fewer_images_than_the_batch_are_welcome_and_the_same() {
    let device = Device::flex();
    let network = with_formula_weights(ScarletC::new().init(&device), "batch.");
    let options = DeployOptions::new().with_batch(3).with_size(32, 32);
    let mut deployed = network.deploy(&options).unwrap();
    let images = formula::signal("batch", &[3, 3, 32, 32]);
    let all = deployed.run(&images).unwrap().to_vec();
    let second = deployed.run(&images[3072..6144]).unwrap().to_vec();
    assert_eq!(second, all[1000..2000]);
}

#[test]
fn threads_change_no_bit() {
    let device = Device::flex();
    let network = with_formula_weights(ScarletC::new().init(&device), "threads.");
    let images = formula::signal("threads", &[1, 3, 64, 64]);
    let run = |threads| {
        let options = DeployOptions::new().with_size(64, 64).with_threads(threads);
        network
            .deploy(&options)
            .unwrap()
            .run(&images)
            .unwrap()
            .to_vec()
    };
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(3));
}

#[test]
fn the_instruction_set_asked_for_is_the_one_used() {
    let device = Device::flex();
    let network = with_formula_weights(ScarletC::new().init(&device), "instructions.");
    let images = formula::signal("instructions", &[1, 3, 32, 32]);
    let options = DeployOptions::new().with_size(32, 32);
    let mut best = network.deploy(&options).unwrap();
    assert_eq!(best.instruction_set(), Some(InstructionSet::detect()));
    let expected = best.run(&images).unwrap().to_vec();
    for set in InstructionSet::available() {
        let options = options.with_instruction_set(set);
        let mut deployed = network.deploy(&options).unwrap();
        assert_eq!(deployed.instruction_set(), Some(set));
        let logits = deployed.run(&images).unwrap().to_vec();
        let found = TensorData::new(logits, [1, 1000]);
        assert_close(&set.to_string(), found, &expected, TOLERANCE);
    }
    let foreign = match cfg!(target_arch = "aarch64") {
        true => InstructionSet::Avx2,
        false => InstructionSet::Neon,
    };
    let error = network.deploy(&options.with_instruction_set(foreign));
    assert_eq!(
        error.err().unwrap().to_string(),
        format!("this processor has no {foreign}; leave the instruction set to detection")
    );
}

#[test]
fn what_does_not_fit_is_refused_with_a_way_out() {
    let device = Device::flex();
    let network = ScarletC::new().init(&device);
    let error = network
        .deploy(&DeployOptions::new().with_size(0, 96))
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("0×96 pixels, but both sides must be at least 1"),
        "{error}"
    );

    let options = DeployOptions::new().with_size(32, 32);
    let mut deployed = network.deploy(&options).unwrap();
    let error = deployed
        .forward(Tensor::zeros([1, 3, 64, 64], &device))
        .unwrap_err();
    assert!(matches!(error, DeployError::Size { .. }));
    assert!(error.to_string().contains("deployed for 32×32"), "{error}");
    assert!(deployed.run(&[0.0; 5]).is_err());
    assert!(deployed.run(&[]).is_err());

    let error = network.deploy(&options.with_threads(0)).err().unwrap();
    assert!(error.to_string().contains("thread"), "{error}");
}

fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn a_file_runs_bit_for_bit_as_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let networks = [
        with_formula_weights(ScarletC::new().with_resolution(64).init(&device), "file."),
        // Its padding depends on the size of the images.
        with_formula_weights(
            EfficientNetLite0::new().with_resolution(64).init(&device),
            "file.",
        ),
    ];
    for (index, network) in networks.into_iter().enumerate() {
        let path = folder.path().join(format!("{index}.scarlet"));
        let mut deployed = network.deploy(&DeployOptions::new()).unwrap();
        deployed.save(&path).unwrap();
        assert!(Deployed::is_file(&path));

        let mut opened = Deployed::open(&path, &DeployOptions::new()).unwrap();
        assert_eq!(opened.architecture(), deployed.architecture());
        assert_eq!(
            Deployed::read_architecture(&path).unwrap(),
            *deployed.architecture()
        );
        let image = formula::signal("file", &[1, 3, 64, 64]);
        let expected = bits(deployed.run(&image).unwrap());
        assert_eq!(bits(opened.run(&image).unwrap()), expected);

        // Another size, batch and number of threads than it was deployed for.
        let options = DeployOptions::new()
            .with_size(96, 32)
            .with_batch(3)
            .with_threads(2);
        let images = formula::signal("file", &[3, 3, 96, 32]);
        let mut opened = Deployed::open(&path, &options).unwrap();
        let mut deployed = network.deploy(&options).unwrap();
        let expected = bits(deployed.run(&images).unwrap());
        assert_eq!(bits(opened.run(&images).unwrap()), expected);

        // Saved from a file as well, while that file is mapped.
        opened.save(&path).unwrap();
        let mut again = Deployed::open(&path, &options).unwrap();
        assert_eq!(bits(again.run(&images).unwrap()), expected);
    }
}

/// The engine knows nothing of Burn: it reads, folds and packs the weights by itself.
#[test]
fn the_engine_alone_computes_the_same_bits() {
    use scarlet::weights::Precision;
    use scarlet_engine::Classifier;

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let device = Device::flex();
    let options = DeployOptions::new().with_threads(2);
    let image = formula::signal("engine", &[1, 3, 32, 32]);
    for text in KINDS {
        let architecture: Architecture = text.parse().unwrap();
        let architecture = architecture.with_classes(5).with_resolution(32);
        let card = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        let network = ScarletConfig::from(architecture).init(&device);
        let network = with_formula_weights(network, "engine.")
            .with_card(ModelCard::new(card))
            .unwrap();
        for (file, precision) in [
            ("f32.weights", Precision::F32),
            ("f16.weights", Precision::F16),
        ] {
            network.save(path(file), precision).unwrap();
            let network = Scarlet::open(path(file), &device).unwrap();
            let mut deployed = network.deploy(&options).unwrap();
            deployed.save(path("deployed")).unwrap();
            let expected = bits(deployed.run(&image).unwrap());
            for file in [file, "deployed"] {
                let mut engine = Classifier::open(path(file), &options).unwrap();
                assert_eq!(bits(engine.run(&image).unwrap()), expected, "{text} {file}");
                assert_eq!(engine.card(), network.card());
                assert_eq!(engine.architecture(), network.architecture());
            }
        }
        // What was damaged since it was written is noticed here too.
        let mut bytes = std::fs::read(path("f32.weights")).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let error = Classifier::from_bytes(&bytes, "x", &options).unwrap_err();
        assert!(error.to_string().contains("its checksum says"), "{error}");
    }
}

#[test]
fn files_that_are_no_deployed_networks_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.scarlet");
    let options = DeployOptions::new();
    let message = |path: &std::path::Path| Deployed::open(path, &options).unwrap_err().to_string();
    assert!(message(&path).contains("cannot read"), "{}", message(&path));
    std::fs::write(&path, "weights").unwrap();
    assert!(!Deployed::is_file(&path));
    assert!(message(&path).contains("is no deployed network"));

    let device = Device::flex();
    let network = ScarletC::new().with_resolution(32).init(&device);
    let deployed = network.deploy(&options).unwrap();
    std::fs::remove_file(&path).unwrap();
    deployed.save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(message(&path).contains("not copied or downloaded as a whole"));

    // A packed network, but not of this crate.
    use scarlet_kernels::{Network, Operation, PackedNetwork};
    let foreign = PackedNetwork::pack(&Network {
        input_channels: 3,
        operations: vec![Operation::GlobalMean],
    })
    .unwrap();
    let write = |description: &str| {
        let mut bytes = Vec::new();
        foreign.write(description, &mut bytes).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
    };
    write("what is this?");
    assert!(
        message(&path).contains("not one of this program's: expected value"),
        "{}",
        message(&path)
    );
    let architecture = scarlet::arch::scarlet_c().to_json();
    write(&format!(
        r#"{{"architecture": {architecture}, "parts": []}}"#
    ));
    assert!(
        message(&path).contains("its weights are of another network"),
        "{}",
        message(&path)
    );
    let invalid = architecture.replace("\"classes\": 1000", "\"classes\": 0");
    write(&format!(r#"{{"architecture": {invalid}, "parts": []}}"#));
    assert!(message(&path).contains("class"), "{}", message(&path));
}

#[test]
fn a_file_that_cannot_be_written_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let network = ScarletC::new().with_resolution(32).init(&device);
    let deployed = network.deploy(&DeployOptions::new()).unwrap();
    let missing = folder.path().join("missing/c.scarlet");
    let error = deployed.save(&missing).unwrap_err().to_string();
    assert!(error.contains("cannot write"), "{error}");
    // A folder in the file's place: everything is written, and then cannot be put there.
    let taken = folder.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    std::fs::write(taken.join("inside"), "kept").unwrap();
    assert!(deployed.save(&taken).is_err());
    assert_eq!(
        std::fs::read(taken.join("inside")).unwrap(),
        b"kept".to_vec()
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_profile_names_the_parts_and_counts_what_the_network_costs() {
    let device = Device::flex();
    let network = ScarletC::new().with_resolution(64).init(&device);
    let mut deployed = network.deploy(&DeployOptions::new()).unwrap();
    let image = formula::signal("profile", &[1, 3, 64, 64]);
    let profile = deployed.profile(&image, 2).unwrap();
    let names: Vec<_> = profile.iter().map(|part| part.part.as_str()).collect();
    // The fourth, fifth and sixteenth layers are skips.
    assert_eq!(
        names[..6],
        [
            "stem",
            "separable_conv",
            "mb_module.0",
            "mb_module.1",
            "mb_module.2",
            "mb_module.5"
        ]
    );
    assert_eq!(
        names[names.len() - 2..],
        ["conv_before_pooling", "classifier"]
    );
    let labels = |layer| profile.iter().find(|part| part.layer == layer).unwrap();
    assert_eq!(labels(None).label, "3×3 conv");
    assert_eq!(labels(Some(5)).label, "E3K3");
    assert_eq!(names.len(), 2 + 16 + 2);
    let counted: u64 = profile.iter().map(scarlet::PartProfile::mult_adds).sum();
    let cost = scarlet::arch::Cost::of(deployed.architecture(), 64).unwrap();
    assert_eq!(counted, cost.mult_adds);
}

/// Of a file that was written when parts had other names and no labels, and the mean was the head's.
#[test]
fn a_file_of_an_earlier_version_is_opened_as_one_of_today() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/old.scarlet");
    let mut old = Deployed::open(path, &DeployOptions::new()).unwrap();
    let architecture = old.architecture().clone();
    assert_eq!(
        architecture.layers_text(),
        "E3K3@8/2 - L@8 L@12/2 E3K5s@12 E1K7@12"
    );

    // Its weights were the formula's.
    let weights = formula::state_dict(&architecture);
    let network = ScarletConfig::from(architecture).init(&Device::flex());
    let network = network.load(&weights).unwrap();
    let mut today = network.deploy(&DeployOptions::new()).unwrap();
    let image = formula::signal("old", &[1, 1, 32, 32]);
    let images = signal("old", [1, 1, 32, 32], &Device::flex());
    let expected: Vec<f32> = network.forward(images).into_data().iter().collect();
    let found = old.run(&image).unwrap().to_vec();
    let data = TensorData::new(found, [3]);
    assert_close("old", data, &expected, TOLERANCE);

    // A stabilizer was folded away, another stays.
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved.scarlet");
    old.save(&saved).unwrap();
    let mut again = Deployed::open(&saved, &DeployOptions::new()).unwrap();
    for deployed in [&mut old, &mut today, &mut again] {
        let profile = deployed.profile(&image, 1).unwrap();
        let parts: Vec<_> = profile
            .iter()
            .map(|part| (&*part.part, &*part.label, part.layer, part.mult_adds()))
            .collect();
        assert_eq!(
            parts,
            [
                ("stem", "3×3 conv", None, 36_864),
                ("separable_conv", "3×3 depthwise, 1×1", None, 16_384),
                ("mb_module.0", "E3K3", Some(0), 75_264),
                ("mb_module.3", "L", Some(3), 1_536),
                ("mb_module.4", "E3K5s", Some(4), 28_872),
                ("mb_module.5", "E1K7", Some(5), 11_712),
                ("conv_before_pooling", "1×1 conv", None, 3_072),
                ("classifier", "mean, linear", None, 48),
            ]
        );
    }
}

/// Formula weights: of no use, but of the published shapes.
#[test]
fn a_network_of_eight_bits_is_near_to_the_one_in_floats() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    for config in [ScarletA::new(), ScarletB::new()] {
        let weights = formula::state_dict(config.architecture());
        let network = config.init(&device).load(&weights).unwrap();
        let options = DeployOptions::new().with_batch(2).with_size(64, 64);
        let mut floats = network.deploy(&options).unwrap();
        assert!(!floats.is_int8());
        let images: Vec<f32> = signal("input.64", [2, 3, 64, 64], &device)
            .into_data()
            .iter()
            .collect();
        let mut calibration = floats.calibrate().unwrap();
        calibration.observe(&images).unwrap();
        let mut int8 = calibration.finish().unwrap();
        assert!(int8.is_int8());
        assert_eq!(int8.architecture(), floats.architecture());

        let expected = floats.run(&images).unwrap().to_vec();
        let found = int8.run(&images).unwrap().to_vec();
        let square = |values: &mut dyn Iterator<Item = f32>| -> f32 { values.map(|x| x * x).sum() };
        let error = square(&mut found.iter().zip(&expected).map(|(a, b)| a - b));
        let relative = (error / square(&mut expected.iter().copied())).sqrt();
        assert!(relative > 1e-4 && relative < 0.1, "{relative}");

        let path = folder.path().join("int8.scarlet");
        int8.save(&path).unwrap();
        let mut opened = Deployed::open(&path, &options).unwrap();
        assert!(opened.is_int8());
        assert_eq!(opened.run(&images).unwrap(), found);
        let error = opened.calibrate().unwrap_err().to_string();
        assert!(error.contains("quantised already"), "{error}");
        let in_floats = folder.path().join("floats.scarlet");
        floats.save(&in_floats).unwrap();
        let bytes = |path: &std::path::Path| std::fs::metadata(path).unwrap().len();
        assert!(bytes(&path) * 3 < bytes(&in_floats));
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_calibration_without_images_is_refused() {
    let network = ScarletC::new().with_resolution(64).init(&Device::flex());
    let deployed = network.deploy(&DeployOptions::new()).unwrap();
    let error = deployed.calibrate().unwrap().finish().unwrap_err();
    assert!(error.to_string().contains("at least one image"), "{error}");
    let mut calibration = deployed.calibrate().unwrap();
    let error = calibration.observe(&[0.0; 7]).unwrap_err().to_string();
    assert!(error.contains("the input has 7 values"), "{error}");
}

#[test]
fn a_card_travels_with_a_deployed_network() {
    let architecture: Architecture = "E3K3@16/2 - E3K3@24".parse().unwrap();
    let device = Device::flex();
    let config = ScarletConfig::from(architecture.with_classes(2)).with_resolution(32);
    let card = ModelCard::new(["cat", "dog"].map(str::to_owned).to_vec())
        .with_training("pets", 200)
        .with_accuracy("test images", 19, 20);
    let network = config.init(&device).with_card(card.clone()).unwrap();
    let options = DeployOptions::new().with_threads(1);
    let deployed = network.deploy(&options).unwrap();
    assert_eq!(deployed.card(), Some(&card));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pets.scarlet");
    deployed.save(&path).unwrap();
    let opened = Deployed::open(&path, &options).unwrap();
    assert_eq!(opened.card(), Some(&card));
    // Rounding keeps it.
    let mut calibration = opened.calibrate().unwrap();
    calibration.observe(&[0.5; 3 * 32 * 32]).unwrap();
    assert_eq!(calibration.finish().unwrap().card(), Some(&card));
    // A network without one has a file without one, as earlier versions wrote them.
    let bare = config.init(&device).deploy(&options).unwrap();
    bare.save(&path).unwrap();
    assert_eq!(Deployed::open(&path, &options).unwrap().card(), None);
}
