//! [`Int8`]: from images to how the values of a network are rounded.

use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData, module};
use scarlet_kernels::{Activation, Padding, ValueRange};
use thiserror::Error;

use super::{Conv, Elementary, Form, Kind, Range, Rounding};
use crate::{InputError, NotFinite, Scarlet};

/// How a network is written in integers of eight bits, as suits the images that it is to see.
///
/// ```
/// # #[cfg(feature = "flex")] {
/// use scarlet::tflite::TfliteOptions;
/// use scarlet::{Int8, MobileNetV3Small, burn::tensor::Device};
///
/// let network = MobileNetV3Small::new().with_resolution(64).init(&Device::flex());
/// let mut calibration = Int8::calibrate(&network, (64, 64))?;
/// calibration.observe(&[0.5; 3 * 64 * 64])?;
/// let options = TfliteOptions::new().with_int8(calibration.finish()?);
/// let file = network.to_tflite(&options)?;
/// # assert!(file.len() < 4_000_000);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Int8 {
    /// The name of each value.
    names: Vec<String>,
    rounding: Rounding,
}

/// Why a network cannot be written in integers.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Int8Error {
    /// The images' size does not fit the network.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A weight is not finite.
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
    /// The values are not a whole number of images, or none.
    #[error("{found} values are not one or more images of {per_image} values: give whole images")]
    Values {
        /// Values given.
        found: usize,
        /// Values of one image.
        per_image: usize,
    },
    /// A value is not finite.
    #[error(
        "`{value}` is not finite for an image: the image holds such values, or the network's weights \
         are too large"
    )]
    NotFiniteValue {
        /// Name of the value.
        value: String,
    },
    /// There were no images.
    #[error("no image was given: give some like those that the network will see")]
    NothingObserved,
    /// What was found is of another network, or of images of another size.
    #[error("the integers were computed for a network other than the one to be written")]
    OtherNetwork,
    /// The device failed.
    #[error("the device failed: {0}")]
    Compute(String),
}

impl Int8 {
    /// Begins to look for how this network is rounded, for images of `height` and `width`. Some tens
    /// of images like those that it is to see are enough; labels are not needed.
    ///
    /// # Errors
    ///
    /// When the size does not fit the network, or its weights are not finite.
    pub fn calibrate(
        network: &Scarlet,
        size: (usize, usize),
    ) -> Result<Int8Calibration, Int8Error> {
        let architecture = network.architecture();
        let (height, width) = size;
        InputError::check(
            architecture,
            [1, architecture.input_channels, height, width],
        )?;
        let elementary = Elementary::of_folded(&network.fold_for_running(), size)?;
        Ok(Int8Calibration {
            seen: (elementary.values.iter())
                .map(|value| Seen::nothing(value.channels))
                .collect(),
            network: elementary,
            device: network.device(),
        })
    }

    /// The roundings of all values of this network, if they are its own.
    pub(crate) fn rounding(&self, network: &Elementary) -> Result<&Rounding, Int8Error> {
        match self
            .names
            .iter()
            .eq(network.values.iter().map(|value| &value.name))
        {
            true => Ok(&self.rounding),
            false => Err(Int8Error::OtherNetwork),
        }
    }
}

/// Runs a network in floats and looks at every value of it.
#[derive(Debug)]
pub struct Int8Calibration {
    network: Elementary,
    device: Device,
    seen: Vec<Seen>,
}

/// What was seen of a value.
#[derive(Debug, Clone)]
struct Seen {
    low: f32,
    high: f32,
    /// The sum of each channel's values, and how many they were.
    sums: Vec<f64>,
    pixels: usize,
}

impl Seen {
    fn nothing(channels: usize) -> Self {
        Self {
            low: f32::INFINITY,
            high: f32::NEG_INFINITY,
            sums: vec![0.0; channels],
            pixels: 0,
        }
    }

    /// Looks at a value `[images, channels, height, width]`, and says whether it is finite.
    fn add(&mut self, value: Tensor<4>) -> bool {
        let [images, channels, height, width] = value.dims();
        let data = value.into_data();
        let mut is_finite = true;
        for (index, value) in data.iter::<f32>().enumerate() {
            is_finite &= value.is_finite();
            self.low = self.low.min(value);
            self.high = self.high.max(value);
            self.sums[index / (height * width) % channels] += f64::from(value);
        }
        self.pixels += images * height * width;
        is_finite
    }

