//! How well so many images tell how often predictions are right.

/// The quantile of the standard normal distribution for 95 %, two-sided.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % confidence interval, from 0 to 1, of an accuracy by which `right` of `images` were
/// predicted rightly; all of it where there are no images.
///
/// Wilson's score interval (Wilson, *Probable inference, the law of succession, and statistical
/// inference*, 1927), which stays within 0 and 1 and holds for few images and for accuracies near
/// both ends too. It covers the choice of the images, not that of the training's seed.
pub fn accuracy_interval(right: u64, images: u64) -> [f64; 2] {
    if images == 0 {
        return [0.0, 1.0];
    }
    let n = images as f64;
    let p = right.min(images) as f64 / n;
    let centre = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    [
        ((centre - half) / scale).max(0.0),
        ((centre + half) / scale).min(1.0),
    ]
}
