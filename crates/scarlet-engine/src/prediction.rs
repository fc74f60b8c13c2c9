//! [`Prediction`]: from logits to the classes a network believes in.

use serde::Serialize;

use crate::Temperature;

/// A class and how sure the network is of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Prediction {
    /// Index of the class.
    pub class: usize,
    /// Its softmax probability, in [0, 1].
    pub probability: f32,
}

/// The `k` most probable classes of an image's logits, most probable first; of equals, the one that
/// comes first. Fewer than `k` where there are fewer classes. The logits are divided by the temperature, if
/// there is one, before they become probabilities.
///
/// ```
/// let best = scarlet_engine::predictions(&[0.0, 2.0, 1.0], None, 2);
/// assert_eq!((best[0].class, best[1].class), (1, 2));
/// ```
pub fn predictions(logits: &[f32], temperature: Option<Temperature>, k: usize) -> Vec<Prediction> {
    most_probable(&temperature.unwrap_or_default().probabilities(logits), k)
}

/// The `k` most probable of all classes, whose probabilities these are; most probable first, and of equals
/// the one that comes first.
pub fn most_probable(probabilities: &[f32], k: usize) -> Vec<Prediction> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    order.truncate(k);
    let predictions = order.into_iter().map(|class| Prediction {
        class,
        probability: probabilities[class],
    });
    predictions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_sorted_and_equals_keep_their_order() {
        let classes = |logits: &[f32]| -> Vec<usize> {
            let best = predictions(logits, None, 9);
            best.iter().map(|best| best.class).collect()
        };
        assert_eq!(classes(&[1.0, 3.0, 1.0, -2.0]), [1, 0, 2, 3]);
        assert_eq!(classes(&[0.0; 4]), [0, 1, 2, 3]);
        // scipy.special.softmax of the logits divided by 2.
        let temperature = Temperature::new(2.0).unwrap();
        let best = predictions(&[0.5, 2.0, -1.0], Some(temperature), 2);
        assert_eq!([best[0].class, best[1].class], [1, 0]);
        assert!((best[0].probability - 0.589_797_7).abs() < 1e-6);
        assert!((best[1].probability - 0.278_600_83).abs() < 1e-6);
    }
}