    fn means(&self) -> Vec<f32> {
        let pixels = self.pixels.max(1) as f64;
        self.sums.iter().map(|sum| (sum / pixels) as f32).collect()
    }
}

impl Int8Calibration {
    /// Looks at images `[images, channels, height, width]`, any number of them.
    ///
    /// # Errors
    ///
    /// When the values are not a whole number of images, or none, or not finite.
    pub fn observe(&mut self, images: &[f32]) -> Result<(), Int8Error> {
        let input = &self.network.values[0];
        let shape = [input.channels, input.height, input.width];
        let per_image = shape.iter().product();
        if images.is_empty() || !images.len().is_multiple_of(per_image) {
            return Err(Int8Error::Values {
                found: images.len(),
                per_image,
            });
        }
        let [channels, height, width] = shape;
        let shape = [images.len() / per_image, channels, height, width];
        let data = TensorData::new(images.to_vec(), shape);
        let seen = &mut self.seen;
        let images = Tensor::from_data(data, &self.device);
        self.network
            .run(images, &mut |index, value| seen[index].add(value))
    }

    /// How the network is rounded: each value to 256 multiples of a step that hold all that was
    /// seen of it, but for what an activation after it makes the same of.
    ///
    /// # Errors
    ///
    /// When no image was seen.
    pub fn finish(self) -> Result<Int8, Int8Error> {
        if self.seen[0].pixels == 0 {
            return Err(Int8Error::NothingObserved);
        }
        let mut limits = vec![(f32::NEG_INFINITY, f32::INFINITY); self.network.values.len()];
        let mut fixed = vec![None; self.network.values.len()];
        for step in &self.network.steps {
            let limit = &mut limits[step.inputs[0]];
            match step.kind {
                // What is below gives 0, and nothing else reads it.
                Kind::HSwish => limit.0 = -3.0,
                Kind::HSigmoid => *limit = (-3.0, 3.0),
                // The function is within a 256th of its ends, or of 0 for swish.
                Kind::Sigmoid => *limit = (-8.0, limit.1),
                _ => {}
            }
            // As LiteRT wants the one, and as is exact for the other.
            fixed[step.output] = match step.kind {
                Kind::Sigmoid => Some(Range {
                    step: 1.0 / 256.0,
                    zero: 0,
                }),
                Kind::HSigmoid => Some(Range {
                    step: 1.0 / 255.0,
                    zero: 0,
                }),
                _ => None,
            };
        }
        let seen = self.seen.iter().zip(limits).zip(fixed);
        let ranges = seen.map(|((seen, (least, most)), fixed)| {
            let (low, high) = (seen.low.clamp(least, most), seen.high.clamp(least, most));
            // Whatever was always 0 stays so.
            let nothing = Range {
                step: 1.0 / 255.0,
                zero: 0,
            };
            fixed.unwrap_or_else(|| ValueRange::new(low, high).map_or(nothing, Range::from))
        });
        Ok(Int8 {
            rounding: Rounding {
                values: ranges.collect(),
                means: self.seen.iter().map(Seen::means).collect(),
            },
            names: self.network.values.into_iter().map(|it| it.name).collect(),
        })
    }
}

/// Looks at a value, by its index, and says whether to continue.
type See<'a> = dyn FnMut(usize, Tensor<4>) -> bool + 'a;

