//! [`PackedNetwork`]: a network whose weights lie in the order in which the kernels read them.

mod bf16;
pub(crate) mod bytes;
pub(crate) mod file;
mod layout;
pub(crate) mod precision;
pub(crate) mod row;

use alloc::{sync::Arc, vec::Vec};
#[cfg(feature = "std")]
use core::ops::Range;
#[cfg(feature = "std")]
use memmap2::Mmap;

use crate::{
    error::EngineError,
    memory::Buffer,
    network::{Network, shapes::Shape},
    quantisation::Quantisation,
};
use layout::{Array, Layout, pack_matrix, unpack_matrix};
use precision::{Numbers, Precision};

/// Where an array of packed weights starts, in floats.
pub(crate) type Offset = usize;

/// A network whose weights are packed, shared by all engines that run it.
///
/// The packing depends on nothing but the network: neither on the instruction set, nor on the
/// size of the images, the batch or the threads. So one file ([`PackedNetwork::write`]) serves every
/// [`Engine`](crate::Engine).
#[derive(Debug, Clone)]
pub struct PackedNetwork {
    network: Network<Offset>,
    numbers: Numbers,
    weights: Arc<Weights>,
}

impl PackedNetwork {
    /// Packs a network.
    ///
    /// # Errors
    ///
    /// When an array's length is not what the sizes of its operation ask for, or there is not
    /// enough memory.
    pub fn pack(network: &Network) -> Result<Self, EngineError> {
        Self::pack_as(network, Numbers::Floats)
    }

    /// The same network with weights, and inputs of convolutions, rounded to eight bits.
    ///
    /// # Errors
    ///
    /// When the network is rounded already, the ranges are those of another network, or there
    /// is not enough memory.
    pub fn quantise(&self, quantisation: &Quantisation) -> Result<Self, EngineError> {
        self.numbers.check_unrounded()?;
        quantisation.check(&self.network)?;
        let numbers = Numbers::Bytes(quantisation.clone());
        let packed = Self::pack_as(&self.unpack()?, numbers)?;
        // The biases hold what the means are for.
        Ok(Self {
            numbers: Numbers::Bytes(quantisation.without_means()),
            ..packed
        })
    }

    /// The same network with bfloat16 for the weights and inputs of pointwise convolutions, and for the
    /// weights of squeeze-excite and fully connected layers: floats with 8 bits of precision instead of
    /// 24, rounded to the nearest, ties to the even one. Sums are floats, and so is everything else.
    ///
    /// # Errors
    ///
    /// When the network is rounded already, or there is not enough memory.
    pub fn to_bf16(&self) -> Result<Self, EngineError> {
        self.numbers.check_unrounded()?;
        Self::pack_as(&self.unpack()?, Numbers::Bf16)
    }

    /// The network of which this one, in floats, was packed.
    fn unpack(&self) -> Result<Network, EngineError> {
        let from = self.weights.as_slice();
        let unpack =
            |_, array: Array, _: &Offset| Ok(unpack_matrix(&array, &from[array.place.clone()]));
        Layout::default().place(&self.network, &Numbers::Floats, unpack)
    }

    fn pack_as(network: &Network, numbers: Numbers) -> Result<Self, EngineError> {
        let mut layout = Layout::default();
        let packed = layout.place(network, &numbers, |operation, array, values| {
            if values.len() == array.values() {
                return Ok(array.place.start);
            }
            Err(EngineError::WeightLength {
                operation,
                kind: network.operations[operation].kind(),
                what: array.name,
                found: values.len(),
                expected: array.values(),
            })
        })?;
        let mut weights = Buffer::zeroed(layout.floats())?;
        let to = weights.as_mut_slice();
        Layout::default().place(network, &numbers, |_, array, values| {
            let to = &mut to[array.place.clone()];
            match array.precision {
                Precision::Float32 => pack_matrix(values, &array, to, |value| value),
                Precision::Bfloat16 => bf16::pack(values, &array, to),
                // With their biases, below.
                Precision::Int8 => {}
            }
            Ok::<_, EngineError>(())
        })?;
        if let Numbers::Bytes(quantisation) = &numbers {
            bytes::pack(network, quantisation, &packed, to);
        }
        Ok(Self {
            network: packed,
            numbers,
            weights: Arc::new(Weights::Owned(weights)),
        })
    }

    /// Channels of the images it takes.
    pub fn input_channels(&self) -> usize {
        self.network.input_channels
    }

    /// The shape behind each operation; see [`Network::shapes`].
    ///
    /// # Errors
    ///
    /// As [`Network::shapes`].
    pub fn shapes(&self, height: usize, width: usize) -> Result<Vec<Shape>, EngineError> {
        self.network.shapes(height, width)
    }

    /// What is rounded to eight bits; `None` if nothing is.
    pub fn quantisation(&self) -> Option<&Quantisation> {
        match &self.numbers {
            Numbers::Bytes(quantisation) => Some(quantisation),
            Numbers::Floats | Numbers::Bf16 => None,
        }
    }

    /// What most weights are rounded to.
    pub fn precision(&self) -> Precision {
        self.numbers.precision()
    }

    pub(crate) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// The operations, each with the places of its weights, in floats.
    pub(crate) fn network(&self) -> &Network<Offset> {
        &self.network
    }

    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }
}

/// Packed weights, in memory of their own or in a file.
#[derive(Debug)]
pub(crate) enum Weights {
    Owned(Buffer),
    #[cfg(feature = "std")]
    /// The bytes of the file that hold them, a whole number of floats that starts at a cache line.
    Mapped(Mmap, Range<usize>),
}

impl Weights {
    pub(crate) fn as_slice(&self) -> &[f32] {
        match self {
            Self::Owned(buffer) => buffer.as_slice(),
            #[cfg(feature = "std")]
            Self::Mapped(map, range) => {
                let bytes = &map[range.clone()];
                // SAFETY: any bits are a float. The file starts at a page and the range at a
                // cache line of it, so there is nothing in front of the floats.
                let (before, floats, _) = unsafe { bytes.align_to::<f32>() };
                debug_assert!(before.is_empty());
                floats
            }
        }
    }

    pub(crate) fn pointer(&self) -> *const f32 {
        self.as_slice().as_ptr()
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.as_slice())
    }
}
