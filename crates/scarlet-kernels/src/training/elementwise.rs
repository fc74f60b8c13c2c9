//! What normalisation and activation do to the values of one channel.

use std::marker::PhantomData;
use std::sync::OnceLock;

use super::batch_norm::Affine;
use super::curves::{Curve, with_curve};
use super::sums::{RUN, load, sum_run};
use crate::activation::Activation;
use crate::simd::{Kernel, instruction_set::InstructionSet, vector::Vector};

pub(super) fn run(kernel: impl Kernel) {
    // Asked for once: small images mean kernels that take less time than the asking.
    static BEST: OnceLock<InstructionSet> = OnceLock::new();
    let set = *BEST.get_or_init(InstructionSet::detect);
    // SAFETY: detected.
    unsafe { set.run(kernel) }
}

/// `output = activation((input − mean) · scale + beta)`.
pub(super) fn activate(activation: Activation, affine: Affine, input: &[f32], output: &mut [f32]) {
    with_curve!(activation, C => run(Activate::<C> {
        affine,
        input,
        output,
        curve: PhantomData,
    }));
}

struct Activate<'a, C> {
    affine: Affine,
    input: &'a [f32],
    output: &'a mut [f32],
    curve: PhantomData<C>,
}

impl<C: Curve> Kernel for Activate<'_, C> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Affine {
            mean, scale, beta, ..
        } = self.affine;
        for (output, &input) in self.output.iter_mut().zip(self.input) {
            *output = C::value((input - mean) * scale + beta);
        }
    }
}

/// Sums over a channel that the gradient of its normalisation needs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct GradientSums {
    /// Of the gradient by the normalised, scaled and shifted value.
    pub(super) gradient: f64,
    /// Of that times the normalised value.
    pub(super) with_normalised: f64,
}

/// Adds to `sums` what a part of a channel has: `input` in front of the normalisation, `gradient`
/// by the activated output. Replaces `gradient` by the gradient in front of the activation.
pub(super) fn activation_gradient(
    activation: Activation,
    affine: Affine,
    input: &[f32],
    gradient: &mut [f32],
    sums: &mut GradientSums,
) {
    with_curve!(activation, C => run(ActivationGradient::<C> {
        affine,
        input,
        gradient,
        sums,
        curve: PhantomData,
    }));
}

struct ActivationGradient<'a, C> {
    affine: Affine,
    input: &'a [f32],
    gradient: &'a mut [f32],
    sums: &'a mut GradientSums,
    curve: PhantomData<C>,
}

impl<C: Curve> Kernel for ActivationGradient<'_, C> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let affine = self.affine;
        for (input, gradient) in (self.input.chunks(RUN)).zip(self.gradient.chunks_mut(RUN)) {
            for (gradient, &x) in gradient.iter_mut().zip(input) {
                *gradient *= C::slope((x - affine.mean) * affine.scale + affine.beta);
            }
            self.sums.add_run::<V>(affine, input, gradient);
        }
    }
}

impl GradientSums {
    /// Takes in a run; `gradient` is that in front of the activation.
    #[inline(always)]
    fn add_run<V: Vector>(&mut self, affine: Affine, input: &[f32], gradient: &[f32]) {
        let mean = affine.mean;
        let length = gradient.len().min(input.len());
        let (input, gradient) = (&input[..length], &gradient[..length]);
        let [plain, with_distance] = sum_run(
            length,
            |at| {
                let gradient = load::<V>(gradient, at);
                let distance = load::<V>(input, at).add(V::splat(-mean));
                [gradient, gradient.mul(distance)]
            },
            |at| [gradient[at], gradient[at] * (input[at] - mean)],
        );
        self.gradient += f64::from(plain);
        self.with_normalised += f64::from(with_distance) * f64::from(affine.inverse_deviation);
    }
}

/// As [`activation_gradient`], from `gradient` into `output`.
pub(super) fn activation_gradient_into(
    activation: Activation,
    affine: Affine,
    input: &[f32],
    gradient: &[f32],
    output: &mut [f32],
    sums: &mut GradientSums,
) {
    with_curve!(activation, C => run(ActivationGradientInto::<C> {
        affine,
        input,
        gradient,
        output,
        sums,
        curve: PhantomData,
    }));
}

struct ActivationGradientInto<'a, C> {
    affine: Affine,
    input: &'a [f32],
    gradient: &'a [f32],
    output: &'a mut [f32],
    sums: &'a mut GradientSums,
    curve: PhantomData<C>,
}

impl<C: Curve> Kernel for ActivationGradientInto<'_, C> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let affine = self.affine;
        let parts = self.input.chunks(RUN).zip(self.gradient.chunks(RUN));
        for ((input, gradient), output) in parts.zip(self.output.chunks_mut(RUN)) {
            for (output, (&gradient, &x)) in output.iter_mut().zip(gradient.iter().zip(input)) {
                *output = gradient * C::slope((x - affine.mean) * affine.scale + affine.beta);
            }
            self.sums.add_run::<V>(affine, input, output);
        }
    }
}

