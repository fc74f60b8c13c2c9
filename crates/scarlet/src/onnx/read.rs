//! What a file of this program holds, to be run here again.

use prost::Message;

use super::INT8_KEY;
use super::proto::{FLOAT, Model};
use crate::exported::{Constant, Contents};
use scarlet_engine::metadata::{ARCHITECTURE_KEY, CARD_KEY};

/// All that a file of this program holds; none if it is no ONNX file.
pub(crate) fn contents(bytes: &[u8]) -> Option<Contents> {
    let model = Model::decode(bytes).ok()?;
    let graph = model.graph?;
    let mut contents = Contents::default();
    for property in model.metadata_props {
        match property.key.as_deref() {
            Some(ARCHITECTURE_KEY) => contents.architecture = property.value,
            Some(CARD_KEY) => contents.card = property.value,
            Some(INT8_KEY) => contents.int8 = true,
            _ => {}
        }
    }
    for tensor in graph.initializer {
        let (Some(name), Some(FLOAT), Some(data)) =
            (tensor.name, tensor.data_type, tensor.raw_data)
        else {
            continue;
        };
        let sizes = tensor.dims.iter().map(|&size| usize::try_from(size));
        let Ok(shape) = sizes.collect() else {
            continue;
        };
        let (values, _) = data.as_chunks::<4>();
        let constant = Constant {
            shape,
            values: values.iter().map(|it| f32::from_le_bytes(*it)).collect(),
            channels_last: false,
        };
        contents.tensors.insert(name, constant);
    }
    Some(contents)
}
