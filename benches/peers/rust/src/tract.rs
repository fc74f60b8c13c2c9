//! The ONNX file in tract, optimised for the batch.

use std::hint::black_box;

use anyhow::Result;
use tract_linalg::multithread::{Executor, set_default_executor};
use tract_onnx::prelude::*;

use crate::{Run, Setting};

pub(crate) fn network(file: &str, setting: &Setting) -> Result<Run> {
    if setting.threads > 1 {
        set_default_executor(Executor::multithread(setting.threads));
    }
    let shape = [setting.batch, 3, setting.size, setting.size];
    let plan = tract_onnx::onnx()
        .model_for_path(file)?
        .with_input_fact(0, f32::fact(shape).into())?
        .into_optimized()?
        .into_runnable()?;
    let images = Tensor::from_shape(&shape, &setting.images())?.into_tvalue();
    Ok(Box::new(move || {
        black_box(plan.run(tvec!(images.clone()))?);
        Ok(())
    }))
}