/// `output = by_gradient · gradient + by_distance · (input − mean) + constant`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Combination {
    pub(super) by_gradient: f32,
    pub(super) by_distance: f32,
    pub(super) mean: f32,
    pub(super) constant: f32,
}

impl Combination {
    pub(super) fn apply(self, input: &[f32], gradient: &mut [f32]) {
        run(Combine {
            combination: self,
            input,
            gradient,
        });
    }
}

struct Combine<'a> {
    combination: Combination,
    input: &'a [f32],
    gradient: &'a mut [f32],
}

impl Kernel for Combine<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Combination {
            by_gradient,
            by_distance,
            mean,
            constant,
        } = self.combination;
        for (gradient, &input) in self.gradient.iter_mut().zip(self.input) {
            *gradient = by_gradient * *gradient + (by_distance * (input - mean) + constant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sums::{AddMoments, Dots, Moments, Totals};
    use super::*;

    const ACTIVATIONS: [Activation; 5] = [
        Activation::None,
        Activation::Relu,
        Activation::Relu6,
        Activation::HSwish,
        Activation::Swish,
    ];

    fn run_by(set: InstructionSet, kernel: impl Kernel) {
        assert!(set.is_available());
        // SAFETY: the processor has it.
        unsafe { set.run(kernel) }
    }

    /// What all kernels make of some values, as bits.
    fn results(set: InstructionSet, input: &[f32], gradient: &[f32]) -> Vec<u64> {
        let affine = Affine {
            mean: 0.3,
            scale: 1.7,
            beta: -0.2,
            inverse_deviation: 1.1,
        };
        let mut bits = Vec::new();
        let mut moments = Moments::default();
        run_by(
            set,
            AddMoments {
                values: input,
                moments: &mut moments,
            },
        );
        bits.extend([moments.mean.to_bits(), moments.squares.to_bits()]);
        for pixels in [1, 9, input.len().max(1)] {
            let mut sums = vec![0.0; 2 * (input.len() / pixels)];
            let (totals, dots) = sums.split_at_mut(input.len() / pixels);
            run_by(
                set,
                Totals {
                    planes: input,
                    pixels,
                    sums: totals,
                },
            );
            run_by(
                set,
                Dots {
                    left: input,
                    right: gradient,
                    pixels,
                    sums: dots,
                },
            );
            bits.extend(sums.iter().map(|sum| sum.to_bits()));
        }
        let mut values = Vec::new();
        for activation in ACTIVATIONS {
            let mut output = vec![0.0; input.len()];
            let mut slopes = gradient.to_vec();
            let mut sums = GradientSums::default();
            with_curve!(activation, C => {
                run_by(set, Activate::<C> {
                    affine,
                    input,
                    output: &mut output,
                    curve: PhantomData,
                });
                run_by(set, ActivationGradient::<C> {
                    affine,
                    input,
                    gradient: &mut slopes,
                    sums: &mut sums,
                    curve: PhantomData,
                });
            });
            bits.extend([sums.gradient.to_bits(), sums.with_normalised.to_bits()]);
            values.extend(output);
            let mut apart = vec![0.0; input.len()];
            let mut sums_apart = GradientSums::default();
            with_curve!(activation, C => run_by(set, ActivationGradientInto::<C> {
                affine,
                input,
                gradient,
                output: &mut apart,
                sums: &mut sums_apart,
                curve: PhantomData,
            }));
            assert_eq!(apart, slopes);
            assert_eq!(sums_apart.gradient, sums.gradient);
            assert_eq!(sums_apart.with_normalised, sums.with_normalised);
            values.extend(slopes);
        }
        let mut combined = gradient.to_vec();
        let combination = Combination {
            by_gradient: 0.9,
            by_distance: -0.4,
            mean: 0.3,
            constant: 0.05,
        };
        run_by(
            set,
            Combine {
                combination,
                input,
                gradient: &mut combined,
            },
        );
        values.extend(combined);
        bits.extend(values.iter().map(|value| u64::from(value.to_bits())));
        bits
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        for length in [0, 1, 7, 8, 9, 31, 32, 67, RUN - 1, RUN + 35] {
            let wave = |step: f32| (0..length).map(move |at| (at as f32 * step).sin() * 5.0);
            let (input, gradient): (Vec<f32>, Vec<f32>) =
                (wave(0.37).collect(), wave(1.13).collect());
            let plain = results(InstructionSet::Portable, &input, &gradient);
            for set in InstructionSet::available() {
                assert!(
                    results(set, &input, &gradient) == plain,
                    "{set}, {length} values"
                );
            }
        }
    }
}
