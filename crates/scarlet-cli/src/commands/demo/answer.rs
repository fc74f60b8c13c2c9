//! [`Answerer`]: what the network says of photographs, one after the other.

use std::io::{self, Cursor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::ImageFormat;
use scarlet_data::{DecodeOptions, Rgb, RgbImage, decode_bytes, eval_image, grey_level, normalize};
use serde::Serialize;
use tokio::sync::oneshot;

use super::look::{Map, look};
use super::problem::Problem;
use crate::class_names::ClassNames;
use crate::model::Model;
use crate::report::predict::{NamedPrediction, Photograph};

/// How errors call a photograph, whose name does not come here.
const NAME: &str = "this file";

/// A photograph that waits for its answer.
pub(super) struct Job {
    pub(super) file: Vec<u8>,
    pub(super) question: Question,
    /// Gets the answer as JSON.
    pub(super) reply: oneshot::Sender<Result<String, Problem>>,
}

/// What is asked about a photograph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// What is on it?
    What,
    /// Where does the network see this class?
    Where(usize),
}

/// What is on a photograph.
#[derive(Debug, Serialize)]
struct Answer {
    predictions: Vec<NamedPrediction>,
    photograph: Size,
    /// What the network saw, as an address that holds a PNG.
    seen: String,
    milliseconds: Milliseconds,
}

/// Of a photograph as it stands upright, in pixels.
#[derive(Debug, Serialize)]
struct Size {
    width: u32,
    height: u32,
}

#[derive(Debug, Serialize)]
struct Milliseconds {
    /// Reading the file, resizing, cropping.
    preparation: f64,
    /// The network's own time.
    network: f64,
}

/// Where on a photograph a class is seen.
#[derive(Debug, Serialize)]
struct Place {
    class: usize,
    #[serde(flatten)]
    map: Map,
}

/// A photograph as it goes into the network.
struct Prepared {
    size: Size,
    seen: RgbImage,
    input: Vec<f32>,
}

pub(super) struct Answerer {
    model: Model,
    names: ClassNames,
    top_k: usize,
}

impl Answerer {
    pub(super) fn new(model: Model, names: ClassNames, top_k: usize) -> Self {
        Self {
            model,
            names,
            top_k,
        }
    }

    /// Works on a thread of its own until nobody is left who could ask. One photograph at a time: each
    /// is shared among all threads of the CPU, and only one is in memory in full.
    pub(super) fn start(mut self) -> io::Result<(Sender<Job>, JoinHandle<()>)> {
        let (jobs, queue): (_, Receiver<Job>) = channel();
        let work = move || {
            for job in queue {
                // Whoever has gone needs none.
                if job.reply.is_closed() {
                    continue;
                }
                let answer = catch_unwind(AssertUnwindSafe(|| match job.question {
                    Question::What => self.what(&job.file),
                    Question::Where(class) => self.place(&job.file, class),
                }));
                let _ = job.reply.send(answer.unwrap_or(Err(Problem::Failed)));
            }
        };
        let worker = thread::Builder::new()
            .name("scarlet-demo".into())
            .spawn(work)?;
        Ok((jobs, worker))
    }

    fn what(&mut self, file: &[u8]) -> Result<String, Problem> {
        let started = Instant::now();
        let Prepared {
            size,
            mut seen,
            input,
        } = self.prepared(file)?;
        let prepared = Instant::now();
        let predictions = self.model.predict(&input, self.top_k);
        let predictions = predictions.map_err(|error| Problem::Network(error.report()))?;
        let network = prepared.elapsed();

        if self.model.channels() == 1 {
            in_grey(&mut seen);
        }
        let best = predictions.first().map_or(&[][..], Vec::as_slice);
        to_json(&Answer {
            predictions: Photograph::new(String::new(), best, &self.names, None).predictions,
            photograph: size,
            seen: address_of(&seen)?,
            milliseconds: Milliseconds {
                preparation: (prepared - started).as_secs_f64() * 1e3,
                network: network.as_secs_f64() * 1e3,
            },
        })
    }

    fn place(&self, file: &[u8], class: usize) -> Result<String, Problem> {
        let network = self.model.network().ok_or(Problem::NoPlaces)?;
        let input = self.prepared(file)?.input;
        let map = look(network, input, self.model.preprocessing().resolution, class)?;
        to_json(&Place { class, map })
    }

    /// What [`scarlet_data::load_image`] does with a file, for one that is no file, and with what came
    /// between kept for the page.
    fn prepared(&self, file: &[u8]) -> Result<Prepared, Problem> {
        let preprocessing = self.model.preprocessing();
        let photograph = decode_bytes(file, NAME, &DecodeOptions::default())?;
        let (width, height) = photograph.dimensions();
        let seen = eval_image(&photograph, &preprocessing)?;
        let mut input = vec![0.0; seen.as_raw().len() / 3 * self.model.channels()];
        normalize(&seen, &preprocessing, &mut input)?;
        Ok(Prepared {
            size: Size { width, height },
            seen,
            input,
        })
    }
}

fn to_json(answer: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(answer).map_err(|error| Problem::Network(error.to_string()))
}

fn in_grey(image: &mut RgbImage) {
    for pixel in image.pixels_mut() {
        *pixel = Rgb([grey_level(pixel.0); 3]);
    }
}

/// An image as an address that holds it.
fn address_of(image: &RgbImage) -> Result<String, Problem> {
    let mut png = Cursor::new(Vec::new());
    image
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|error| Problem::Network(error.to_string()))?;
    let text = STANDARD.encode(png.into_inner());
    Ok(format!("data:image/png;base64,{text}"))
}
