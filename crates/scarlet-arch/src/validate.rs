//! Whether a described network can be built.

use std::fmt::{self, Display};

use crate::limits::*;
use crate::{Architecture, ArchitectureError, Cost, Expansion, Layer, Operation, PlacedLayer};

impl Architecture {
    /// Checks that the network can be built, within the [limits](crate::limits), for images of
    /// its own resolution.
    ///
    /// # Errors
    ///
    /// Says which field or layer is out of range, and what would be in it.
    pub fn validate(&self) -> Result<(), ArchitectureError> {
        self.validate_fields()?;
        self.check_resolution(self.preprocessing.resolution)?;

        let cost = Cost::of(self, self.preprocessing.resolution)?;
        if cost.parameters > MAX_PARAMETERS {
            return Err(ArchitectureError::TooLarge {
                what: "parameters",
                limit: MAX_PARAMETERS,
                hint: "use fewer channels or layers",
            });
        }
        if cost.peak_activation_bytes > MAX_ACTIVATION_BYTES {
            return Err(ArchitectureError::TooLarge {
                what: "activation bytes",
                limit: MAX_ACTIVATION_BYTES,
                hint: "use a lower resolution or fewer channels",
            });
        }
        Ok(())
    }

    /// Checks that the network takes images of this height or width: a positive multiple of its
    /// [total stride](Self::total_stride).
    ///
    /// # Errors
    ///
    /// Names the nearest valid size.
    pub fn check_resolution(&self, resolution: usize) -> Result<(), ArchitectureError> {
        let stride = self.total_stride();
        range("network", "total stride", stride, 1, MAX_RESOLUTION)?;
        range("network", "resolution", resolution, 0, MAX_RESOLUTION)?;
        if resolution == 0 || !resolution.is_multiple_of(stride) {
            let nearest = (resolution + stride / 2) / stride * stride;
            return Err(ArchitectureError::Resolution {
                resolution,
                stride,
                nearest: nearest.max(stride),
            });
        }
        Ok(())
    }

    /// Every check but those that depend on the resolution, so that all arithmetic on sizes of a
    /// network that passes is safe.
    pub(crate) fn validate_fields(&self) -> Result<(), ArchitectureError> {
        self.validate_name()?;
        let network = "network";
        range(
            network,
            "input_channels",
            self.input_channels,
            1,
            MAX_INPUT_CHANNELS,
        )?;
        range(network, "stem", self.stem, 1, MAX_CHANNELS)?;
        range(network, "separable", self.separable, 1, MAX_CHANNELS)?;
        range(network, "head", self.head, 1, MAX_CHANNELS)?;
        range(network, "classes", self.classes, 1, MAX_CLASSES)?;
        range(
            network,
            "number of layers",
            self.layers.len(),
            1,
            MAX_LAYERS,
        )?;
        for (index, layer) in self.layers.iter().enumerate() {
            validate_place(index, layer)?;
        }
        for (index, layer) in self.placed_layers().iter().enumerate() {
            validate_operation(index, layer)?;
        }

        // What follows relies on this product not having overflown.
        range(
            network,
            "total stride",
            self.total_stride(),
            1,
            MAX_RESOLUTION,
        )?;

        let norm = &self.batch_norm;
        positive("batch_norm", "epsilon", norm.epsilon)?;
        if !(0.0..=1.0).contains(&norm.momentum) {
            return Err(out_of_range(
                "batch_norm",
                "momentum",
                norm.momentum,
                "from 0 to 1",
            ));
        }
        self.preprocessing.validate()
    }

    fn validate_name(&self) -> Result<(), ArchitectureError> {
        range(
            "network",
            "length of the name",
            self.name.chars().count(),
            1,
            MAX_NAME,
        )?;
        if self.name.chars().any(char::is_control) {
            let found = format!("{:?}", self.name);
            return Err(out_of_range(
                "network",
                "name",
                found,
                "free of control characters",
            ));
        }
        Ok(())
    }
}

impl crate::Preprocessing {
    fn validate(&self) -> Result<(), ArchitectureError> {
        let place = "preprocessing";
        range(place, "resolution", self.resolution, 1, MAX_RESOLUTION)?;
        if !(MIN_CROP_RATIO..=MAX_CROP_RATIO).contains(&self.crop_ratio) {
            let allowed = format!("from {MIN_CROP_RATIO} to {MAX_CROP_RATIO}");
            return Err(out_of_range(place, "crop_ratio", self.crop_ratio, allowed));
        }
        for mean in self.mean {
            if !mean.is_finite() {
                return Err(out_of_range(place, "mean", mean, "a finite number"));
            }
        }
        for std in self.std {
            positive(place, "std", std.into())?;
        }
        Ok(())
    }
}

/// How a layer is called, put into words only when something is wrong with it.
#[derive(Clone, Copy)]
struct LayerNumber(usize);

impl Display for LayerNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "layer {}", self.0)
    }
}

/// The layer's place; an identity's too, so that it can be exchanged for any other operation.
fn validate_place(index: usize, layer: &Layer) -> Result<(), ArchitectureError> {
    let place = LayerNumber(index + 1);
    range(place, "channels", layer.channels, 1, MAX_CHANNELS)?;
    range(place, "stride", layer.stride, 1, 2)
}

fn validate_operation(index: usize, layer: &PlacedLayer) -> Result<(), ArchitectureError> {
    let Operation::InvertedResidual(block) = layer.operation else {
        return Ok(());
    };
    let place = LayerNumber(index + 1);
    if block.kernel.is_multiple_of(2) || block.kernel > MAX_KERNEL {
        return Err(out_of_range(
            place,
            "kernel",
            block.kernel,
            format_args!("odd, from 1 to {MAX_KERNEL}"),
        ));
    }
    match block.expansion {
        Expansion::Times(factor) => range(place, "expansion", factor, 1, MAX_EXPANSION)?,
        Expansion::To(hidden) => range(place, "hidden channels", hidden, 1, MAX_HIDDEN)?,
    }
    let hidden = block.expansion.hidden(layer.channels_in);
    range(place, "hidden channels", hidden, 1, MAX_HIDDEN)?;
    if block.squeeze_excite && hidden < 4 {
        return Err(out_of_range(
            place,
            "hidden channels",
            hidden,
            "at least 4 with squeeze-excite, which squeezes them to a quarter",
        ));
    }
    Ok(())
}

pub(crate) fn out_of_range(
    place: impl Display,
    field: &'static str,
    found: impl Display,
    allowed: impl Display,
) -> ArchitectureError {
    ArchitectureError::OutOfRange {
        place: place.to_string(),
        field,
        found: found.to_string(),
        allowed: allowed.to_string(),
    }
}

pub(crate) fn range(
    place: impl Display,
    field: &'static str,
    found: usize,
    min: usize,
    max: usize,
) -> Result<(), ArchitectureError> {
    if (min..=max).contains(&found) {
        return Ok(());
    }
    Err(out_of_range(
        place,
        field,
        found,
        format_args!("from {min} to {max}"),
    ))
}

fn positive(place: &str, field: &'static str, found: f64) -> Result<(), ArchitectureError> {
    if found > 0.0 && found.is_finite() {
        return Ok(());
    }
    Err(out_of_range(
        place,
        field,
        found,
        "a positive finite number",
    ))
}
