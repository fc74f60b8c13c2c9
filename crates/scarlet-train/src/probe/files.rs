//! Features of photographs that are read once.

use std::path::PathBuf;

use burn::module::Module;
use scarlet::{DeployOptions, Scarlet};
use scarlet_data::{Loader, LoaderOptions};

use super::Features;
use crate::TrainError;

impl Features {
    /// Those of photographs in files, for a network that sees them in `resolution` × `resolution`
    /// pixels, each decoded once and not kept. `go_on` is told how many more are done; where it says no
    /// there is no result.
    ///
    /// # Errors
    ///
    /// When a photograph cannot be read, or the network has other channels than photographs.
    pub fn of_files(
        network: &Scarlet,
        resolution: usize,
        photographs: Vec<(PathBuf, u32)>,
        batch_size: usize,
        mut go_on: impl FnMut(usize) -> bool,
    ) -> Result<Option<Self>, TrainError> {
        let network = network.valid().without_classifier();
        let width = network.architecture().classes;
        let mut preprocessing = network.architecture().preprocessing;
        preprocessing.resolution = resolution;
        let options = DeployOptions::new()
            .with_batch(batch_size)
            .with_threads(rayon::current_num_threads())
            .with_size(resolution, resolution);
        let mut deployed = network.deploy(&options)?;
        let (paths, labels): (Vec<PathBuf>, Vec<u32>) = photographs.into_iter().unzip();
        let names = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let mut values = Vec::with_capacity(labels.len() * width);
        let options = LoaderOptions {
            batch_size,
            workers: rayon::current_num_threads(),
            strict: true,
            channels: network.architecture().input_channels,
            ..LoaderOptions::default()
        };
        for batch in Loader::new(paths, preprocessing, options).batches()? {
            let batch = batch?;
            values.extend_from_slice(deployed.run(&batch.images)?);
            if !go_on(batch.len()) {
                return Ok(None);
            }
        }
        Ok(Some(Self {
            values,
            width,
            labels,
            names,
        }))
    }
}
