//! Parts compute what they compute in the authors' package.

use burn::tensor::Device;
use scarlet::ScarletConfig;
use scarlet::arch::{
    Cost, Expansion, Genome, InvertedResidual, OnceForAll, Operation, SqueezedWidth,
};
use scarlet::weights::{Entry, OfaSupernet, StateDict};

use crate::common::{Golden, assert_close, assert_images_differ, relative_error};
use crate::pickle::{Value, write_legacy};
use crate::supernet::{CLASSES, Case, Cases, logits};

const TOLERANCE: f64 = 1e-4;

#[test]
fn parts_agree_with_the_authors_package() {
    let (cases, golden) = (Cases::open(), Golden::open("ofa.safetensors"));
    assert_eq!(cases.cases.len(), 36);
    let device = Device::flex();
    let mut supernet: Option<OfaSupernet> = None;
    for (index, case) in cases.cases.iter().enumerate() {
        let known = supernet
            .take()
            .filter(|it| it.published() == case.published());
        let whole =
            known.unwrap_or_else(|| OfaSupernet::read(&cases.weights(case.published())).unwrap());
        assert_eq!(whole.published(), case.published());
        let architecture = case.architecture(&whole);
        let what = format!("{architecture}");
        let cost = Cost::of(&architecture, case.side).unwrap();
        assert_eq!(
            (cost.parameters, cost.mult_adds),
            (case.parameters, case.mult_adds),
            "{what}"
        );

        let network = whole.network(&architecture, &device).unwrap();
        let expected = golden.get(&format!("{index}.logits"));
        assert_images_differ(&what, &expected);
        let found = network.forward(case.images(&device)).into_data();
        assert_close(&what, found, &expected, TOLERANCE);
        // Without the layers that are left out it has the same weights.
        let mut dense = architecture.clone();
        dense
            .blocks
            .retain(|block| block.operation != Operation::Identity);
        let dense = whole.network(&dense, &device).unwrap();
        assert_eq!(logits(&dense, case), logits(&network, case), "{what}");
        supernet = Some(whole);
    }
}

/// Changed weights of the parts that a case looks at are noticed: golden values can fail.
#[test]
fn golden_values_miss_wrong_parts_by_far() {
    let (cases, golden) = (Cases::open(), Golden::open("ofa.safetensors"));
    // A part of all kernels, whose stages are of all depths.
    let is_telling = |case: &Case| {
        [3, 5, 7].iter().all(|kernel| case.ks.contains(kernel))
            && [2, 3, 4].iter().all(|depth| case.d.contains(depth))
    };
    let mut telling = (0..cases.cases.len()).filter(|&index| is_telling(&cases.cases[index]));
    let index = telling.next().unwrap();
    let case = &cases.cases[index];
    let weights = cases.weights(case.published());
    let expected = golden.get(&format!("{index}.logits"));
    let expected: Vec<f64> = expected.iter().map(|&value| value.into()).collect();
    let error = |weights: &StateDict| {
        let supernet = OfaSupernet::read(weights).unwrap();
        let architecture = case.architecture(&supernet);
        let network = supernet.network(&architecture, &Device::flex()).unwrap();
        relative_error(&logits(&network, case), &expected)
    };
    assert!(error(&weights) < TOLERANCE);
    // A block of the kernel that is wanted.
    let block = |kernel: usize| 1 + case.ks.iter().position(|&it| it == kernel).unwrap();
    let transposed = |name: String, side: usize| {
        move |entry: Entry| match entry.name() == name {
            false => entry,
            true => {
                let values = entry.read_f32().unwrap();
                let turned: Vec<f32> = (0..side * side)
                    .map(|at| values[at % side * side + at / side])
                    .collect();
                Entry::from_f32(name.clone(), vec![side, side], move || turned.clone())
            }
        }
    };
    let changed = |change: &dyn Fn(Entry) -> Entry| {
        StateDict::from_entries(weights.entries().iter().cloned().map(change))
    };
    let matrix = |block, name| format!("blocks.{block}.conv.depth_conv.conv.{name}");
    let five = changed(&transposed(matrix(block(5), "7to5_matrix"), 25));
    let three = changed(&transposed(matrix(block(3), "5to3_matrix"), 9));
    // The matrix of the step before counts too.
    let both = changed(&transposed(matrix(block(3), "7to5_matrix"), 25));
    // The last blocks of the first stage of two blocks instead of the first.
    let stage = case.d.iter().position(|&depth| depth == 2).unwrap();
    let (second, last) = (4 * stage + 2, 4 * stage + 4);
    let swapped = changed(&|entry: Entry| {
        let (from, to) = (format!("blocks.{second}."), format!("blocks.{last}."));
        let name = entry.name().to_owned();
        let renamed = match (name.strip_prefix(&from), name.strip_prefix(&to)) {
            (Some(rest), _) => format!("{to}{rest}"),
            (_, Some(rest)) => format!("{from}{rest}"),
            _ => name,
        };
        entry.renamed(renamed)
    });
    for (what, weights) in [
        ("7 to 5", five),
        ("5 to 3", three),
        ("7 to 5, then to 3", both),
        ("another block", swapped),
    ] {
        let error = error(&weights);
        assert!(error > 10.0 * TOLERANCE, "{what}: {error:e}");
    }
    // Squeeze-excite of a narrower width than the package's.
    let supernet = OfaSupernet::read(&weights).unwrap();
    let mut architecture = case.architecture(&supernet);
    for layer in architecture.layers_mut() {
        let Operation::InvertedResidual(block) = &mut layer.operation else {
            continue;
        };
        if let Some(excite) = &mut block.squeeze_excite
            && let SqueezedWidth::To(inner) = excite.width
        {
            excite.width = SqueezedWidth::To(inner - 8);
        }
    }
    let network = supernet.network(&architecture, &Device::flex()).unwrap();
    let error = relative_error(&logits(&network, case), &expected);
    assert!(error > 10.0 * TOLERANCE, "squeeze-excite: {error:e}");
}

