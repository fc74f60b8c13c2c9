//! From logits to the classes a network believes in.

use burn::tensor::{Tensor, activation::softmax};
use scarlet_engine::{Prediction, most_probable};

/// The `k` most probable classes of every row of `[batch, classes]` logits, most probable
/// first; of equals, the one that comes first. Fewer than `k` where there are fewer classes.
///
/// ```
/// # #[cfg(feature = "flex")] {
/// use burn::tensor::{Device, Tensor};
///
/// let logits = Tensor::from_floats([[0.0, 2.0, 1.0]], &Device::flex());
/// let best = scarlet::top_k(logits, 2);
/// assert_eq!((best[0][0].class, best[0][1].class), (1, 2));
/// # }
/// ```
pub fn top_k(logits: Tensor<2>, k: usize) -> Vec<Vec<Prediction>> {
    let [_, classes] = logits.dims();
    // On the host: a full sort of a thousand numbers a row costs nothing next to the network,
    // and not every device sorts stably.
    let probabilities: Vec<f32> = softmax(logits, 1).into_data().iter::<f32>().collect();
    probabilities
        .chunks_exact(classes)
        .map(|row| most_probable(row, k))
        .collect()
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;

    #[test]
    fn probabilities_are_sorted_and_equals_keep_their_order() {
        let rows = [[1.0, 3.0, 1.0, -2.0], [0.0, 0.0, 0.0, 0.0]];
        let best = top_k(Tensor::from_floats(rows, &Device::flex()), 9);
        let classes = |row: usize| best[row].iter().map(|p| p.class).collect::<Vec<_>>();
        assert_eq!(classes(0), [1, 0, 2, 3]);
        assert_eq!(classes(1), [0, 1, 2, 3]);
        let sum: f32 = best[0].iter().map(|p| p.probability).sum();
        assert!((sum - 1.0).abs() < 1e-6);
    }
}
