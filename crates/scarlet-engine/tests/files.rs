//! Files of both kinds: the same network in both, and whatever else a file may hold.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::path::Path;

use common::{Entries, NETWORKS, bits, card, entries, metadata, network, safetensors};
use scarlet_engine::kernels::Precision;
use scarlet_engine::{
    Classifier, ClassifierError, DeployOptions, InputError, Model, ModelCard, formula,
};

fn deployed(model: &Model) -> Vec<u8> {
    let mut bytes = Vec::new();
    model.write(&mut bytes).unwrap();
    bytes
}

fn open(bytes: &[u8]) -> Result<Classifier, ClassifierError> {
    Classifier::from_bytes(bytes, "the file", &DeployOptions::new().with_threads(1))
}

fn message(bytes: &[u8]) -> String {
    open(bytes).unwrap_err().to_string()
}

#[test]
fn weights_and_deployed_networks_have_the_same_logits() {
    let folder = tempfile::tempdir().unwrap();
    let image = formula::signal("image", &[1, 3, 40, 40]);
    for text in NETWORKS {
        let architecture = network(text);
        let weights = safetensors(&entries(&architecture), metadata(&architecture));
        let mut of_weights = open(&weights).unwrap();
        let expected = bits(of_weights.run(&image).unwrap());
        assert_eq!(of_weights.card(), Some(&card()));
        let [weights_path, deployed_path] =
            ["x.safetensors", "x.scarlet"].map(|name| folder.path().join(name));
        std::fs::write(&weights_path, &weights).unwrap();
        let deployed = deployed(of_weights.model());
        let _ = std::fs::remove_file(&deployed_path);
        std::fs::write(&deployed_path, &deployed).unwrap();
        let options = DeployOptions::new();
        for mut opened in [
            open(&deployed).unwrap(),
            Classifier::open(&weights_path, &options).unwrap(),
            Classifier::open(&deployed_path, &options).unwrap(),
        ] {
            assert_eq!(bits(opened.run(&image).unwrap()), expected, "{text}");
            assert_eq!(opened.architecture(), of_weights.architecture());
            assert_eq!(opened.class_name(2), Some("tulip"));
            assert_eq!(opened.class_name(5), None);
        }
        assert!(Model::is_deployed(&deployed_path) && !Model::is_deployed(&weights_path));
        // Rounded ones come back as what they are.
        let mut bf16 = of_weights.to_bf16().unwrap();
        let mut again = open(&self::deployed(bf16.model())).unwrap();
        assert_eq!(again.precision(), Precision::Bfloat16);
        assert_eq!(again.run(&image).unwrap(), bf16.run(&image).unwrap());
        let mut calibration = of_weights.calibrate().unwrap();
        calibration.observe(&image).unwrap();
        let mut int8 = calibration.finish().unwrap();
        let mut again = open(&self::deployed(int8.model())).unwrap();
        assert_eq!(again.precision(), Precision::Int8);
        assert_eq!(again.run(&image).unwrap(), int8.run(&image).unwrap());
        assert_ne!(bits(int8.run(&image).unwrap()), expected);
    }
}

#[test]
fn options_say_what_a_network_is_opened_for() {
    let architecture = network(NETWORKS[0]);
    let bytes = deployed(&Model::of(formula::weights(architecture)).unwrap());
    let with = |options: DeployOptions| Classifier::from_bytes(&bytes, "x", &options);
    let images = formula::signal("images", &[3, 3, 64, 64]);
    let options = DeployOptions::new().with_batch(3).with_size(64, 64);
    let mut several = with(options).unwrap();
    assert_eq!((several.batch(), several.size()), (3, (64, 64)));
    assert_eq!(several.architecture().preprocessing.resolution, 64);
    let all = several.run(&images).unwrap().to_vec();
    let mut single = with(DeployOptions::new().with_size(64, 64).with_threads(2)).unwrap();
    let image = &images[3 * 64 * 64..][..3 * 64 * 64];
    assert_eq!(single.run(image).unwrap(), &all[5..10]);
    let error = single.run(&images).unwrap_err().to_string();
    assert!(error.contains("give 1 to 1 images"), "{error}");

    let mut wide = with(DeployOptions::new().with_size(32, 64)).unwrap();
    assert_eq!(wide.run(&[0.5; 3 * 32 * 64]).unwrap().len(), 5);
    let error = wide.classify_rgb(&[0; 12], [2, 2]).unwrap_err().to_string();
    assert!(
        error.contains("opened for images of 32×64 pixels"),
        "{error}"
    );
    let error = with(DeployOptions::new().with_size(0, 64)).unwrap_err();
    assert!(matches!(
        error,
        ClassifierError::Input(InputError::Size { .. })
    ));
    let error = with(DeployOptions::new().with_batch(0)).unwrap_err();
    assert!(error.to_string().contains("batch is 0"), "{error}");

    let error = single
        .classify_rgb(&[0; 11], [2, 2])
        .unwrap_err()
        .to_string();
    assert!(error.contains("has 12 bytes, but there are 11"), "{error}");
    let error = single.classify_rgb(&[], [0, 2]).unwrap_err().to_string();
    assert!(error.contains("nothing to resize"), "{error}");
    let error = single.classify_rgb(&[], [usize::MAX, 2]).unwrap_err();
    assert!(matches!(error, ClassifierError::Pixels { .. }), "{error}");
}

