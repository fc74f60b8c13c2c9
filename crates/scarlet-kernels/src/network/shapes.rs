//! The shapes between operations, and the checks that there are any.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    error::EngineError,
    network::{Network, Operation},
    padding::{Padding, PaddingRule},
};

/// The shape of one image's tensor between two operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Pixels.
    Map {
        /// Channels.
        channels: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// One value a channel.
    Vector {
        /// Values.
        channels: usize,
    },
}

impl Shape {
    /// Number of values.
    pub fn values(self) -> usize {
        match self {
            Self::Map {
                channels,
                height,
                width,
            } => channels * height * width,
            Self::Vector { channels } => channels,
        }
    }
}

impl core::fmt::Display for Shape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Map {
                channels,
                height,
                width,
            } => write!(f, "a map of {channels}×{height}×{width}"),
            Self::Vector { channels } => write!(f, "a vector of {channels}"),
        }
    }
}

impl<W> Network<W> {
    /// The shape behind each operation, for images of `height` and `width`.
    ///
    /// # Errors
    ///
    /// Says which operation has sizes without a kernel, or an input that does not fit; and when
    /// the network is empty. The lengths of the weights are not looked at.
    pub fn shapes(&self, height: usize, width: usize) -> Result<Vec<Shape>, EngineError> {
        if self.input_channels == 0 {
            return Err(EngineError::Empty {
                what: "input channels",
            });
        }
        if self.operations.is_empty() {
            return Err(EngineError::Empty { what: "operations" });
        }
        let check = Check {
            operation: 0,
            kind: self.operations[0].kind(),
        };
        check.size(self.input_channels, height, width)?;
        let mut shapes: Vec<Shape> = Vec::with_capacity(self.operations.len());
        let mut current = Shape::Map {
            channels: self.input_channels,
            height,
            width,
        };
        for (index, operation) in self.operations.iter().enumerate() {
            let check = Check {
                operation: index,
                kind: operation.kind(),
            };
            current = check.shape_behind(operation, current, &shapes)?;
            shapes.push(current);
        }
        Ok(shapes)
    }

    /// Multiplications of each operation on one image, for images of `height` and `width`:
    /// those of convolutions and matrices, as papers count them.
    ///
    /// # Errors
    ///
    /// As [`Network::shapes`].
    pub fn mult_adds(&self, height: usize, width: usize) -> Result<Vec<u64>, EngineError> {
        let shapes = self.shapes(height, width)?;
        // More than fit into a `usize` of 32 bits.
        let product = |factors: &[usize]| factors.iter().map(|&factor| factor as u64).product();
        let count = |operation: &Operation<W>, out: usize| -> u64 {
            match operation {
                Operation::Convolution(c) => product(&[out, c.input, c.kernel, c.kernel]),
                Operation::Depthwise(c) => product(&[out, c.kernel, c.kernel]),
                Operation::Pointwise(c) => product(&[out, c.input]),
                Operation::SqueezeExcite(c) => product(&[2, c.channels, c.squeezed]),
                Operation::Linear(c) => product(&[c.input, c.output]),
                Operation::Add(_) | Operation::GlobalMean => 0,
            }
        };
        let operations = self.operations.iter().zip(shapes);
        Ok(operations
            .map(|(operation, shape)| count(operation, shape.values()))
            .collect())
    }
}

/// Values of the largest map: far more than any memory holds, so few that sizes of several do not
/// overflow.
const LARGEST_MAP: usize = if usize::BITS < 64 { 1 << 27 } else { 1 << 40 };

/// Checks of one operation, named in their errors.
struct Check {
    operation: usize,
    kind: &'static str,
}

