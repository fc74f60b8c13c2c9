//! Whether a described network can be built.

use std::fmt::{self, Display};

use crate::limits::*;
use crate::{Architecture, ArchitectureError, Cost, Operation};

impl Architecture {
    /// Checks that the network can be built, within the [limits](crate::limits), for images of
    /// its own resolution.
    ///
    /// # Errors
    ///
    /// Says which field or layer is out of range, and what would be in it.
    pub fn validate(&self) -> Result<(), ArchitectureError> {
        self.validate_fields()?;
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
        range(network, "classes", self.classes, 1, MAX_CLASSES)?;
        range(
            network,
            "number of blocks",
            self.blocks.len(),
            1,
            MAX_BLOCKS,
        )?;
        let before = self.blocks_before_layers();
        let place = |index: usize| match index.checked_sub(before) {
            Some(layer) => Place::Layer(layer + 1),
            None if index == 0 => Place::Stem,
            None => Place::Separable,
        };
        for (index, block) in self.blocks.iter().enumerate() {
            block.validate_place(place(index))?;
        }
        for (index, block) in self.placed_blocks().iter().enumerate() {
            block.validate(place(index))?;
            let is_first = index == 0;
            match block.operation {
                Operation::Conv(_) if is_first => {}
                Operation::Conv(conv) if conv.kernel == 1 => {}
                Operation::Conv(conv) => {
                    let allowed = "1: only the first block may look at several pixels of all \
                                   channels";
                    return Err(out_of_range(place(index), "kernel", conv.kernel, allowed));
                }
                operation if is_first => {
                    let allowed = "a convolution such as C3, which is a network's first block";
                    return Err(out_of_range(place(index), "operation", operation, allowed));
                }
                _ => {}
            }
        }
        self.head.validate()?;

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

/// Where something stands, put into words only when something is wrong with it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Stem,
    Separable,
    /// Counted from 1.
    Layer(usize),
    Head,
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stem => write!(f, "stem"),
            Self::Separable => write!(f, "separable convolution"),
            Self::Layer(number) => write!(f, "layer {number}"),
            Self::Head => write!(f, "head"),
        }
    }
}

/// The kernel of a convolution.
pub(crate) fn odd_kernel(place: Place, kernel: usize) -> Result<(), ArchitectureError> {
    if kernel.is_multiple_of(2) || kernel > MAX_KERNEL {
        let allowed = format_args!("odd, from 1 to {MAX_KERNEL}");
        return Err(out_of_range(place, "kernel", kernel, allowed));
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