#[test]
fn older_names_are_known() {
    let (cases, device) = (Cases::open(), Device::flex());
    let case = &cases.cases[3];
    let newest = cases.weights(case.published());
    let expected = OfaSupernet::read(&newest).unwrap();
    let architecture = case.architecture(&expected);
    let expected = logits(&expected.network(&architecture, &device).unwrap(), case);
    // As the first versions wrote them, as later ones read them, and with counters of steps.
    let renamed = |rename: &dyn Fn(&str) -> String| {
        let entries = newest.entries().iter().cloned();
        let entries = entries.map(|entry| {
            let name = rename(entry.name());
            entry.renamed(name)
        });
        let counter = Entry::from_f32("first_conv.bn.num_batches_tracked", vec![], || vec![7.0]);
        StateDict::from_entries(entries.chain([counter]))
    };
    let of_first_versions = |name: &str| {
        name.replace(".conv.inverted", ".mobile_inverted_conv.inverted")
            .replace(".conv.depth", ".mobile_inverted_conv.depth")
            .replace(".conv.point", ".mobile_inverted_conv.point")
    };
    let without_doubles = |name: &str| {
        name.replace(".bn.bn.", ".bn.")
            .replace(".conv.conv.weight", ".conv.weight")
    };
    let with_doubles = |name: &str| name.replace("classifier.linear.", "classifier.linear.linear.");
    for weights in [
        renamed(&of_first_versions),
        renamed(&without_doubles),
        renamed(&|name| of_first_versions(&without_doubles(name))),
        renamed(&with_doubles),
    ] {
        let supernet = OfaSupernet::read(&weights).unwrap();
        assert_eq!(supernet.published(), case.published());
        let network = supernet.network(&architecture, &device).unwrap();
        assert_eq!(logits(&network, case), expected);
    }
    // Both at once.
    let double = newest.entries()[0].clone();
    let name = of_first_versions(&without_doubles("blocks.2.conv.depth_conv.bn.bn.bias"));
    let entries = newest
        .entries()
        .iter()
        .cloned()
        .chain([double.renamed(name)]);
    let error = OfaSupernet::read(&StateDict::from_entries(entries)).unwrap_err();
    assert!(error.to_string().contains("appears twice"), "{error}");
}

#[test]
fn the_largest_is_all_genes_zero_and_any_classes_are_read() {
    for published in OnceForAll::ALL {
        let supernet = OfaSupernet::read(&Cases::open().weights(published)).unwrap();
        assert_eq!(supernet.largest().classes, CLASSES);
        let space = supernet.space(&OnceForAll::RESOLUTIONS).unwrap();
        let whole = space.decode(&space.first()).unwrap();
        assert_eq!(whole.blocks, supernet.largest().blocks);
        supernet.check(&whole).unwrap();
        // The least has two blocks in every stage of four, at the lowest resolution.
        let least: Vec<u8> = space
            .genes()
            .iter()
            .map(|&values| values as u8 - 1)
            .collect();
        let least = space.decode(&Genome::new(least).unwrap()).unwrap();
        supernet.check(&least).unwrap();
        assert_eq!(least.preprocessing.resolution, 160);
    }
}

/// Any number of channels can be cut, not only those that were trained.
#[test]
fn widths_between_the_trained_ones_are_parts() {
    let supernet = OfaSupernet::read(&Cases::open().weights(OnceForAll::Proxyless)).unwrap();
    let mut network = supernet.largest();
    for layer in network.layers_mut() {
        let Operation::InvertedResidual(block) = layer.operation else {
            continue;
        };
        layer.operation = Operation::InvertedResidual(InvertedResidual {
            kernel: 5,
            expansion: Expansion::To(37),
            ..block
        });
    }
    let device = Device::flex();
    let narrow = supernet.network(&network, &device).unwrap();
    assert_eq!(narrow.architecture(), &network);
    // What was cut out goes through a file like any other network.
    let reread = ScarletConfig::from(network)
        .init(&device)
        .load(&narrow.state_dict())
        .unwrap();
    let case = &Cases::open().cases[0];
    assert_eq!(logits(&reread, case), logits(&narrow, case));
}

/// As the file that `torch.load` opens: the first versions' names, in a dictionary.
#[test]
fn a_checkpoint_is_opened() {
    let (cases, device) = (Cases::open(), Device::flex());
    let case = &cases.cases[30];
    let weights = cases.weights(case.published());
    let read = OfaSupernet::read(&weights).unwrap();
    let architecture = case.architecture(&read);
    let older = StateDict::from_entries(weights.entries().iter().cloned().map(|entry| {
        let name = entry.name().replacen(".conv.", ".mobile_inverted_conv.", 1);
        let name = match entry.name().starts_with("blocks.") {
            true => format!("module.{name}"),
            false => format!("module.{}", entry.name()),
        };
        entry.renamed(name)
    }));
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = Value::dict([
        ("epoch", Value::Int(120)),
        ("state_dict", Value::state_dict(&older)),
    ]);
    let path = write_legacy(folder.path(), case.published().name(), &checkpoint);
    let opened = OfaSupernet::open(&path).unwrap();
    assert_eq!(
        (opened.published(), opened.path()),
        (case.published(), path.as_path())
    );
    let run =
        |supernet: &OfaSupernet| logits(&supernet.network(&architecture, &device).unwrap(), case);
    assert_eq!(run(&opened), run(&read));
}
