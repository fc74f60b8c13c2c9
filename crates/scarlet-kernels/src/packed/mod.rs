//! [`PackedNetwork`]: a network whose weights lie in the order in which the kernels read them.

mod bytes;
mod file;
mod layout;
mod row;

pub(crate) use bytes::{scales_behind, starts_behind};

pub use file::PackedFileError;
pub use row::RoundedRow;

use std::{ops::Range, sync::Arc};

use memmap2::Mmap;

use crate::{EngineError, Network, Quantisation, Shape, memory::Buffer};
use layout::{Array, Layout, pack_matrix, unpack_matrix};

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
    /// What is rounded to eight bits, if anything is.
    quantisation: Option<Quantisation>,
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
        Self::pack_as(network, None)
    }

    /// The same network with weights, and inputs of convolutions, rounded to eight bits.
    ///
    /// # Errors
    ///
    /// When the network is quantised already, the ranges are those of another network, or there
    /// is not enough memory.
    pub fn quantise(&self, quantisation: &Quantisation) -> Result<Self, EngineError> {
        if self.quantisation.is_some() {
            return Err(EngineError::QuantisedBefore);
        }
        quantisation.check(&self.network)?;
        let from = self.weights.as_slice();
        let unpack = |_, array: Array, _: &Offset| {
            Ok::<_, EngineError>(unpack_matrix(&array, &from[array.place.clone()]))
        };
        let network = Layout::default().place(&self.network, None, unpack)?;
        let packed = Self::pack_as(&network, Some(quantisation.clone()))?;
        // The biases hold what the means are for.
        Ok(Self {
            quantisation: Some(quantisation.without_means()),
            ..packed
        })
    }

    fn pack_as(network: &Network, quantisation: Option<Quantisation>) -> Result<Self, EngineError> {
        let mut layout = Layout::default();
        let packed = layout.place(
            network,
            quantisation.as_ref(),
            |operation, array, values| {
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
            },
        )?;
        let mut weights = Buffer::zeroed(layout.floats())?;
        let to = weights.as_mut_slice();
        Layout::default().place(network, quantisation.as_ref(), |_, array, values| {
            if !array.is_bytes {
                pack_matrix(values, &array, &mut to[array.place.clone()]);
            }
            Ok::<_, EngineError>(())
        })?;
        if let Some(quantisation) = &quantisation {
            bytes::pack(network, quantisation, &packed, to);
        }
        Ok(Self {
            network: packed,
            quantisation,
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

    /// What is rounded to eight bits; `None` if all is in floats.
    pub fn quantisation(&self) -> Option<&Quantisation> {
        self.quantisation.as_ref()
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
    /// The bytes of the file that hold them, a whole number of floats that starts at a cache line.
    Mapped(Mmap, Range<usize>),
}

impl Weights {
    pub(crate) fn as_slice(&self) -> &[f32] {
        match self {
            Self::Owned(buffer) => buffer.as_slice(),
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
