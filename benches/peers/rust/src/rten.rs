//! RTen: an ONNX file, its weights packed beforehand.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context, Result};
use rten::{ModelOptions, RunOptions, ThreadPool};
use rten_tensor::{AsView, NdTensor};

use crate::Run;

pub(crate) fn networks(
    threads: usize,
    files: &str,
    settings: &[&str],
) -> Result<HashMap<String, Run>> {
    let pool = Arc::new(ThreadPool::with_num_threads(threads));
    let mut runs = HashMap::new();
    for setting in settings {
        let base = format!("{files}/{}", setting.replace(':', "-"));
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = options.load_file(format!("{base}.onnx"))?;
        let input = model
            .input_ids()
            .first()
            .context("the model has no input")?;
        let shape = model.node_info(*input).and_then(|info| info.shape());
        let shape = shape.context("the model's input has no shape")?;
        let shape: Vec<usize> = shape
            .iter()
            .map(|side| match side {
                rten::Dimension::Fixed(side) => Some(*side),
                rten::Dimension::Symbolic(_) => None,
            })
            .collect::<Option<_>>()
            .context("the model's input has no fixed shape")?;
        let shape: [usize; 4] = shape.try_into().ok().context("the model takes no images")?;
        let bytes = std::fs::read(format!("{base}.f32"))?;
        let values = bytes.as_chunks().0.iter();
        let values: Vec<f32> = values.map(|value| f32::from_le_bytes(*value)).collect();
        let images = NdTensor::from_data(shape, values);
        let pool = pool.clone();
        let run = move || -> Result<Vec<f32>> {
            let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
            let logits = model.run_one(images.view().into(), Some(options))?;
            let logits: NdTensor<f32, 2> = logits.try_into()?;
            Ok(logits.to_vec())
        };
        let logits = run()?;
        let bytes: Vec<u8> = logits
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        std::fs::write(format!("{base}.rten.logits"), bytes)?;
        let run: Run = Box::new(move || {
            black_box(run()?);
            Ok(())
        });
        runs.insert((*setting).to_owned(), run);
    }
    Ok(runs)
}