impl Elementary {
    /// Computes all values, one after the other, in floats.
    fn run(&self, images: Tensor<4>, see: &mut See<'_>) -> Result<(), Int8Error> {
        let device = images.device();
        let mut last_use = vec![0; self.values.len()];
        for (index, step) in self.steps.iter().enumerate() {
            step.inputs
                .iter()
                .for_each(|&input| last_use[input] = index);
        }
        let mut values: Vec<Option<Tensor<4>>> = vec![None; self.values.len()];
        let mut keep = |index: usize, value: Tensor<4>| match see(index, value) {
            true => Ok(()),
            false => Err(Int8Error::NotFiniteValue {
                value: self.values[index].name.clone(),
            }),
        };
        keep(0, images.clone())?;
        values[0] = Some(images);
        for (index, step) in self.steps.iter().enumerate() {
            let mut inputs = step.inputs.iter().map(|&input| {
                let value = match last_use[input] == index {
                    true => values[input].take(),
                    false => values[input].clone(),
                };
                value.ok_or_else(|| Int8Error::Compute("a value is missing".to_owned()))
            });
            let Some(first) = inputs.next() else {
                continue;
            };
            let (first, second) = (first?, inputs.next().transpose()?);
            drop(inputs);
            let output = match (&step.kind, second) {
                (Kind::Conv(conv), _) => conv.run(first, &device),
                (Kind::Mean, _) => first.mean_dim(2).mean_dim(3),
                (Kind::HSwish, _) => scarlet_ops::activate(Activation::HSwish, first),
                (Kind::Sigmoid, _) => burn::tensor::activation::sigmoid(first),
                (Kind::HSigmoid, _) => scarlet_ops::hard_sigmoid(first),
                (Kind::Add, Some(second)) => first + second,
                (Kind::Mul | Kind::Scale, Some(second)) => first * second,
                (Kind::Add | Kind::Mul | Kind::Scale, None) => first,
            };
            keep(step.output, output.clone())?;
            values[step.output] = Some(output);
        }
        Ok(())
    }
}

impl Conv {
    fn run(&self, input: Tensor<4>, device: &Device) -> Tensor<4> {
        let (depth, groups) = match self.form {
            Form::Depthwise => (1, self.output),
            _ => (self.input, 1),
        };
        let shape = [self.output, depth, self.kernel, self.kernel];
        let weight = Tensor::from_data(TensorData::new(self.weight.clone(), shape), device);
        let bias = Tensor::from_data(TensorData::new(self.bias.clone(), [self.output]), device);
        let Padding {
            top,
            bottom,
            left,
            right,
        } = self.padding;
        let input = match self.padding == Padding::default() {
            true => input,
            false => input.pad((left, right, top, bottom), 0.0),
        };
        let options = ConvOptions::new([self.stride; 2], [0; 2], [1; 2], groups);
        let sum = module::conv2d(input, weight, Some(bias), options);
        match self.clamp {
            super::Clamp::None => sum,
            super::Clamp::Relu => sum.clamp_min(0.0),
            super::Clamp::Relu6 => sum.clamp(0.0, 6.0),
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::weights::formula;
    use crate::{Architecture, ScarletConfig};

    #[test]
    fn elementary_operations_compute_the_network() {
        for text in [
            "[swish, se swish sigmoid] C3@8/2 E1K3s2a@8 E3K5s@12/2 C1@16:relu E3K3n P24 F12n:relu6",
            "C7@8 E3K3s(relu6,h-sigmoid) L@12 E3K5@16/2 - E3K3 F24",
        ] {
            let architecture: Architecture = text.parse().unwrap();
            let architecture = architecture.with_classes(10).with_resolution(33);
            let weights = formula::state_dict(&architecture);
            let network = ScarletConfig::from(architecture).init(&Device::flex());
            let network = network.load(&weights).unwrap();
            let values = (0..2 * 3 * 33 * 33).map(|it| (it as f32 * 0.37).sin());
            let data = TensorData::new(values.collect(), [2, 3, 33, 33]);
            let images = Tensor::<4>::from_data(data, &Device::flex());
            let elementary = Elementary::of_folded(&network.fold_for_running(), (33, 33)).unwrap();
            let mut last = None;
            let run = elementary.run(images.clone(), &mut |_, value| {
                last = Some(value);
                true
            });
            run.unwrap();
            let found = last.unwrap().into_data().iter::<f32>().collect::<Vec<_>>();
            let expected = network
                .forward(images)
                .into_data()
                .iter::<f32>()
                .collect::<Vec<_>>();
            let largest = expected.iter().fold(0f32, |most, it| most.max(it.abs()));
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < 1e-4 * largest,
                    "{found} {expected}"
                );
            }
        }
    }
}
