//! Whole networks against logits that PyTorch computed in double precision, and photographs against what
//! torchvision made of them.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::path::{Path, PathBuf};

use common::{bits, error};
use safetensors::SafeTensors;
use scarlet_engine::arch::{Architecture, scarlet_a, scarlet_b, scarlet_c};
use scarlet_engine::{Classifier, DeployOptions, Model, NetworkWeights, formula};

fn golden(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn floats(golden: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let bytes = golden.tensor(name).unwrap().data().as_chunks::<4>().0;
    bytes.iter().map(|&it| f32::from_le_bytes(it)).collect()
}

/// Formula weights with the running statistics that images left in them.
fn model(architecture: Architecture, golden: &SafeTensors<'_>) -> Model {
    let weights = NetworkWeights::try_collect(architecture, |name, shape| {
        Ok::<_, ()>(match golden.names().contains(&name) {
            true => floats(golden, name),
            false => formula::entry(name, shape),
        })
    });
    Model::of(weights.unwrap()).unwrap()
}

#[test]
fn logits_are_those_of_pytorch() {
    for architecture in [scarlet_a(), scarlet_b(), scarlet_c()] {
        let file = architecture.name.replace('-', "_");
        let golden = golden(&format!("../scarlet/tests/golden/{file}.safetensors"));
        let golden = SafeTensors::deserialize(&golden).unwrap();
        let model = model(architecture, &golden);
        for side in [96, 224] {
            let options = DeployOptions::new().with_size(side, side).with_batch(2);
            let mut classifier = Classifier::new(model.clone(), &options).unwrap();
            let images = formula::signal(&format!("input.{side}"), &[2, 3, side, side]);
            let expected = floats(&golden, &format!("logits.{side}"));
            let found = error(classifier.run(&images).unwrap(), &expected);
            assert!(found < 1e-4, "{file} at {side}: {found}");
            // Rounded, they are a little further away, and not the same.
            let mut bf16 = classifier.to_bf16().unwrap();
            let found = error(bf16.run(&images).unwrap(), &expected);
            assert!(found > 1e-4 && found < 0.1, "{file} in bf16: {found}");
            let mut calibration = classifier.calibrate().unwrap();
            calibration.observe(&images).unwrap();
            let mut int8 = calibration.finish().unwrap();
            let found = error(int8.run(&images).unwrap(), &expected);
            assert!(found > 1e-4 && found < 0.3, "{file} in int8: {found}");
        }
    }
}

/// `preprocess.safetensors` has photographs after torchvision's `Resize(256)` and `CenterCrop(224)`.
#[cfg(feature = "photographs")]
#[test]
fn photographs_are_seen_as_torchvision_shows_them() {
    let golden = golden("../scarlet-photo/tests/golden/preprocess.safetensors");
    let golden = SafeTensors::deserialize(&golden).unwrap();
    let model = Model::of(formula::weights(scarlet_c())).unwrap();
    let preprocessing = model.architecture().preprocessing;
    let imagenet = scarlet_engine::arch::Preprocessing::IMAGENET;
    assert_eq!(preprocessing, imagenet);
    let mut classifier = Classifier::new(model, &DeployOptions::new()).unwrap();
    for file in ["chelsea.png", "flower.jpg"] {
        let pixels = golden.tensor(&format!("eval224.{file}")).unwrap().data();
        let values = (0..3).flat_map(|channel| {
            let (mean, std) = (imagenet.mean[channel], imagenet.std[channel]);
            let plane = pixels.iter().skip(channel).step_by(3);
            plane.map(move |&level| (f32::from(level) / 255.0 - mean) / std)
        });
        let values: Vec<f32> = values.collect();
        let expected = bits(classifier.run(&values).unwrap());
        let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../examples/photos", file]
            .iter()
            .collect();
        assert_eq!(bits(classifier.classify_file(&path).unwrap()), expected);
        // And so are pixels that somebody else decoded.
        let image = scarlet_engine::photo::decode(&path, &Default::default()).unwrap();
        assert_eq!(bits(classifier.classify(&image).unwrap()), expected);
        let size = [image.width() as usize, image.height() as usize];
        let found = classifier.classify_rgb(image.as_raw(), size).unwrap();
        assert_eq!(bits(found), expected);
    }
}
