//! How long each part of a deployed network takes, on any device.

use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};
use scarlet_arch::graph::Graph;

use super::{DeployError, Deployed, Form, tensor};
use crate::Scarlet;

/// Forward passes of a part that a device is given at once. Waiting for it takes time of its own,
/// which a part of a whole network does not pay.
const QUEUED: u32 = 8;

/// How long one part of a network takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartTime {
    /// Name of the part: the prefix of its entries in a checkpoint, such as `mb_module.3`.
    pub part: String,
    /// For one of the architecture's layers, its index, from 0.
    pub layer: Option<usize>,
    /// For all images, the shortest of the runs.
    pub time: Duration,
}

impl Deployed {
    /// Runs every part `runs` times on `images` `[images, channels, height, width]`, or on what the
    /// parts before it make of them, and says how long each took, in the order of execution. Parts
    /// that do nothing are left out.
    ///
    /// On the CPU the parts are those of whole forward passes, as in [`profile`](Self::profile).
    /// On another device each is run by itself, several times before the device is waited for.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn part_times(
        &mut self,
        images: &[f32],
        runs: usize,
    ) -> Result<Vec<PartTime>, DeployError> {
        if let Form::Graph(graph) = &self.form {
            let input = tensor(images, graph.most(), &graph.network.device())?;
            return graph_times(&graph.network, input, runs.max(1));
        }
        let parts = self.profile(images, runs)?.into_iter();
        Ok(parts
            .map(|part| PartTime {
                time: part.time(),
                part: part.part,
                layer: part.layer,
            })
            .collect())
    }
}

fn graph_times(
    network: &Scarlet,
    images: Tensor<4>,
    runs: usize,
) -> Result<Vec<PartTime>, DeployError> {
    let device = network.device();
    let graph = Graph::of(network.architecture());
    let mut times = Vec::new();
    let mut x = images;
    for (part, module) in graph.parts().iter().zip(network.parts()) {
        if part.nodes.is_empty() {
            continue;
        }
        let (output, time) = timed(&device, x, runs, &|x| module.forward(x))?;
        times.push(PartTime {
            part: part.name.clone(),
            layer: part.layer,
            time,
        });
        x = output;
    }
    Ok(times)
}

/// What a part makes of its input, and its shortest time.
fn timed(
    device: &Device,
    input: Tensor<4>,
    runs: usize,
    pass: &dyn Fn(Tensor<4>) -> Tensor<4>,
) -> Result<(Tensor<4>, Duration), DeployError> {
    let wait = || {
        let done = device.sync();
        done.map_err(|error| DeployError::Compute(error.to_string()))
    };
    // The first pass may compile kernels or try them out.
    let output = pass(input.clone());
    wait()?;
    let mut shortest = Duration::MAX;
    for _ in 0..runs {
        let started = Instant::now();
        for _ in 0..QUEUED {
            let _ = pass(input.clone());
        }
        wait()?;
        shortest = shortest.min(started.elapsed() / QUEUED);
    }
    Ok((output, shortest))
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::super::OnDevice;
    use super::*;
    use crate::{DeployOptions, ScarletConfig};

    #[test]
    fn kernels_and_graph_have_the_same_parts() {
        let device = Device::flex();
        let architecture: crate::Architecture = "E3K3@24/2 - E6K5s@24 E3K3@40/2".parse().unwrap();
        let config = ScarletConfig::from(architecture.clone()).with_resolution(32);
        let network = config.with_classes(7).init(&device);
        let options = DeployOptions::new().with_size(32, 32).with_threads(1);
        let images = [0.5; 3 * 32 * 32];
        let mut kernels = network.deploy(&options).unwrap();
        let graph = OnDevice::new(&network, &options).unwrap();
        let form = Form::Graph(Box::new(graph));
        let mut graph = Deployed { form };
        let parts = |deployed: &mut Deployed| -> Vec<(String, Option<usize>)> {
            let times = deployed.part_times(&images, 2).unwrap();
            assert!(times.iter().all(|part| part.time > Duration::ZERO));
            times.into_iter().map(|it| (it.part, it.layer)).collect()
        };
        let expected = [
            ("stem", None),
            ("separable_conv", None),
            ("mb_module.0", Some(0)),
            ("mb_module.2", Some(2)),
            ("mb_module.3", Some(3)),
            ("conv_before_pooling", None),
            ("classifier", None),
        ];
        let expected = expected.map(|(part, layer)| (part.to_owned(), layer));
        assert_eq!(parts(&mut kernels), expected);
        assert_eq!(parts(&mut graph), expected);
        // What the parts make one after the other is what the network makes.
        let logits = graph.run(&images).unwrap().to_vec();
        assert_eq!(logits.len(), 7);
        let error = graph.part_times(&images[1..], 1).unwrap_err().to_string();
        assert!(error.contains("are not between 1 and 1 images"), "{error}");
    }
}
