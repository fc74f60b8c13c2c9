//! What several tests need.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod blocks;
pub mod reference;
pub mod runtime;
pub mod timm;

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::module::{Flag, Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use proptest::prelude::*;
use safetensors::SafeTensors;
use scarlet::Architecture;
use scarlet::arch::{Block, Operation};
use scarlet::weights::{Entry, StateDict, formula};

/// Networks that are not SCARLET's, each for another reason; with stabilizers next to all of what is
/// new.
pub const KINDS: [&str; 9] = [
    // Squeeze-excite of swish and sigmoid: EfficientNet.
    "[swish, se swish sigmoid] C3@8/2 E1K3s2@6 E6K3s@12/2 E4K5s3@12 P24",
    // Squeeze-excite of every other pair, and of the block's own activation.
    "C3@8/2 E1K3s(h-swish,sigmoid)@6:relu E3K5s(swish,h-sigmoid)@12/2 E3K3s5(relu6,sigmoid)@12 \
     E6K3s:swish P24:relu",
    // Neither shortcuts nor a convolution in the head, activations behind every convolution:
    // MobileNetV1.
    "[relu6] C3@8/2 E1K3an@8 E1K3a@12/2 E1K3an E1K5an@12 E1K3a@16/2",
    // A hidden layer with bias: MobileNetV3.
    "C3@8/2 E1K3:relu E4K3@12/2:relu E3K3:relu E3K5s6@16/2 P40 F32",
    // A hidden layer behind the mean alone: LCNet.
    "C3@8/2 E1K3a@12 E1K5s3a@16/2 E1K5sa F32",
    // A hidden layer without bias, of another activation.
    "C5@8/2 E3K3@12/2 E3K3n E3K3a P20:relu F16n:relu6",
    // A stem of another kernel and stride, no separable convolution, convolutions in the middle.
    "C7@8:swish C1@6:relu E3K3 C1@12/2 E3K3a C1:relu6 P24",
    // Stabilizers next to all of these: before and behind convolutions, blocks that activate their
    // output and blocks without shortcut, and before a head without convolution.
    "C3@8/2 L@8 E3K3 L E3K3n L E3K3a L@8 E3K3an L@12 C1@12 L E3K3@12/2 L@12 E3K3 L@12 F16:swish",
    // And before the classifier itself, and with a stride.
    "[swish] C3@8/2 E1K3an@8 L@8 E3K3s E3K3s L@12/2 L@12 E1K3@12 L@12 E3K5 L@10",
];

/// Networks of random layers: what comes before and behind them, by number.
pub const ENDS: [(&str, &str); 5] = [
    ("C3@4/2:relu6 E1K3n@4:relu6", "P16:relu6"),
    ("C3@6/2:swish", "F16"),
    ("C5@5/2 E1K3s(swish,sigmoid)@6:swish", "P16:swish F8n:relu"),
    ("C3@6/2:relu6 E1K3an@6:relu6", ""),
    ("C1@6:relu C1@6/2", "P12 F16:relu6"),
];

/// The network of these layers between the ends of that number, with five classes.
pub fn between(ends: usize, layers: impl IntoIterator<Item = Block>) -> Architecture {
    let (before, behind) = ENDS[ends];
    let mut network: Architecture = format!("{before} {behind}").parse().unwrap();
    network.blocks.extend(layers);
    network.validate().unwrap();
    network.with_classes(5).with_resolution(32)
}

/// Operations of every kind, with stabilizers `linear` times as often as each other.
pub fn operations(linear: u32) -> impl Strategy<Value = Operation> {
    let parsed = |text: &str| Just(text.parse::<Operation>().unwrap());
    prop_oneof![
        1 => parsed("E2K3"),
        1 => parsed("E3K5s"),
        1 => parsed("E1K3"),
        1 => parsed("E2K3n:swish"),
        1 => parsed("E2K3a:relu"),
        1 => parsed("H12K5s4(swish,sigmoid)an:relu6"),
        1 => parsed("C1:swish"),
        1 => parsed("-"),
        linear => parsed("L"),
    ]
}

/// The CPU devices that were compiled in, by name.
pub fn cpu_devices() -> Vec<(&'static str, Device)> {
    scarlet::available_devices()
        .into_iter()
        .filter(|name| ["cpu", "ndarray"].contains(name))
        .map(|name| (name, scarlet::device_by_name(name).unwrap()))
        .collect()
}

/// A file of golden values computed by PyTorch in f64.
pub struct Golden(Vec<u8>);

impl Golden {
    pub fn open(file: &str) -> Self {
        Self(std::fs::read(golden_path(file)).unwrap())
    }

    pub fn get(&self, name: &str) -> Vec<f32> {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        let view = tensors
            .tensor(name)
            .unwrap_or_else(|_| panic!("no golden value `{name}`"));
        view.data()
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect()
    }

    pub fn names(&self) -> Vec<String> {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        tensors.names().into_iter().map(str::to_owned).collect()
    }
}

pub fn golden_path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(file)
}

