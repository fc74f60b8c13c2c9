//! The network in candle-nn, batch normalisations folded.
//!
//! The text has a line for each operation:
//!
//! ```text
//! conv IN OUT KERNEL STRIDE GROUPS none|relu|relu6|hswish
//! gate CHANNELS SQUEEZED
//! block            remembers its input, for
//! add              the shortcut
//! mean
//! linear IN OUT
//! ```

use std::hint::black_box;

use anyhow::{Context, Result, bail};
use candle_core::{D, Device, Tensor};
use candle_nn::{Activation, Conv2d, Conv2dConfig, Linear, Module};

use crate::{Run, Setting};

enum Operation {
    Conv(Conv2d, Option<Activation>),
    Gate(Conv2d, Conv2d),
    Block,
    Add,
    Mean,
    Linear(Linear),
}

pub(crate) fn network(file: &str, setting: &Setting) -> Result<Run> {
    // Rayon's pool, which candle uses, reads it when it starts.
    if std::env::var("RAYON_NUM_THREADS").as_deref() != Ok(&setting.threads.to_string()) {
        bail!("set RAYON_NUM_THREADS={}", setting.threads);
    }
    let operations = std::fs::read_to_string(file)?
        .lines()
        .map(|line| parse(line).with_context(|| line.to_owned()))
        .collect::<Result<Vec<_>>>()?;
    let shape = (setting.batch, 3, setting.size, setting.size);
    let images = Tensor::from_vec(setting.images(), shape, &Device::Cpu)?;
    Ok(Box::new(move || {
        black_box(forward(&operations, &images)?);
        Ok(())
    }))
}

fn parse(line: &str) -> Result<Operation> {
    let words: Vec<&str> = line.split_whitespace().collect();
    Ok(match words[..] {
        ["conv", input, output, kernel, stride, groups, activation] => {
            let activation = match activation {
                "none" => None,
                "relu" => Some(Activation::Relu),
                "relu6" => Some(Activation::Relu6),
                "hswish" => Some(Activation::HardSwish),
                _ => bail!("an activation that is not known"),
            };
            let (kernel, groups) = (kernel.parse()?, groups.parse()?);
            let convolution = convolution(
                input.parse()?,
                output.parse()?,
                kernel,
                Conv2dConfig {
                    padding: kernel / 2,
                    stride: stride.parse()?,
                    groups,
                    ..Conv2dConfig::default()
                },
            )?;
            Operation::Conv(convolution, activation)
        }
        ["gate", channels, squeezed] => {
            let (channels, squeezed) = (channels.parse()?, squeezed.parse()?);
            let plain = Conv2dConfig::default();
            Operation::Gate(
                convolution(channels, squeezed, 1, plain)?,
                convolution(squeezed, channels, 1, plain)?,
            )
        }
        ["block"] => Operation::Block,
        ["add"] => Operation::Add,
        ["mean"] => Operation::Mean,
        ["linear", input, output] => {
            let (input, output): (usize, usize) = (input.parse()?, output.parse()?);
            let weight = random(&[output, input], input)?;
            let bias = Tensor::zeros(output, candle_core::DType::F32, &Device::Cpu)?;
            Operation::Linear(Linear::new(weight, Some(bias)))
        }
        _ => bail!("an operation that is not known"),
    })
}

fn convolution(
    input: usize,
    output: usize,
    kernel: usize,
    config: Conv2dConfig,
) -> Result<Conv2d> {
    let depth = input / config.groups;
    let weight = random(&[output, depth, kernel, kernel], depth * kernel * kernel)?;
    let bias = Tensor::zeros(output, candle_core::DType::F32, &Device::Cpu)?;
    Ok(Conv2d::new(weight, Some(bias), config))
}

/// Weights that keep the variance of what they multiply.
fn random(shape: &[usize], fan_in: usize) -> Result<Tensor> {
    let deviation = (1.0 / fan_in as f32).sqrt();
    Ok(Tensor::randn(0f32, deviation, shape, &Device::Cpu)?)
}

fn forward(operations: &[Operation], images: &Tensor) -> candle_core::Result<Tensor> {
    let mut x = images.clone();
    let mut shortcut = images.clone();
    for operation in operations {
        x = match operation {
            Operation::Conv(conv, None) => conv.forward(&x)?,
            Operation::Conv(conv, Some(activation)) => activation.forward(&conv.forward(&x)?)?,
            Operation::Gate(squeeze, excite) => {
                let mean = x.mean_keepdim(D::Minus1)?.mean_keepdim(D::Minus2)?;
                let squeezed = squeeze.forward(&mean)?.relu()?;
                let gate = ((excite.forward(&squeezed)? + 3.0)?.clamp(0f32, 6f32)? / 6.0)?;
                x.broadcast_mul(&gate)?
            }
            Operation::Block => {
                shortcut = x.clone();
                x
            }
            Operation::Add => (&shortcut + x)?,
            Operation::Mean => x.mean(D::Minus1)?.mean(D::Minus1)?,
            Operation::Linear(linear) => linear.forward(&x)?,
        };
    }
    Ok(x)
}
