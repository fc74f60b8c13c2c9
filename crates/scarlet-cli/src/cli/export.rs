//! The command that writes files for other programs.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use scarlet::onnx::Batch;

use super::{ModelArgs, batch_size, from_one_to, whole};
use crate::verify::AskedRuntime;

/// Write a network to a file that other programs can run
///
/// The extension of OUT decides: .onnx and .tflite are the network as it runs, folded, for ONNX
/// Runtime and similar, and for LiteRT (TensorFlow Lite) on phones; .safetensors is its weights
/// under the names of the released checkpoints, for PyTorch and for scarlet itself.
///
/// A .tflite file takes channels-last images, and holds the class names and normalisation
/// where LiteRT's Task Library looks for them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet export lite0.onnx
  scarlet export scarlet-c.onnx --weights scarlet-c.pth.tar --images 8
  scarlet export flowers.tflite --weights flowers-run/best.safetensors
  scarlet export flowers.tflite --weights flowers-run/best.safetensors --verify flowers/ \\
      --python venv/bin/python
  scarlet export scarlet-c.safetensors --weights scarlet-c.pth.tar --half")]
pub(crate) struct ExportArgs {
    /// File to write, ending in .onnx, .tflite or .safetensors
    #[arg(value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,

    /// Images per call, a number or `any` [default: any in ONNX, 1 in TensorFlow Lite]
    #[arg(long, value_name = "N", value_parser = images_of_a_call)]
    pub(crate) images: Option<Batch>,

    /// ONNX operator set (opset), 14 to 22 [default: 17]
    #[arg(long, value_name = "N", value_parser = whole::<u32>)]
    pub(crate) opset: Option<u32>,

    /// Names of the network's classes, one per line, in TensorFlow Lite [default: as for predict]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) classes: Option<PathBuf>,

    /// Quantise to eight bits, calibrated on these photographs: a file or a folder, of which
    /// up to 512 are used; in ONNX and TensorFlow Lite
    #[arg(long, value_name = "PHOTOGRAPHS", value_hint = ValueHint::AnyPath)]
    pub(crate) int8: Option<PathBuf>,

    /// Run the written file in its own runtime, in Python, on photographs (a file or a folder, or what
    /// eval takes, of which up to 256 are used), compare it with this program, and write
    /// OUT.verify.json
    #[arg(long, value_name = "PHOTOGRAPHS", value_hint = ValueHint::AnyPath)]
    pub(crate) verify: Option<PathBuf>,

    /// Runtime to verify in: onnxruntime, ai-edge-litert or openvino, which reads both .onnx and
    /// .tflite; with ==VERSION to require that version [default: the first two, by the file's
    /// extension]
    #[arg(long, value_name = "NAME", requires = "verify")]
    pub(crate) runtime: Option<AskedRuntime>,

    /// Python in which the runtime is installed [default: python3]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::ExecutablePath, requires = "verify")]
    pub(crate) python: Option<PathBuf>,

    /// Seconds after which a runtime that does not answer is stopped
    #[arg(long, value_name = "N", default_value_t = Self::VERIFY_SECONDS, value_parser = seconds, requires = "verify")]
    pub(crate) verify_seconds: u64,

    /// Write kernels and matrices in half precision, in safetensors
    #[arg(long)]
    pub(crate) half: bool,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) model: ModelArgs,
}

impl ExportArgs {
    /// Unless told otherwise.
    pub(crate) const VERIFY_SECONDS: u64 = 300;
}

fn images_of_a_call(text: &str) -> Result<Batch, String> {
    match text {
        "any" => Ok(Batch::Dynamic),
        _ => batch_size(text).map(Batch::Fixed),
    }
}

fn seconds(text: &str) -> Result<u64, String> {
    from_one_to(86_400, text).map(|seconds| seconds as u64)
}
