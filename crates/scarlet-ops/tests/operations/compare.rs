//! Runs an operation and its backward pass, and compares.

use burn::tensor::{DType, Device, Tensor, TensorData};
use proptest::prelude::*;
use proptest::sample::Index;

/// An operation of given shapes, as a function of flat tensors.
pub trait Operation: Arbitrary + Clone + 'static {
    /// Lengths of the inputs.
    fn lengths(&self) -> Vec<usize>;

    /// The output, flat, and any statistics, which have no gradient.
    fn run(&self, inputs: &[Tensor<1>]) -> (Tensor<1>, Vec<Tensor<1>>);

    /// What a uniform number in ±1 becomes as an element of an input.
    fn scale(&self, _input: usize, noise: f64) -> f64 {
        noise
    }

    /// The operation without kinks where its inputs are, for finite differences.
    fn smooth(&self) -> Self {
        self.clone()
    }
}

/// An operation, the seed of its inputs, and which of them want a gradient (at least one).
#[derive(Debug, Clone)]
pub struct Case<O> {
    operation: O,
    seed: u64,
    wanted: Vec<bool>,
}

impl<O: Operation> Arbitrary for Case<O> {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let parts = (any::<O>(), any::<u64>(), any::<u8>(), any::<Index>());
        (parts.prop_map(|(operation, seed, frozen, needed)| {
            let inputs = operation.lengths().len();
            // One in four is frozen.
            let mut wanted: Vec<bool> = (0..inputs)
                .map(|input| frozen >> (2 * (input % 4)) & 3 != 0)
                .collect();
            wanted[needed.index(inputs)] = true;
            Self {
                operation,
                seed,
                wanted,
            }
        }))
        .boxed()
    }
}

/// Uniform numbers in ±1 (xorshift64*).
pub fn noise(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed | 1;
    std::iter::repeat_with(move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let high = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        high as f64 / (1u64 << 52) as f64 - 1.0
    })
}

/// The CPU devices that were compiled in.
pub fn devices() -> Vec<Device> {
    vec![
        #[cfg(feature = "flex")]
        Device::flex(),
        #[cfg(feature = "ndarray")]
        Device::ndarray(),
    ]
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// The largest difference, in units of the largest expected magnitude.
#[track_caller]
pub fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.1, |max: f64, x| max.max(x.abs()));
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        let error = (a - b).abs() / largest;
        assert!(error < tolerance, "{what} at {index}: {a} for {b}");
    }
}

struct Result {
    output: Vec<f64>,
    statistics: Vec<Vec<f64>>,
    gradients: Vec<Option<Vec<f64>>>,
}

impl<O: Operation> Case<O> {
    fn inputs(&self) -> Vec<Vec<f64>> {
        let mut noise = noise(self.seed);
        let lengths = self.operation.lengths().into_iter().enumerate();
        let values = lengths.map(|(input, length)| {
            let values = noise.by_ref().take(length);
            values.map(|x| self.operation.scale(input, x)).collect()
        });
        values.collect()
    }

    fn run(&self, device: &Device, dtype: DType) -> Result {
        let device = device.clone().autodiff();
        let leaves: Vec<Tensor<1>> = (self.inputs().into_iter().zip(&self.wanted))
            .map(|(values, &wanted)| {
                let length = values.len();
                let data = TensorData::new(values, [length]);
                let tensor = Tensor::from_data(data, (&device, dtype));
                if wanted {
                    tensor.require_grad()
                } else {
                    tensor
                }
            })
            .collect();
        let (output, statistics) = self.operation.run(&leaves);
        let cotangent = Tensor::from_data(self.cotangent(output.dims()[0]), (&device, dtype));
        let gradients = (output.clone() * cotangent).sum().backward();
        Result {
            output: values(output),
            statistics: statistics.into_iter().map(values).collect(),
            gradients: (leaves.iter())
                .map(|leaf| leaf.grad(&gradients).map(values))
                .collect(),
        }
    }

    fn cotangent(&self, length: usize) -> TensorData {
        TensorData::new(noise(7).take(length).collect::<Vec<f64>>(), [length])
    }

    /// The kernels' results are those of Burn's operations, which other data types have, and
    /// only wanted gradients exist.
    pub fn check_against_burn(&self) {
        for device in devices() {
            let expected = self.run(&device, DType::F64);
            let found = self.run(&device, DType::F32);
            assert_close("output", &found.output, &expected.output, 1e-4);
            assert_eq!(found.statistics.len(), expected.statistics.len());
            for (found, expected) in found.statistics.iter().zip(&expected.statistics) {
                assert_close("a statistic", found, expected, 1e-5);
            }
            let pairs = found.gradients.iter().zip(&expected.gradients);
            for (input, ((found, expected), &wanted)) in pairs.zip(&self.wanted).enumerate() {
                assert_eq!(found.is_some(), wanted, "whether {input} has a gradient");
                if let (Some(found), Some(expected)) = (found, expected) {
                    assert_close(&format!("gradient {input}"), found, expected, 2e-4);
                }
            }
            let plain = self.run_without_gradients(&device);
            assert_close("output", &plain, &expected.output, 1e-4);
        }
    }

    fn run_without_gradients(&self, device: &Device) -> Vec<f64> {
        values(self.operation.run(&self.tensors(device, &self.inputs())).0)
    }

    fn tensors(&self, device: &Device, inputs: &[Vec<f64>]) -> Vec<Tensor<1>> {
        let tensor = |values: &Vec<f64>| {
            let data = TensorData::new(values.clone(), [values.len()]);
            Tensor::from_data(data, (device, DType::F32))
        };
        inputs.iter().map(tensor).collect()
    }

    /// A small step in a random direction changes the output as the gradients say.
    pub fn check_slope(&self) {
        const STEP: f64 = 5e-4;
        let all = Self {
            operation: self.operation.smooth(),
            seed: self.seed,
            wanted: vec![true; self.wanted.len()],
        };
        let inputs = all.inputs();
        for device in devices() {
            let mut noise = noise(99);
            let directions: Vec<Vec<f64>> = (inputs.iter())
                .map(|values| noise.by_ref().take(values.len()).collect())
                .collect();
            let gradients = all.run(&device, DType::F32).gradients;
            let predicted: f64 = (gradients.iter().flatten().zip(&directions))
                .flat_map(|(gradient, direction)| gradient.iter().zip(direction))
                .map(|(gradient, direction)| gradient * direction)
                .sum();
            let at = |step: f64| {
                let inputs: Vec<Vec<f64>> = (inputs.iter().zip(&directions))
                    .map(|(values, direction)| {
                        let pairs = values.iter().zip(direction);
                        pairs.map(|(x, d)| x + step * d).collect()
                    })
                    .collect();
                let output = values(all.operation.run(&all.tensors(&device, &inputs)).0);
                let cotangent = self.cotangent(output.len());
                let pairs = output.iter().zip(cotangent.iter::<f64>());
                pairs.map(|(y, c)| y * c).sum::<f64>()
            };
            let measured = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let scale: f64 = (gradients.iter().flatten().flatten())
                .map(|gradient| gradient * gradient)
                .sum::<f64>()
                .sqrt();
            assert!(
                (measured - predicted).abs() < 0.02 * scale.max(0.1),
                "slope {measured}, by the gradients {predicted}, of length {scale}"
            );
        }
    }
}
