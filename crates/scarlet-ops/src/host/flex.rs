//! Flex.

use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape};

use super::storage::{HostBackend, planes_are_rows, shape};

impl HostBackend for Flex {
    fn with_planes(tensor: FlexTensor) -> FlexTensor {
        let forward = tensor.layout().strides().iter().all(|&stride| stride >= 0);
        if forward && planes_are_rows(shape::<Self>(&tensor), Self::strides(&tensor)) {
            return tensor;
        }
        tensor.to_contiguous()
    }

    fn row_major(tensor: FlexTensor) -> FlexTensor {
        if tensor.is_contiguous() {
            return tensor;
        }
        tensor.to_contiguous()
    }

    fn values(tensor: &FlexTensor) -> &[f32] {
        &tensor.storage()[tensor.layout().start_offset()..]
    }

    fn strides(tensor: &FlexTensor) -> [usize; 4] {
        let strides = tensor.layout().strides();
        std::array::from_fn(|axis| strides[axis].unsigned_abs())
    }

    fn make(values: Vec<f32>, shape: &[usize], strides: &[usize]) -> FlexTensor {
        let strides = strides.iter().map(|&stride| stride as isize).collect();
        let layout = Layout::new(Shape::from(shape.to_vec()), strides, 0);
        FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
    }

    fn take(tensor: FlexTensor) -> Option<Vec<f32>> {
        if !tensor.is_unique() {
            return None;
        }
        let length = tensor.storage::<f32>().len();
        let all = tensor.with_layout(Layout::contiguous(Shape::from([length])));
        all.into_data().try_into_vec().ok()
    }
}
