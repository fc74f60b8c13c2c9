//! This project and plain Burn, timed on command; see `peers.py` and
//! `engines.py`.
//!
//! ```text
//! contender scarlet|scarlet-train|flex|flex-train|ndarray|ndarray-train MODEL BATCH SIZE THREADS
//! contender deployed ENGINE INSTRUCTIONS THREADS FILES NETWORK:BATCH …
//! ```
//!
//! The second form is for `engines.py`: networks that `scarlet deploy` wrote, as
//! FILES/NETWORK.ENGINE.scarlet, on the images in FILES/NETWORK-BATCH.f32; their logits go to
//! FILES/NETWORK-BATCH.ENGINE.logits. INSTRUCTIONS is `best` or `avx2`.
//!
//! Each line on standard input is a number of runs, in the second form NETWORK:BATCH and a number; the
//! answer is a line with the milliseconds of each, or before the first a line that says `ready` and
//! with which instructions, where these are ours.

mod plain;

use std::collections::HashMap;
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

use scarlet::InstructionSet;
use scarlet::burn::module::Module;
use scarlet::burn::nn::loss::CrossEntropyLossConfig;
use scarlet::burn::optim::{GradientsParams, SgdConfig, momentum::MomentumConfig};
use scarlet::burn::tensor::{Device, Int, Tensor, TensorData};
use scarlet::{Architecture, DeployOptions, Deployed, ScarletConfig};

use plain::Plain;

/// Runs the network once.
type Run = Box<dyn FnMut() -> Result<(), Box<dyn Error>>>;

struct Setting {
    architecture: Architecture,
    batch: usize,
    size: usize,
    threads: usize,
}

impl Setting {
    /// Values that are neither zero nor denormal.
    fn images(&self) -> Vec<f32> {
        let values = self.batch * 3 * self.size * self.size;
        (0..values)
            .map(|i| (i % 255) as f32 / 127.0 - 1.0)
            .collect()
    }

    fn tensor(&self, device: &Device) -> Tensor<4> {
        let shape = [self.batch, 3, self.size, self.size];
        Tensor::from_data(TensorData::new(self.images(), shape), device)
    }
}

/// What is run on command, by the setting's name, and what is to be noted about it.
struct Contender {
    runs: HashMap<String, Run>,
    note: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Contender { mut runs, note } = match arguments.as_slice() {
        [
            "deployed",
            engine,
            instructions,
            threads,
            files,
            settings @ ..,
        ] => {
            let options = DeployOptions::new().with_threads(threads.parse()?);
            let options = match *instructions {
                "best" => options,
                "avx2" => options.with_instruction_set(InstructionSet::Avx2),
                other => return Err(format!("{other} is neither best nor avx2").into()),
            };
            from_files(engine, &options, files, settings)?
        }
        [engine, model, batch, size, threads] => {
            let setting = Setting {
                architecture: scarlet::zoo::by_name(model)?.with_resolution(size.parse()?),
                batch: batch.parse()?,
                size: size.parse()?,
                threads: threads.parse()?,
            };
            let mut run = from_zoo(engine, &setting)?;
            run()?;
            Contender {
                runs: HashMap::from([(String::new(), run)]),
                note: String::new(),
            }
        }
        _ => return Err("usage: contender ENGINE MODEL BATCH SIZE THREADS".into()),
    };
    println!("ready {note}");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (setting, count) = line.rsplit_once(' ').unwrap_or(("", &line));
        let run = runs.get_mut(setting).ok_or("there is no such setting")?;
        let count: usize = count.trim().parse()?;
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            run()?;
            times.push(format!("{:.5}", start.elapsed().as_secs_f64() * 1e3));
        }
        println!("[{}]", times.join(", "));
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn from_zoo(engine: &str, setting: &Setting) -> Result<Run, Box<dyn Error>> {
    Ok(match engine {
        "scarlet" => deployed(setting)?,
        "scarlet-train" => {
            let device = scarlet::device_by_name("cpu")?.autodiff();
            let network = ScarletConfig::from(setting.architecture.clone()).try_init(&device)?;
            training(
                network,
                |network, images| network.forward(images),
                setting,
                &device,
            )
        }
        _ => {
            let (name, trains) = match engine.strip_suffix("-train") {
                Some(name) => (name, true),
                None => (engine, false),
            };
            let device = scarlet::device_by_name(name)?;
            if trains {
                let device = device.autodiff();
                let network = Plain::new(&setting.architecture, &device);
                training(network, Plain::forward, setting, &device)
            } else {
                let network = Plain::new(&setting.architecture, &device);
                let images = setting.tensor(&device);
                Box::new(move || {
                    black_box(network.forward(images.clone()).into_data());
                    Ok(())
                })
            }
        }
    })
}

fn from_files(
    engine: &str,
    options: &DeployOptions,
    files: &str,
    settings: &[&str],
) -> Result<Contender, Box<dyn Error>> {
    let mut contender = Contender {
        runs: HashMap::new(),
        note: String::new(),
    };
    for setting in settings {
        let (name, batch) = setting.split_once(':').ok_or("NETWORK:BATCH")?;
        let options = options.with_batch(batch.parse()?);
        let mut deployed = Deployed::open(format!("{files}/{name}.{engine}.scarlet"), &options)?;
        let bytes = std::fs::read(format!("{files}/{name}-{batch}.f32"))?;
        let values = bytes.as_chunks().0.iter();
        let images: Vec<f32> = values.map(|value| f32::from_le_bytes(*value)).collect();
        let logits = deployed.run(&images)?.iter();
        let bytes: Vec<u8> = logits.flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(format!("{files}/{name}-{batch}.{engine}.logits"), bytes)?;
        let instructions = deployed.instruction_set();
        contender.note = instructions.map_or_else(String::new, |set| set.to_string());
        let run: Run = Box::new(move || {
            black_box(deployed.run(&images)?);
            Ok(())
        });
        contender.runs.insert((*setting).to_owned(), run);
    }
    Ok(contender)
}

fn deployed(setting: &Setting) -> Result<Run, Box<dyn Error>> {
    let device = scarlet::device_by_name("cpu")?;
    let network = ScarletConfig::from(setting.architecture.clone()).try_init(&device)?;
    let options = DeployOptions::new()
        .with_batch(setting.batch)
        .with_threads(setting.threads);
    let mut deployed = network.deploy(&options)?;
    let images = setting.images();
    Ok(Box::new(move || {
        black_box(deployed.run(&images)?);
        Ok(())
    }))
}

/// Forward, cross-entropy, backward, and SGD with momentum.
fn training<M: Module + 'static>(
    network: M,
    forward: impl Fn(&M, Tensor<4>) -> Tensor<2> + 'static,
    setting: &Setting,
    device: &Device,
) -> Run {
    let images = setting.tensor(device);
    let classes = setting.architecture.classes as i64;
    let labels: Vec<i64> = (0..setting.batch as i64)
        .map(|i| i * 37 % classes)
        .collect();
    let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [setting.batch]), device);
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    let mut sgd = SgdConfig::new().with_momentum(Some(momentum)).init();
    let loss = CrossEntropyLossConfig::new().init(device);
    let mut network = Some(network);
    Box::new(move || {
        let Some(current) = network.take() else {
            return Err("the last step failed".into());
        };
        let loss = loss.forward(forward(&current, images.clone()), labels.clone());
        let gradients = GradientsParams::from_grads(loss.backward(), &current);
        network = Some(sgd.step(0.01, current, gradients));
        // Devices may compute later than they are told to.
        black_box(loss.into_data());
        Ok(())
    })
}
