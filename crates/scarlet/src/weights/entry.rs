//! [`Entry`]: a named tensor that is read when it is asked for.

use std::fmt;
use std::io;
use std::sync::Arc;

use burn::tensor::{DType, TensorData};

use super::WeightsError;

type ReadBytes = Arc<dyn Fn() -> io::Result<Vec<u8>> + Send + Sync>;

/// A tensor of a [`StateDict`](super::StateDict). Name, shape and type are known; the values are
/// read, from wherever they lie, each time they are asked for.
#[derive(Clone)]
pub struct Entry {
    name: String,
    shape: Vec<usize>,
    dtype: DType,
    read: ReadBytes,
}

impl Entry {
    /// An entry whose bytes `read` produces: native-endian, in row-major order, of the length
    /// that shape and type imply.
    pub fn new(
        name: impl Into<String>,
        shape: Vec<usize>,
        dtype: DType,
        read: impl Fn() -> io::Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            shape,
            dtype,
            read: Arc::new(read),
        }
    }

    /// An entry whose values `values` computes, in row-major order.
    pub fn from_f32(
        name: impl Into<String>,
        shape: Vec<usize>,
        values: impl Fn() -> Vec<f32> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, shape, DType::F32, move || {
            Ok(values()
                .iter()
                .flat_map(|value| value.to_ne_bytes())
                .collect())
        })
    }

    /// The name in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sizes, outermost first; none for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Type of the values in the file.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Number of values.
    pub fn value_count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of the values in the file's type.
    pub fn byte_count(&self) -> usize {
        self.value_count() * self.dtype.size()
    }

    /// Whether the entry counts training steps. PyTorch's batch normalisation keeps such a
    /// counter; no network needs it.
    pub fn is_step_counter(&self) -> bool {
        self.name.rsplit('.').next() == Some("num_batches_tracked")
    }

    /// Whether the entry holds the running variances of batch normalisation.
    fn is_variance(&self) -> bool {
        self.name.rsplit('.').next() == Some("running_var")
    }

    /// The same entry under another name.
    pub fn renamed(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same values in another shape, of as many.
    pub(super) fn reshaped(mut self, shape: Vec<usize>) -> Self {
        self.shape = shape;
        self
    }

    /// Reads the values, in the file's type.
    ///
    /// # Errors
    ///
    /// [`WeightsError::ReadEntry`] when they cannot be read or are not as many as announced.
    pub fn read(&self) -> Result<TensorData, WeightsError> {
        let failed = |source| WeightsError::ReadEntry {
            entry: self.name.clone(),
            source,
        };
        let bytes = (self.read)().map_err(failed)?;
        TensorData::try_from_bytes_vec(bytes, self.shape.clone(), self.dtype).map_err(|error| {
            failed(io::Error::new(
                io::ErrorKind::InvalidData,
                error.to_string(),
            ))
        })
    }

    /// Reads the values as `dtype`, a floating-point type.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), when the file's type is not a floating-point one, when a value is
    /// not finite, in the file or once converted, and when a running variance is negative.
    pub fn read_finite(&self, dtype: DType) -> Result<TensorData, WeightsError> {
        if !self.dtype.is_float() {
            return Err(WeightsError::ElementType {
                entry: self.name.clone(),
                dtype: self.dtype,
            });
        }
        let mut data = self.read()?;
        if data.dtype() != dtype {
            data = data.convert_dtype(dtype);
        }
        if let Some((index, value)) = first_not_finite(&data) {
            return Err(WeightsError::NotFinite {
                entry: self.name.clone(),
                index,
                value,
            });
        }
        let negative = || {
            let mut values = data.iter::<f64>().enumerate();
            values.find(|(_, value)| *value < 0.0)
        };
        match self.is_variance().then(negative).flatten() {
            None => Ok(data),
            Some((index, value)) => Err(WeightsError::NegativeVariance {
                entry: self.name.clone(),
                index,
                value,
            }),
        }
    }

    /// Reads the values as f32, in row-major order.
    ///
    /// # Errors
    ///
    /// As [`read_finite`](Self::read_finite).
    pub fn read_f32(&self) -> Result<Vec<f32>, WeightsError> {
        let data = self.read_finite(DType::F32)?;
        data.try_into_vec()
            .map_err(|error| WeightsError::ReadEntry {
                entry: self.name.clone(),
                source: io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
            })
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.name)
            .field("shape", &self.shape)
            .field("dtype", &self.dtype)
            .finish_non_exhaustive()
    }
}

/// The first value that is not finite, and its index.
fn first_not_finite(data: &TensorData) -> Option<(usize, f64)> {
    // Tested on the bits, block by block: the compiler turns that into vector code, and loading
    // stays as fast as reading.
    const EXPONENT: u32 = 0x7f80_0000;
    if data.dtype() == DType::F32 {
        let all_finite = data.as_bytes().chunks(4096).all(|block| {
            block
                .chunks_exact(4)
                .map(|value| u32::from_ne_bytes([value[0], value[1], value[2], value[3]]))
                .fold(true, |finite, bits| finite & (bits & EXPONENT != EXPONENT))
        });
        if all_finite {
            return None;
        }
    }
    data.iter::<f64>()
        .enumerate()
        .find(|(_, value)| !value.is_finite())
}
