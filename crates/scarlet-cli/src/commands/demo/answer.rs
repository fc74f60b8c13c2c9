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

use super::problem::Problem;
use crate::class_names::ClassNames;
use crate::model::Model;
use crate::report::predict::{NamedPrediction, Photograph};

/// How errors call a photograph, whose name does not come here.
const NAME: &str = "this file";

/// A photograph that waits for its answer.
pub(super) struct Job {
    pub(super) file: Vec<u8>,
    /// Gets the answer as JSON.
    pub(super) reply: oneshot::Sender<Result<String, Problem>>,
}

/// What the network says of a photograph.
#[derive(Debug, Serialize)]
struct Answer {
    predictions: Vec<NamedPrediction>,
    photograph: Pixels,
    /// What the network saw, as an address that holds a PNG.
    seen: String,
    milliseconds: Milliseconds,
}

/// Of the photograph as it stands upright.
#[derive(Debug, Serialize)]
struct Pixels {
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
            for Job { file, reply } in queue {
                // Whoever has gone needs none.
                if reply.is_closed() {
                    continue;
                }
                let answer = catch_unwind(AssertUnwindSafe(|| self.answer(&file)));
                let _ = reply.send(answer.unwrap_or(Err(Problem::Failed)));
            }
        };
        let worker = thread::Builder::new()
            .name("scarlet-demo".into())
            .spawn(work)?;
        Ok((jobs, worker))
    }

    /// What [`scarlet_data::load_image`] does with a file, for one that is no file, and with what came
    /// between kept for the page.
    fn answer(&mut self, file: &[u8]) -> Result<String, Problem> {
        let started = Instant::now();
        let preprocessing = self.model.preprocessing();
        let photograph = decode_bytes(file, NAME, &DecodeOptions::default())?;
        let (width, height) = photograph.dimensions();
        let mut seen = eval_image(&photograph, &preprocessing)?;
        drop(photograph);
        let channels = self.model.channels();
        let mut input = vec![0.0; seen.as_raw().len() / 3 * channels];
        normalize(&seen, &preprocessing, &mut input)?;
        let prepared = Instant::now();
        let predictions = self.model.predict(&input, self.top_k);
        let predictions = predictions.map_err(|error| Problem::Network(error.report()))?;
        let network = prepared.elapsed();

        if channels == 1 {
            in_grey(&mut seen);
        }
        let best = predictions.first().map_or(&[][..], Vec::as_slice);
        let answer = Answer {
            predictions: Photograph::new(String::new(), best, &self.names).predictions,
            photograph: Pixels { width, height },
            seen: picture(&seen)?,
            milliseconds: Milliseconds {
                preparation: (prepared - started).as_secs_f64() * 1e3,
                network: network.as_secs_f64() * 1e3,
            },
        };
        serde_json::to_string(&answer).map_err(|error| Problem::Network(error.to_string()))
    }
}

fn in_grey(image: &mut RgbImage) {
    for pixel in image.pixels_mut() {
        *pixel = Rgb([grey_level(pixel.0); 3]);
    }
}

/// An image as an address that holds it.
fn picture(image: &RgbImage) -> Result<String, Problem> {
    let mut png = Cursor::new(Vec::new());
    image
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|error| Problem::Network(error.to_string()))?;
    let text = STANDARD.encode(png.into_inner());
    Ok(format!("data:image/png;base64,{text}"))
}
