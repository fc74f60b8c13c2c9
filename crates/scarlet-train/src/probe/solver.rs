//! A minimum of a smooth function, by L-BFGS.

use std::collections::VecDeque;

use burn::tensor::Tensor;

/// Steps that the curvature is remembered of.
const MEMORY: usize = 10;
/// Halvings of a step before it is given up.
const HALVINGS: usize = 30;
/// Share of the decrease which the slope promises that a step must bring (Armijo's condition).
const DECREASE: f64 = 1e-4;

/// Goes from `start` to where the gradient's norm is below `tolerance`, for at most so many steps.
/// `objective` says a point's value and gradient.
///
/// Limited-memory BFGS with backtracking (Nocedal and Wright, *Numerical Optimization*, algorithms
/// 7.4 and 3.1).
pub(super) fn minimise(
    start: Tensor<2>,
    steps: usize,
    tolerance: f64,
    objective: impl Fn(&Tensor<2>) -> (f64, Tensor<2>),
) -> Tensor<2> {
    let mut point = start;
    let (mut value, mut gradient) = objective(&point);
    let mut memory: VecDeque<Pair> = VecDeque::new();
    for _ in 0..steps {
        let norm = dot(&gradient, &gradient).sqrt();
        if norm < tolerance || !norm.is_finite() {
            break;
        }
        let direction = direction(&memory, &gradient);
        let slope = -dot(&direction, &gradient);
        // Without curvature the gradient's length says nothing.
        let mut length = match memory.is_empty() {
            true => 1.0 / norm.max(1.0),
            false => 1.0,
        };
        let step = (0..HALVINGS).find_map(|_| {
            let next = point.clone() - direction.clone().mul_scalar(length);
            let (found, slopes) = objective(&next);
            let enough = found <= value + DECREASE * length * slope;
            length /= 2.0;
            enough.then_some((next, found, slopes))
        });
        let Some((next, found, slopes)) = step else {
            break;
        };
        let (moved, turned) = (next.clone() - point, slopes.clone() - gradient);
        let curvature = dot(&moved, &turned);
        if curvature > 1e-12 {
            if memory.len() == MEMORY {
                memory.pop_front();
            }
            memory.push_back(Pair {
                moved,
                turned,
                curvature,
            });
        }
        (point, value, gradient) = (next, found, slopes);
    }
    point
}

/// A step, how it changed the gradient, and the product of both.
struct Pair {
    moved: Tensor<2>,
    turned: Tensor<2>,
    curvature: f64,
}

/// The inverse curvature times the gradient.
fn direction(memory: &VecDeque<Pair>, gradient: &Tensor<2>) -> Tensor<2> {
    let mut direction = gradient.clone();
    let mut shares = Vec::with_capacity(memory.len());
    for pair in memory.iter().rev() {
        let share = dot(&pair.moved, &direction) / pair.curvature;
        direction = direction - pair.turned.clone().mul_scalar(share);
        shares.push(share);
    }
    if let Some(last) = memory.back() {
        direction = direction.mul_scalar(last.curvature / dot(&last.turned, &last.turned));
    }
    for (pair, share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = dot(&pair.turned, &direction) / pair.curvature;
        direction = direction + pair.moved.clone().mul_scalar(share - back);
    }
    direction
}

fn dot(a: &Tensor<2>, b: &Tensor<2>) -> f64 {
    f64::from((a.clone() * b.clone()).sum().into_scalar::<f32>())
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn the_minimum_of_a_narrow_valley_is_found() {
        let device = Device::flex();
        // Rosenbrock's function, whose minimum is at (1, 1).
        let objective = |point: &Tensor<2>| {
            let at: Vec<f32> = point.clone().into_data().iter().collect();
            let (x, y) = (f64::from(at[0]), f64::from(at[1]));
            let value = (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2);
            let slopes = [
                -2.0 * (1.0 - x) - 400.0 * x * (y - x * x),
                200.0 * (y - x * x),
            ];
            let slopes = slopes.map(|slope| slope as f32);
            (value, Tensor::from_floats([slopes], &device))
        };
        let start = Tensor::from_floats([[-1.2, 1.0]], &device);
        let found = minimise(start, 200, 1e-4, objective);
        let found: Vec<f32> = found.into_data().iter().collect();
        for coordinate in found {
            assert!((coordinate - 1.0).abs() < 1e-2, "{coordinate}");
        }
    }
}