/// The largest difference relative to the largest expected value.
pub fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len(), "different numbers of values");
    let largest = expected.iter().fold(0.0f64, |max, x| max.max(x.abs()));
    let difference = found
        .iter()
        .zip(expected)
        .fold(0.0f64, |max, (a, b)| max.max((a - b).abs()));
    assert!(difference.is_finite(), "a value is not finite");
    difference / largest.max(f64::MIN_POSITIVE)
}

pub fn assert_close(what: &str, found: TensorData, expected: &[f32], tolerance: f64) {
    let found: Vec<f64> = found.iter::<f64>().collect();
    let expected: Vec<f64> = expected.iter().map(|&x| f64::from(x)).collect();
    let error = relative_error(&found, &expected);
    assert!(
        error <= tolerance,
        "{what}: relative error {error:.2e} above {tolerance:.0e}"
    );
}

/// The same weights with a golden file's running statistics.
pub fn with_statistics(weights: &StateDict, golden: &Golden) -> StateDict {
    let known = golden.names();
    let entries = weights.entries().iter().cloned().map(|entry| {
        let name = entry.name().to_owned();
        if !known.contains(&name) {
            return entry;
        }
        let (shape, values) = (entry.shape().to_vec(), golden.get(&name));
        Entry::from_f32(name, shape, move || values.clone())
    });
    StateDict::from_entries(entries)
}

/// A golden value can only fail a wrong network if images that differ are told apart by it: by a
/// tenth of the largest of the logits of two images.
pub fn assert_images_differ(what: &str, logits: &[f32]) {
    let (first, second) = logits.split_at(logits.len() / 2);
    let largest = logits.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let pairs = first.iter().zip(second);
    let difference = pairs.fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(
        difference > 0.1 * largest,
        "{what}: {difference} of {largest}"
    );
}

pub fn signal<const D: usize>(name: &str, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(
        TensorData::new(formula::signal(name, &shape), shape),
        device,
    )
}

/// Gives every parameter of a module the formula's value for its checkpoint name.
pub fn with_formula_weights<M: Module>(module: M, prefix: &str) -> M {
    module.map(&mut FormulaWeights(Path::new(prefix)))
}

/// Names as PyTorch has them inside a block: `bn1.weight` where Burn says `bn1.gamma`.
struct Path {
    prefix: String,
    parts: Vec<String>,
}

impl Path {
    fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            parts: Vec::new(),
        }
    }

    fn name(&self) -> String {
        let path = self.parts.join(".");
        let path = path.replace("gamma", "weight").replace("beta", "bias");
        format!("{}{path}", self.prefix)
    }

    fn enter(&mut self, name: &str, container: &str) {
        if !container.starts_with("Enum:") {
            self.parts.push(name.to_owned());
        }
    }

    fn exit(&mut self, container: &str) {
        if !container.starts_with("Enum:") {
            self.parts.pop();
        }
    }
}

struct FormulaWeights(Path);

impl ModuleMapper for FormulaWeights {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.0.name();
        param.map(|old| {
            let shape = old.dims();
            let data = TensorData::new(formula::entry(&name, &shape), shape);
            let new = Tensor::from_data(data, (&old.device(), old.dtype()));
            if old.is_require_grad() {
                new.require_grad()
            } else {
                new
            }
        })
    }

    fn enter_module(&mut self, name: &str, container: &str) {
        self.0.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.0.exit(container);
    }
}

/// Batch normalisation that uses its running statistics while its parameters still train.
pub fn with_running_statistics<M: Module>(module: M) -> M {
    struct Disable;
    impl ModuleMapper for Disable {
        fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
            flag.with_value(false)
        }
    }
    module.map(&mut Disable)
}

/// Gradients of all parameters by PyTorch's names.
pub fn gradients_by_name<M: Module>(
    module: &M,
    gradients: &Gradients,
) -> BTreeMap<String, TensorData> {
    struct Collect<'a> {
        path: Path,
        gradients: &'a Gradients,
        found: BTreeMap<String, TensorData>,
    }
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = param.val().grad(self.gradients) {
                self.found.insert(self.path.name(), gradient.into_data());
            }
        }
        fn enter_module(&mut self, name: &str, container: &str) {
            self.path.enter(name, container);
        }
        fn exit_module(&mut self, _name: &str, container: &str) {
            self.path.exit(container);
        }
    }
    let mut collect = Collect {
        path: Path::new(""),
        gradients,
        found: BTreeMap::new(),
    };
    module.visit(&mut collect);
    collect.found
}

/// Values of all floating-point tensors by PyTorch's names, running statistics included.
pub fn values_by_name<M: Module>(module: &M) -> BTreeMap<String, TensorData> {
    struct Collect(Path, BTreeMap<String, TensorData>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.insert(self.0.name(), param.val().into_data());
        }
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }
        fn exit_module(&mut self, _name: &str, container: &str) {
            self.0.exit(container);
        }
    }
    let mut collect = Collect(Path::new(""), BTreeMap::new());
    module.visit(&mut collect);
    collect.1
}
