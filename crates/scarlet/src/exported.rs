//! Weights of files that were written for other programs: ONNX and TensorFlow Lite, in floats.
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! use scarlet::exported::open_exported;
//! use scarlet::onnx::OnnxOptions;
//! use scarlet::{MobileNetV3Small, ScarletConfig, burn::tensor::Device};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("network.onnx");
//! let network = MobileNetV3Small::new().with_classes(10).init(&Device::flex());
//! network.save_onnx(&path, &OnnxOptions::new())?;
//! let weights = open_exported(&path)?;
//! let config = ScarletConfig::from(weights.architecture()?);
//! let again = config.init(&Device::flex()).load(&weights)?;
//! assert_eq!(again.architecture().classes, 10);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use scarlet_arch::graph::{Graph, Node};
use scarlet_arch::{Architecture, ArchitectureError};
use scarlet_engine::metadata::{ARCHITECTURE_KEY, CARD_KEY};
use scarlet_io::limited;
use thiserror::Error;

use crate::ModelCard;
use crate::weights::{Entry, StateDict};
use crate::{onnx, tflite};

/// The most bytes of a file that is read: more than a TensorFlow Lite file may have.
const LARGEST: u64 = 2 << 30;

/// Why an exported file cannot be run here.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportedError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// It is neither an ONNX nor a TensorFlow Lite file.
    #[error(
        "`{}` is no {format} file, or it is damaged: get it again, or export it again", .path.display()
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// What it should be.
        format: &'static str,
    },
    /// Another program wrote it.
    #[error(
        "`{}` was not written by scarlet, and does not say what its network is: give the weights that it \
         was made from", .0.display()
    )]
    Foreign(PathBuf),
    /// The weights in it are rounded.
    #[error(
        "`{}` computes in eight bits, and its rounded weights are for the runtimes that read it: run it \
         there, as scarlet export --verify does, or give the weights that it was made from; scarlet \
         deploy --int8 makes a file of eight bits that runs here", .0.display()
    )]
    Rounded(PathBuf),
    /// What it says of its network cannot be used.
    #[error("the network that `{}` says it holds cannot be used: {source}", .path.display())]
    Architecture {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<ArchitectureError>,
    },
    /// Weights are missing or of another shape.
    #[error(
        "`{}` lacks `{name}` of the shape that its network has: it was changed by another program; give the \
         weights that it was made from", .path.display()
    )]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is missing.
        name: String,
    },
}

/// What a file holds, whatever its format.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) architecture: Option<String>,
    pub(crate) card: Option<String>,
    /// The classes' names, where the card does not say them.
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) int8: bool,
    /// Constants in floats, by their names.
    pub(crate) tensors: HashMap<String, Constant>,
}

/// A constant: its sizes, and its values in the order of the format.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Constant {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
    /// Whether the channels of its input come last.
    pub(crate) channels_last: bool,
}

/// Whether a file's name says that it was written for another program: it ends in `.onnx` or `.tflite`.
pub fn is_exported(path: impl AsRef<Path>) -> bool {
    format_of(path.as_ref()).is_some()
}

fn format_of(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    match ending.as_str() {
        "onnx" => Some("ONNX"),
        "tflite" => Some("TensorFlow Lite"),
        _ => None,
    }
}

