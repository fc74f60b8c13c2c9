//! NdArray.

use burn::backend::NdArray;
use burn::backend::ndarray::NdArrayTensor;
use ndarray::{ArrayD, ArrayViewD, IxDyn, ShapeBuilder};

use super::storage::{HostBackend, planes_are_rows, shape};

/// A tensor that was checked to be of `f32`.
fn view(tensor: &NdArrayTensor) -> ArrayViewD<'_, f32> {
    match tensor {
        NdArrayTensor::F32(storage) => storage.view(),
        _ => unreachable!("only f32 tensors reach the kernels"),
    }
}

fn in_standard_order(tensor: &NdArrayTensor) -> NdArrayTensor {
    let values = view(tensor).as_standard_layout().into_owned();
    values.into_shared().into()
}

impl HostBackend for NdArray {
    fn with_planes(tensor: NdArrayTensor) -> NdArrayTensor {
        let all = view(&tensor);
        let forward = all.strides().iter().all(|&stride| stride >= 0);
        let planes = planes_are_rows(shape::<Self>(&tensor), Self::strides(&tensor));
        if forward && planes && all.as_slice_memory_order().is_some() {
            return tensor;
        }
        in_standard_order(&tensor)
    }

    fn row_major(tensor: NdArrayTensor) -> NdArrayTensor {
        if view(&tensor).is_standard_layout() {
            return tensor;
        }
        in_standard_order(&tensor)
    }

    fn values(tensor: &NdArrayTensor) -> &[f32] {
        let slice = view(tensor).to_slice_memory_order();
        slice.expect("a tensor that was made dense")
    }

    fn strides(tensor: &NdArrayTensor) -> [usize; 4] {
        let all = view(tensor);
        std::array::from_fn(|axis| all.strides()[axis].unsigned_abs())
    }

    fn make(values: Vec<f32>, shape: &[usize], strides: &[usize]) -> NdArrayTensor {
        let array = ArrayD::from_shape_vec(IxDyn(shape).strides(IxDyn(strides)), values);
        let array = array.expect("strides that fit the values");
        array.into_shared().into()
    }

    fn take(tensor: NdArrayTensor) -> Option<Vec<f32>> {
        match tensor {
            NdArrayTensor::F32(storage) if storage.is_unique() => {
                let array = storage.into_owned().into_owned();
                Some(array.into_raw_vec_and_offset().0)
            }
            _ => None,
        }
    }
}
