//! Where on an image a network saw what it says: Grad-CAM.

use burn::module::Module;
use burn::tensor::{Int, Tensor, TensorData, activation::relu};
use thiserror::Error;

use crate::network::mean;
use crate::{InputError, Scarlet};

/// Images and classes of which there are no maps.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GradCamError {
    /// Images that the network cannot take.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Not one class for each image.
    #[error("{classes} classes were given for {images} images, but each image needs one")]
    Count {
        /// Images that were given.
        images: usize,
        /// Classes that were given.
        classes: usize,
    },
    /// A class that the network does not have.
    #[error(
        "class {class} was asked for, but the network has {classes} classes, the first of them 0"
    )]
    UnknownClass {
        /// What was asked for.
        class: usize,
        /// Classes of the network.
        classes: usize,
    },
}

impl Scarlet {
    /// Where on each image the network sees a class: for images `[batch, channels, height, width]` and
    /// the index of a class for each, maps `[batch, height / stride, width / stride]` of values from 0
    /// on, where stride is the network's total stride and sides are rounded up. The larger a value, the
    /// more that place speaks for the class; only values of one map can be compared with each other,
    /// and [`unit_maps`] brings them into 0 to 1.
    ///
    /// This is Grad-CAM (Selvaraju et al., *Grad-CAM: Visual Explanations from Deep Networks via
    /// Gradient-based Localization*, 2017, arXiv 1610.02391) at the last map, which
    /// [`forward_features`](Self::forward_features) returns: each of its channels, weighted by the mean
    /// over the map of the gradient of the class's logit, summed, and what is negative set to 0. The
    /// network runs in inference, whatever device it is on. Behind the map comes nothing but its mean
    /// and fully connected layers, so that the gradient is the same all over a channel, and only those
    /// layers are differentiated.
    ///
    /// # Errors
    ///
    /// [`GradCamError`] for images that the network cannot take, and for classes that it does not have
    /// or that are more or fewer than the images.
    ///
    /// ```
    /// # #[cfg(feature = "flex")] {
    /// use scarlet::burn::tensor::{Device, Tensor};
    /// use scarlet::{MobileNetV3Large, unit_maps};
    ///
    /// let device = Device::flex();
    /// let network = MobileNetV3Large::new().with_classes(10).init(&device);
    /// let images = Tensor::zeros([2, 3, 64, 64], &device);
    /// let maps = network.grad_cam(images, &[0, 7]).unwrap();
    /// assert_eq!(unit_maps(maps).dims(), [2, 2, 2]);
    /// # }
    /// ```
    pub fn grad_cam(
        &self,
        images: Tensor<4>,
        classes: &[usize],
    ) -> Result<Tensor<3>, GradCamError> {
        let architecture = self.architecture();
        InputError::check(architecture, images.dims())?;
        let [count, ..] = images.dims();
        if classes.len() != count {
            return Err(GradCamError::Count {
                images: count,
                classes: classes.len(),
            });
        }
        let known = architecture.classes;
        if let Some(&class) = classes.iter().find(|&&class| class >= known) {
            return Err(GradCamError::UnknownClass {
                class,
                classes: known,
            });
        }
        let network = self.valid();
        let features = network.forward_features(images.without_autodiff());
        let weights = network.channel_weights(features.clone(), classes);
        let [_, channels, height, width] = features.dims();
        let weighted = features * weights.reshape([count, channels, 1, 1]);
        Ok(relu(weighted.sum_dim(1)).reshape([count, height, width]))
    }

    /// For each channel of the last map the mean over it of the gradient of the classes' logits:
    /// `[batch, channels]`.
    fn channel_weights(&self, features: Tensor<4>, classes: &[usize]) -> Tensor<2> {
        let [count, _, height, width] = features.dims();
        let mean = mean(features).autodiff().require_grad();
        let logits = self.classifier.forward(self.features_of(mean.clone()));
        let classes: Vec<i64> = classes.iter().map(|&class| class as i64).collect();
        let classes = TensorData::new(classes, [count, 1]);
        let classes = Tensor::<2, Int>::from_data(classes, &logits.device());
        // Each image's logit depends on that image alone.
        let gradients = logits.gather(1, classes).sum().backward();
        // A channel's values reach the logit through their mean alone: the gradient of each is the
        // mean's over their number.
        match mean.grad(&gradients) {
            Some(gradient) => gradient.div_scalar((height * width) as f64),
            None => mean.inner().zeros_like(),
        }
    }
}

/// Maps `[batch, height, width]` of values from 0 on, such as [`Scarlet::grad_cam`] returns, each
/// divided by its largest value: from 0 to 1. A map of nothing but 0 stays as it is.
pub fn unit_maps(maps: Tensor<3>) -> Tensor<3> {
    let largest = maps.clone().max_dim(2).max_dim(1);
    maps / largest
        .clone()
        .mask_fill(largest.lower_equal_elem(0.0), 1.0)
}