#[test]
fn what_is_no_network_says_why() {
    let architecture = network(NETWORKS[0]);
    let entries = entries(&architecture);
    let whole = safetensors(&entries, metadata(&architecture));
    let missing = Classifier::open("no/such/file", &DeployOptions::new()).unwrap_err();
    let missing = missing.to_string();
    assert!(missing.contains("cannot read no/such/file"), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    assert!(Classifier::open(folder.path(), &DeployOptions::new()).is_err());
    for bytes in [&b""[..], b"weights", b"PK\x03\x04 a zip archive"] {
        assert!(message(bytes).contains("is no network that can be run here"));
        let path = folder.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        let error = Classifier::open(&path, &DeployOptions::new()).unwrap_err();
        assert!(error.to_string().contains("is no network"), "{error}");
    }

    let changed = |change: &dyn Fn(&mut Entries)| {
        let mut entries = entries.clone();
        change(&mut entries);
        message(&safetensors(&entries, metadata(&architecture)))
    };
    let error = changed(&|entries| {
        entries.pop();
    });
    assert!(error.contains("`classifier.bias` is missing"), "{error}");
    let error = changed(&|entries| entries.push(("more\n".to_owned(), vec![1], vec![0.0])));
    assert!(error.contains("it has no `more\\n`"), "{error}");
    let error = changed(&|entries| entries[0].1.swap(0, 1));
    assert!(error.contains("`stem.0.weight` is [3, 8, 3, 3], and should be [8, 3, 3, 3]"));
    let error = changed(&|entries| entries[0].2[4] = f32::NAN);
    assert!(
        error.contains("`stem.0.weight` in the file holds NaN at index 4, which is not finite"),
        "{error}"
    );
    let error = changed(&|entries| {
        let variance = entries.iter_mut().find(|it| it.0.ends_with("running_var"));
        variance.unwrap().2[1] = -1.0;
    });
    assert!(error.contains("holds -1 at index 1, which no variance can be"));
    // Finite, but not what folding makes of them.
    let error = changed(&|entries| {
        let (factor, mean) = (1, 3);
        entries[factor].2[0] = 3e38;
        entries[mean].2[0] = 3e38;
    });
    assert!(
        error.contains("weights of `stem` are not finite"),
        "{error}"
    );

    let said = |key: &str, value: &str| {
        let mut metadata = metadata(&architecture);
        metadata.insert(key.to_owned(), value.to_owned());
        safetensors(&entries, metadata)
    };
    let error = message(&safetensors(&entries, Default::default()));
    assert!(error.contains("does not say which network"), "{error}");
    let error = message(&said("scarlet.architecture", "{}"));
    assert!(error.contains("cannot be used"), "{error}");
    let error = message(&said("scarlet.format", "7"));
    assert!(error.contains("of format 7"), "{error}");
    let error = message(&said("scarlet.format", "2"));
    assert!(error.contains("lost its checksum"), "{error}");
    let error = message(&said("scarlet.checksum", "12345678"));
    assert!(error.contains("its checksum says 12345678"), "{error}");
    // A card that is damaged or of other classes never stops the weights.
    for card in ["{}", &ModelCard::new(vec!["a".to_owned()]).to_json()] {
        assert_eq!(open(&said("scarlet.card", card)).unwrap().card(), None);
    }
    assert!(open(&whole).is_ok());
}

/// Neither is any byte of a deployed network.
#[test]
fn no_damage_goes_unnoticed_or_panics() {
    let architecture = network(NETWORKS[4]);
    let weights = safetensors(&entries(&architecture), metadata(&architecture));
    let deployed = deployed(open(&weights).unwrap().model());
    for bytes in [&weights, &deployed] {
        for length in (0..bytes.len()).step_by(211) {
            assert!(open(&bytes[..length]).is_err(), "{length}");
        }
    }
    for place in (0..deployed.len()).step_by(97) {
        let mut changed = deployed.clone();
        changed[place] ^= 0x10;
        assert!(open(&changed).is_err(), "{place}");
    }
    // The header of safetensors says where the tensors are.
    for place in 0..2_000 {
        let mut changed = weights.clone();
        changed[place] = changed[place].wrapping_add(1);
        let _ = open(&changed);
    }
}

#[test]
fn a_file_of_an_earlier_version_still_opens() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scarlet/tests/data/old.scarlet");
    let mut old = Classifier::open(path, &DeployOptions::new()).unwrap();
    let mut today = Classifier::new(
        Model::of(formula::weights(old.architecture().clone())).unwrap(),
        &DeployOptions::new(),
    )
    .unwrap();
    let image = formula::signal("old", &[1, 1, 32, 32]);
    let profiles = [&mut old, &mut today].map(|network| network.profile(&image, 1).unwrap());
    let parts = profiles.map(|parts| {
        let parts = parts.into_iter();
        let parts = parts.map(|it| (it.mult_adds(), it.part, it.label, it.layer));
        parts.collect::<Vec<_>>()
    });
    assert_eq!(parts[0], parts[1]);
    let found = old.run(&image).unwrap().to_vec();
    assert!(common::error(&found, today.run(&image).unwrap()) < 1e-5);
}
