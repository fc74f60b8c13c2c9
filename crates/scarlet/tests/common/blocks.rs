//! The golden blocks: one block each, with all its gradients.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use scarlet::BlockModule;
use scarlet::arch::{self, Operation, Padding, PlacedBlock};
use scarlet::blocks::{ConvBn, InvertedResidual};
use serde::Deserialize;

use super::{
    Golden, assert_close, golden_path, gradients_by_name, signal, values_by_name,
    with_formula_weights, with_running_statistics,
};

#[derive(Deserialize)]
pub struct Case {
    index: usize,
    operation: Operation,
    channels_in: usize,
    channels_out: usize,
    stride: usize,
    padding: Padding,
    height: usize,
    width: usize,
    batch: usize,
    /// What its weights' names begin with.
    #[serde(skip)]
    prefix: String,
}

/// Cases and their golden values: inverted residuals by the released code, and blocks of all kinds
/// by timm's.
pub fn all() -> [(Vec<Case>, Golden); 2] {
    [("blocks", "block"), ("timm_blocks", "timm")].map(|(file, prefix)| {
        let json = std::fs::read_to_string(golden_path(&format!("{file}.json"))).unwrap();
        let mut cases: Vec<Case> = serde_json::from_str(&json).unwrap();
        for case in &mut cases {
            case.prefix = format!("{prefix}{}.", case.index);
        }
        (cases, Golden::open(&format!("{file}.safetensors")))
    })
}

impl Case {
    /// Output, gradients and, in training, running statistics, all against PyTorch's.
    pub fn check(&self, golden: &Golden, device: &Device, training: bool, tolerance: f64) {
        let device = device.clone().autodiff();
        let placed = PlacedBlock {
            operation: self.operation,
            channels_in: self.channels_in,
            channels_out: self.channels_out,
            stride: self.stride,
        };
        let mut network = arch::scarlet_a();
        network.padding = self.padding;
        match BlockModule::new(&placed, &network, &device) {
            BlockModule::Conv(conv) => {
                let forward = |conv: &ConvBn, x| conv.forward(x);
                self.check_module(conv, forward, golden, &device, training, tolerance);
            }
            BlockModule::InvertedResidual(block) => {
                let forward = |block: &InvertedResidual, x| block.forward(x);
                self.check_module(block, forward, golden, &device, training, tolerance);
            }
            _ => panic!("{} has nothing to check", self.operation),
        }
    }

    fn check_module<M: Module>(
        &self,
        block: M,
        forward: impl Fn(&M, Tensor<4>) -> Tensor<4>,
        golden: &Golden,
        device: &Device,
        training: bool,
        tolerance: f64,
    ) {
        let (index, prefix) = (self.index, &self.prefix);
        let mode = if training { "train" } else { "eval" };
        let mut block = with_formula_weights(block, prefix);
        if !training {
            block = with_running_statistics(block);
        }
        let shape = [self.batch, self.channels_in, self.height, self.width];
        let input = signal(&format!("{prefix}input"), shape, device).require_grad();
        let output = forward(&block, input.clone());
        let cotangent = signal(&format!("{prefix}cotangent"), output.dims(), device);
        let gradients = (output.clone() * cotangent).sum().backward();

        let expected = |name: &str| golden.get(&format!("{index}.{mode}.{name}"));
        let what = |name: &str| format!("{} ({index}) in {mode}, {name}", self.operation);
        assert_close(
            &what("output"),
            output.into_data(),
            &expected("output"),
            tolerance,
        );
        assert_close(
            &what("grad.input"),
            input.grad(&gradients).unwrap().into_data(),
            &expected("grad.input"),
            tolerance,
        );
        let found = gradients_by_name(&block, &gradients);
        let prefix = format!("{index}.{mode}.grad.");
        let names = golden.names();
        let wanted: Vec<&str> = names
            .iter()
            .filter_map(|name| name.strip_prefix(&prefix))
            .filter(|name| *name != "input")
            .collect();
        assert_eq!(found.len(), wanted.len(), "parameters with a gradient");
        for name in wanted {
            let name_of = format!("grad.{name}");
            assert_close(
                &what(&name_of),
                found[name].clone(),
                &expected(&name_of),
                tolerance,
            );
        }
        if training {
            // Running statistics are gathered per thread until a validation copy is made.
            let values = values_by_name(&block.valid());
            let prefix = format!("{index}.train.after.");
            for name in names.iter().filter_map(|name| name.strip_prefix(&prefix)) {
                assert_close(
                    &what(name),
                    values[name].clone(),
                    &golden.get(&format!("{prefix}{name}")),
                    tolerance,
                );
            }
        }
    }
}