/// The weights of a file that this crate wrote, in floats, with its architecture and card.
///
/// Batch normalisation was folded into the convolutions; here it is one that changes nothing. So the
/// network computes what it did, but is not one to be trained further.
///
/// # Errors
///
/// When the file cannot be read, another program wrote or changed it, or it computes in eight bits.
pub fn open_exported(path: impl AsRef<Path>) -> Result<StateDict, ExportedError> {
    let path = path.as_ref();
    let bytes = limited::read(path, LARGEST).map_err(|source| ExportedError::Read {
        path: path.to_owned(),
        source,
    })?;
    let format = format_of(path).unwrap_or("ONNX");
    let contents = match format {
        "ONNX" => onnx::contents(&bytes),
        _ => tflite::contents(&bytes),
    };
    let contents = contents.ok_or_else(|| ExportedError::OtherFormat {
        path: path.to_owned(),
        format,
    })?;
    let json = contents.architecture.as_ref();
    let json = json.ok_or_else(|| ExportedError::Foreign(path.to_owned()))?;
    if contents.int8 {
        return Err(ExportedError::Rounded(path.to_owned()));
    }
    let architecture =
        Architecture::from_json(json).map_err(|source| ExportedError::Architecture {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
    let mut metadata = BTreeMap::from([(ARCHITECTURE_KEY.to_owned(), json.clone())]);
    let labels = contents.labels.clone();
    let labels = labels.filter(|labels| labels.len() == architecture.classes);
    let of_labels = labels.map(|labels| {
        let mut card = ModelCard::new(labels);
        // Nobody said what trained it.
        card.program = None;
        card.to_json()
    });
    if let Some(card) = contents.card.clone().or(of_labels) {
        metadata.insert(CARD_KEY.to_owned(), card);
    }
    let graph = Graph::of(&architecture);
    let mut entries = Vec::new();
    for node in graph.nodes() {
        let found = entries_of(&graph, node, &contents);
        entries.extend(found.map_err(|name| ExportedError::Weights {
            path: path.to_owned(),
            name,
        })?);
    }
    Ok(StateDict::from_entries(entries).with_metadata(metadata))
}

/// The entries of a node in a checkpoint, or the name of what is missing.
fn entries_of(graph: &Graph, node: &Node, contents: &Contents) -> Result<Vec<Entry>, String> {
    let name = graph.name(node);
    let norm = graph.norm_name(node);
    let entries = graph.entries_of(node).into_iter();
    let entries = entries.map(|(entry, shape)| {
        let of_norm = norm.as_deref().and_then(|norm| {
            let parameter = entry.strip_prefix(norm)?.strip_prefix('.')?;
            // A convolution's own entries may have a name that begins so.
            (entry != format!("{name}.weight")).then_some(parameter)
        });
        let values = match (of_norm, &node.norm) {
            (Some("running_mean"), _) => vec![0.0; shape[0]],
            (Some("running_var"), _) => vec![1.0; shape[0]],
            // What the variance of 1 is divided by again.
            (Some("weight"), Some(norm)) => {
                let factor = (1.0 + norm.spec.epsilon).sqrt();
                vec![factor as f32; shape[0]]
            }
            // The convolution's bias is all that is left of the normalisation.
            (Some(_), _) => values(contents, &format!("{name}.bias"), &shape)?,
            (None, _) => values(contents, &entry, &shape)?,
        };
        Ok(Entry::from_f32(entry, shape, move || values.clone()))
    });
    entries.collect()
}

/// The values of a constant in the order of a checkpoint.
fn values(contents: &Contents, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
    let missing = || name.to_owned();
    let constant = contents.tensors.get(name).ok_or_else(missing)?;
    let found = &constant.values;
    let fits = |expected: &[usize]| {
        constant.shape == expected && found.len() == expected.iter().product::<usize>()
    };
    match (shape, constant.channels_last) {
        (&[output, input, height, width], true) => {
            let places = height * width;
            let mut ordered = Vec::with_capacity(found.len());
            // A depthwise convolution's kernels lie side by side.
            let (kernels, across) = match fits(&[1, height, width, output]) && input == 1 {
                true => (1, output),
                false if fits(&[output, height, width, input]) => (output, input),
                false => return Err(missing()),
            };
            for kernel in found.chunks_exact((places * across).max(1)).take(kernels) {
                for channel in 0..across {
                    ordered.extend(kernel[channel..].iter().step_by(across));
                }
            }
            Ok(ordered)
        }
        _ if fits(shape) => Ok(found.clone()),
        _ => Err(missing()),
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use std::fs;

    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;
    use crate::onnx::OnnxOptions;
    use crate::tflite::TfliteOptions;
    use crate::weights::formula;
    use crate::{Int8, Scarlet, ScarletConfig};

    fn network(text: &str) -> Scarlet {
        let architecture: Architecture = text.parse().unwrap();
        let architecture = architecture.with_classes(5).with_resolution(33);
        let weights = formula::state_dict(&architecture);
        let config = ScarletConfig::from(architecture);
        config.init(&Device::flex()).load(&weights).unwrap()
    }

    fn logits(network: &Scarlet) -> Vec<f32> {
        let values = (0..2 * 3 * 33 * 33).map(|it| (it as f32 * 0.37).sin());
        let data = TensorData::new(values.collect(), [2, 3, 33, 33]);
        let images = Tensor::<4>::from_data(data, &Device::flex());
        network.forward(images).into_data().iter::<f32>().collect()
    }

    #[test]
    fn what_was_written_computes_the_same() {
        let folder = tempfile::tempdir().unwrap();
        for text in [
            "[swish, se swish sigmoid] C3@8/2 E1K3s2a@8 E3K5s@12/2 C1@16:relu E3K3n P24 F12n:relu6",
            "C7@8 E3K3s(relu6,h-sigmoid) L@12 E3K5@16/2 - E3K3 F24",
            "E3K3@24/2 L@24 E6K5s@40/2 E3K3@40",
        ] {
            let network = network(text);
            let names = ["a", "b", "c", "d", "é"].map(str::to_owned).to_vec();
            let card = ModelCard::new(names.clone()).with_training("letters", 7);
            let network = network.with_card(card).unwrap();
            let [onnx, tflite] = ["x.onnx", "x.tflite"].map(|name| folder.path().join(name));
            network.save_onnx(&onnx, &OnnxOptions::new()).unwrap();
            network.save_tflite(&tflite, &TfliteOptions::new()).unwrap();
            let expected = logits(&network);
            let largest = expected.iter().fold(0f32, |most, it| most.max(it.abs()));
            for path in [onnx, tflite] {
                assert!(is_exported(&path));
                let weights = open_exported(&path).unwrap();
                assert_eq!(weights.card().unwrap().unwrap(), *network.card().unwrap());
                let config = ScarletConfig::from(weights.architecture().unwrap());
                let again = config.init(&Device::flex()).load(&weights).unwrap();
                for (found, expected) in logits(&again).iter().zip(&expected) {
                    let error = (found - expected).abs();
                    assert!(error < 1e-5 * largest, "{text} {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn labels_are_names_where_there_is_no_card() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tflite");
        let names = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        let options = TfliteOptions::new().with_labels(names.clone());
        network("C3@8/2 E3K3@8 P8")
            .save_tflite(&path, &options)
            .unwrap();
        let card = open_exported(&path).unwrap().card().unwrap().unwrap();
        assert_eq!((card.classes, card.program), (names, None));
    }

    #[test]
    fn what_cannot_be_run_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let network = network("C3@8/2 E3K3@8 P8");
        let mut calibration = Int8::calibrate(&network, (33, 33)).unwrap();
        calibration.observe(&[0.5; 3 * 33 * 33]).unwrap();
        let int8 = calibration.finish().unwrap();
        let [onnx, tflite] = ["x.onnx", "x.tflite"].map(|name| folder.path().join(name));
        let message = |path: &Path| open_exported(path).unwrap_err().to_string();
        let options = OnnxOptions::new().with_int8(int8.clone());
        network.save_onnx(&onnx, &options).unwrap();
        let options = TfliteOptions::new().with_int8(int8);
        network.save_tflite(&tflite, &options).unwrap();
        for path in [&onnx, &tflite] {
            let error = message(path);
            assert!(error.contains("computes in eight bits"), "{error}");
            // Whatever a file is cut to is no panic.
            let bytes = fs::read(path).unwrap();
            for length in (0..bytes.len()).step_by(97) {
                fs::write(path, &bytes[..length]).unwrap();
                let _ = open_exported(path).unwrap_err();
            }
            fs::write(path, "no such file").unwrap();
            assert!(
                message(path).contains("or it is damaged"),
                "{}",
                message(path)
            );
            fs::remove_file(path).unwrap();
            assert!(message(path).contains("cannot read `"));
        }
        network.save_onnx(&onnx, &OnnxOptions::new()).unwrap();
        let bytes = fs::read(&onnx).unwrap();
        let change = |from: &str, to: &str| {
            let mut changed = bytes.clone();
            let (from, to) = (from.as_bytes(), to.as_bytes());
            let places = 0..changed.len() - from.len();
            for place in places {
                if changed[place..].starts_with(from) {
                    changed[place..][..to.len()].copy_from_slice(to);
                }
            }
            fs::write(&onnx, changed).unwrap();
            message(&onnx)
        };
        let error = change("scarlet.architecture", "xcarlet.architecture");
        assert!(error.contains("was not written by scarlet"), "{error}");
        let error = change("C3@8/2", "C3@9/2");
        assert!(
            error.contains("lacks `stem.0.weight` of the shape"),
            "{error}"
        );
        let error = change("C3@8/2", "C4@8/2");
        assert!(error.contains("cannot be used"), "{error}");
    }
}
