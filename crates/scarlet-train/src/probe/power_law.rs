//! [`PowerLaw`]: how the error of a classifier falls with the number of images.

use serde::Serialize;

/// Exponents that are looked among; steeper and flatter ones cannot be told from a step and a constant.
const EXPONENTS: [f64; 2] = [0.05, 2.0];
/// Exponents that are tried, in equal steps of their logarithm, and how often the best is refined.
const TRIED: usize = 60;
const REFINED: usize = 40;

/// `error = scale · images^-exponent + floor` (Cortes, Jackel, Solla, Vapnik and Denker, *Learning Curves:
/// Asymptotic Values and Rate of Convergence*, NIPS 1993).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PowerLaw {
    /// The error of a single image over the floor, if the law went so far.
    pub scale: f64,
    /// How fast the error falls.
    pub exponent: f64,
    /// The error that no number of images brings down.
    pub floor: f64,
}

/// An error at a number of images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measured {
    pub(super) images: f64,
    /// From 0 to 1.
    pub(super) error: f64,
}

impl PowerLaw {
    /// Of least squares, each divided by the variance of a share: `scale` and `floor`, neither below 0, are
    /// exact for each exponent, and the exponent is searched for between 0.05 and 2.
    ///
    /// None of fewer than three points, and where there is no error at all.
    pub(super) fn fit(points: &[Measured]) -> Option<Self> {
        let largest = points.iter().map(|it| it.images).reduce(f64::max)?;
        if points.len() < 3 || points.iter().all(|it| it.error <= 0.0) {
            return None;
        }
        let [low, high] = EXPONENTS.map(f64::ln);
        let step = (high - low) / (TRIED - 1) as f64;
        let tried = |logarithm: f64| Linear::fit(points, largest, logarithm.exp());
        let places = (0..TRIED).map(|place| low + step * place as f64);
        let best = places.min_by(|&a, &b| tried(a).rest.total_cmp(&tried(b).rest))?;
        // Golden sections of what is around the best.
        let golden = (5f64.sqrt() - 1.0) / 2.0;
        let (mut from, mut to) = ((best - step).max(low), (best + step).min(high));
        for _ in 0..REFINED {
            let (a, b) = (to - golden * (to - from), from + golden * (to - from));
            match tried(a).rest < tried(b).rest {
                true => to = b,
                false => from = a,
            }
        }
        let exponent = (0.5 * (from + to)).exp();
        let Linear { scale, floor, .. } = Linear::fit(points, largest, exponent);
        Some(Self {
            scale: scale * largest.powf(exponent),
            exponent,
            floor,
        })
    }

    /// The error with so many images.
    pub fn error(&self, images: f64) -> f64 {
        (self.scale * images.powf(-self.exponent) + self.floor).clamp(0.0, 1.0)
    }
}

/// The best scale and floor for an exponent. Numbers of images are relative to the largest.
struct Linear {
    scale: f64,
    floor: f64,
    /// Weighted sum of the squares that are left.
    rest: f64,
}

impl Linear {
    fn fit(points: &[Measured], largest: f64, exponent: f64) -> Self {
        let weighed = || {
            points.iter().map(|it| {
                // The variance of a share, which that of no error must not make 0.
                let share = it.error.clamp(1e-3, 1.0 - 1e-3);
                let weight = 1.0 / (share * (1.0 - share));
                (weight, (it.images / largest).powf(-exponent), it.error)
            })
        };
        let sum = |of: fn((f64, f64, f64)) -> f64| weighed().map(of).sum::<f64>();
        let (w, wx, wy) = (sum(|it| it.0), sum(|it| it.0 * it.1), sum(|it| it.0 * it.2));
        let (wxx, wxy) = (sum(|it| it.0 * it.1 * it.1), sum(|it| it.0 * it.1 * it.2));
        let slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
        let (scale, floor) = match (slope, (wy - slope * wx) / w) {
            (slope, _) if slope.is_nan() || slope <= 0.0 => (0.0, wy / w),
            (_, floor) if floor < 0.0 => (wxy / wxx, 0.0),
            found => found,
        };
        let rest = weighed().map(|(w, x, y)| w * (scale * x + floor - y).powi(2));
        Self {
            scale,
            floor,
            rest: rest.sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(law: impl Fn(f64) -> f64) -> Vec<Measured> {
        let images = [100.0, 200.0, 400.0, 800.0, 1600.0];
        let point = |images| Measured {
            images,
            error: law(images),
        };
        images.map(point).to_vec()
    }

    #[test]
    fn a_known_law_is_found_again() {
        for (scale, exponent, floor) in [(2.0, 0.5, 0.03), (8.0, 0.8, 0.0), (0.9, 0.2, 0.1)] {
            let law = |images: f64| scale * images.powf(-exponent) + floor;
            let found = PowerLaw::fit(&points(law)).unwrap();
            assert!((found.exponent / exponent - 1.0).abs() < 0.01, "{found:?}");
            assert!((found.floor - floor).abs() < 2e-3, "{found:?}");
            for images in [100.0, 3200.0, 6400.0] {
                assert!(
                    (found.error(images) - law(images)).abs() < 5e-4,
                    "{found:?}"
                );
            }
        }
    }

    #[test]
    fn the_fit_is_scipys() {
        // scipy.optimize.curve_fit (SciPy 1.17.1) with sigma = sqrt(y (1 - y)) and the bounds
        // ([0, 0.05, 0], [inf, 2, 1]).
        let errors = [0.262, 0.188, 0.151, 0.112, 0.094];
        let measured = [100.0, 200.0, 400.0, 800.0, 1600.0].into_iter().zip(errors);
        let measured = measured.map(|(images, error)| Measured { images, error });
        let found = PowerLaw::fit(&measured.collect::<Vec<_>>()).unwrap();
        let close = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-4;
        assert!(close(found.scale, 2.91118077), "{found:?}");
        assert!(close(found.exponent, 0.57031746), "{found:?}");
        assert!(close(found.floor, 0.05023274), "{found:?}");
        assert!(close(found.error(3200.0), 0.079408421163152), "{found:?}");
    }

    #[test]
    fn what_does_not_fall_is_all_floor() {
        let flat = PowerLaw::fit(&points(|_| 0.2)).unwrap();
        assert!((flat.error(1e5) - 0.2).abs() < 1e-9, "{flat:?}");
        let rising = PowerLaw::fit(&points(|images| images / 1e4)).unwrap();
        assert_eq!(rising.scale, 0.0);
        assert!(rising.floor > 0.01);
    }

    #[test]
    fn too_few_points_and_no_errors_have_no_law() {
        assert_eq!(PowerLaw::fit(&points(|_| 0.1)[..2]), None);
        assert_eq!(PowerLaw::fit(&points(|_| 0.0)), None);
        assert_eq!(PowerLaw::fit(&[]), None);
    }
}