impl Check {
    fn shape_behind<W>(
        &self,
        operation: &Operation<W>,
        input: Shape,
        earlier: &[Shape],
    ) -> Result<Shape, EngineError> {
        match operation {
            Operation::Convolution(c) => {
                if self.operation != 0 {
                    return Err(EngineError::ConvolutionNotFirst {
                        operation: self.operation,
                    });
                }
                let (height, width) = self.map(input, c.input)?;
                self.windows(c.output, height, width, c.kernel, c.stride, c.padding)
            }
            Operation::Depthwise(c) => {
                let (height, width) = self.map(input, c.channels)?;
                self.windows(c.channels, height, width, c.kernel, c.stride, c.padding)
            }
            Operation::Pointwise(c) => {
                let (height, width) = self.map(input, c.input)?;
                self.windows(c.output, height, width, 1, c.stride, PaddingRule::all(0))
            }
            Operation::SqueezeExcite(c) => {
                self.map(input, c.channels)?;
                if c.squeezed == 0 {
                    return Err(self.unsupported("a squeezed width", 0, "at least 1"));
                }
                Ok(input)
            }
            Operation::Add(from) => {
                let from = *from;
                let Some(&other) = earlier.get(from) else {
                    return Err(EngineError::ShortcutFromLater {
                        operation: self.operation,
                        from,
                    });
                };
                match input {
                    Shape::Map { .. } if other == input => Ok(input),
                    Shape::Map { .. } => Err(self.mismatch(input, other.to_string())),
                    Shape::Vector { .. } => Err(self.mismatch(input, "a map".into())),
                }
            }
            Operation::GlobalMean => match input {
                Shape::Map { channels, .. } => Ok(Shape::Vector { channels }),
                Shape::Vector { .. } => Err(self.mismatch(input, "a map".into())),
            },
            Operation::Linear(c) => {
                if input != (Shape::Vector { channels: c.input }) {
                    return Err(self.mismatch(input, format!("a vector of {}", c.input)));
                }
                if c.output == 0 {
                    return Err(self.unsupported("an output width", 0, "at least 1"));
                }
                Ok(Shape::Vector { channels: c.output })
            }
        }
    }

    fn mismatch(&self, found: Shape, expected: String) -> EngineError {
        EngineError::ShapeMismatch {
            operation: self.operation,
            kind: self.kind,
            found: found.to_string(),
            expected,
        }
    }

    fn unsupported(
        &self,
        what: &'static str,
        found: usize,
        supported: &'static str,
    ) -> EngineError {
        EngineError::Unsupported {
            operation: self.operation,
            kind: self.kind,
            what,
            found,
            supported,
        }
    }

    /// The height and width of a map of so many channels.
    fn map(&self, input: Shape, expected: usize) -> Result<(usize, usize), EngineError> {
        match input {
            Shape::Map {
                channels,
                height,
                width,
            } if channels == expected => Ok((height, width)),
            _ => Err(self.mismatch(input, format!("a map of {expected} channels"))),
        }
    }

    /// That a map's values can be counted.
    fn size(&self, channels: usize, height: usize, width: usize) -> Result<(), EngineError> {
        let rows = channels.checked_mul(height);
        let values = rows.and_then(|rows| rows.checked_mul(width));
        if values.is_some_and(|values| values <= LARGEST_MAP) {
            return Ok(());
        }
        Err(EngineError::MapTooLarge {
            operation: self.operation,
            kind: self.kind,
            channels,
            height,
            width,
        })
    }

    fn windows(
        &self,
        channels: usize,
        height: usize,
        width: usize,
        kernel: usize,
        stride: usize,
        padding: PaddingRule,
    ) -> Result<Shape, EngineError> {
        if channels == 0 {
            return Err(self.unsupported("an output width", 0, "at least 1"));
        }
        if kernel == 0 {
            return Err(self.unsupported("a kernel side", 0, "at least 1"));
        }
        if stride == 0 {
            return Err(self.unsupported("a stride", 0, "at least 1"));
        }
        let Padding {
            top,
            bottom,
            left,
            right,
        } = padding.resolve(kernel, stride, height, width);
        if let Some(wide) = [top, bottom, left, right]
            .into_iter()
            .find(|&n| n >= kernel)
        {
            return Err(self.unsupported("a padding", wide, "less than the kernel's side"));
        }
        let height = height + top + bottom;
        let width = width + left + right;
        self.size(channels, height, width)?;
        if kernel > height || kernel > width {
            return Err(EngineError::ImageTooSmall {
                operation: self.operation,
                kind: self.kind,
                kernel,
                height,
                width,
            });
        }
        Ok(Shape::Map {
            channels,
            height: (height - kernel) / stride + 1,
            width: (width - kernel) / stride + 1,
        })
    }
}
