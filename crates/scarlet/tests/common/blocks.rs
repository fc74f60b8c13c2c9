//! The golden blocks: one inverted residual each, with all its gradients.

use burn::module::Module;
use burn::tensor::Device;
use scarlet::arch::{self, Expansion, SqueezeExcite};
use scarlet::blocks::{InvertedResidual, InvertedResidualConfig};
use serde::Deserialize;

use super::{
    Golden, assert_close, golden_path, gradients_by_name, signal, values_by_name,
    with_formula_weights, with_running_statistics,
};

#[derive(Deserialize)]
pub struct Case {
    index: usize,
    channels_in: usize,
    channels_out: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    se: bool,
    height_width: usize,
    batch: usize,
}

pub fn cases() -> Vec<Case> {
    serde_json::from_str(&std::fs::read_to_string(golden_path("blocks.json")).unwrap()).unwrap()
}

impl Case {
    fn build(&self, device: &Device) -> InvertedResidual {
        let expansion = Expansion::Times(self.expansion);
        let block = arch::InvertedResidual {
            squeeze_excite: self.se.then_some(SqueezeExcite::QUARTER),
            ..arch::InvertedResidual::new(self.kernel, expansion)
        };
        let module = InvertedResidualConfig::new(self.channels_in, self.channels_out, block)
            .with_stride(self.stride)
            .init(device);
        with_formula_weights(module, &format!("block{}.", self.index))
    }

    /// Output, gradients and, in training, running statistics, all against PyTorch's.
    pub fn check(&self, golden: &Golden, device: &Device, training: bool, tolerance: f64) {
        let device = device.clone().autodiff();
        let Self { index, batch, .. } = *self;
        let mode = if training { "train" } else { "eval" };
        let mut block = self.build(&device);
        if !training {
            block = with_running_statistics(block);
        }
        let side = self.height_width;
        let input = signal(
            &format!("block{index}.input"),
            [batch, self.channels_in, side, side],
            &device,
        )
        .require_grad();
        let output = block.forward(input.clone());
        let cotangent = signal(&format!("block{index}.cotangent"), output.dims(), &device);
        let gradients = (output.clone() * cotangent).sum().backward();

        let expected = |name: &str| golden.get(&format!("{index}.{mode}.{name}"));
        let what = |name: &str| format!("block {index} in {mode}, {name}");
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
