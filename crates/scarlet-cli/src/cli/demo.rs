//! The command line of `scarlet demo`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::{ComputeArgs, ModelArgs, at_least_one, from_one_to};

/// Try a network in the browser
///
/// Serves a page on this machine, at an address that the command prints. Photographs are dropped
/// there, chosen, pasted or taken with the camera; the page shows each as the network sees it, the
/// most probable classes, how long that took, and where the network looked for each of them (not
/// available for files written by scarlet deploy). The answers are those of scarlet predict.
/// Photographs go to this program only, which keeps none. Ctrl-C ends it.
///
/// With --html, the page is written as one self-contained file: the network and the engine are
/// inside it, and run in the browser that opens it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet demo
  scarlet demo flowers-run/best.safetensors
  scarlet demo lite0.scarlet --port 0
  scarlet demo --model mobilenetv3-large --top-k 10
  scarlet demo flowers.scarlet --html flowers.html --engine web

Programs may ask it too:
  curl --data-binary @cat.jpg http://127.0.0.1:8080/predict")]
pub(crate) struct DemoArgs {
    /// What --weights takes: a file of weights, what scarlet deploy or scarlet export wrote, or where
    /// to download one [default: the public weights of efficientnet-lite0]
    #[arg(value_hint = ValueHint::FilePath, conflicts_with_all = ["weights", "random_init"])]
    pub(crate) network: Option<String>,

    /// Port of the page; 0 picks a free one
    #[arg(long, default_value_t = 8080, value_parser = port)]
    pub(crate) port: u16,

    /// Address of this machine to listen on. With any but the default, others can use the page
    /// too, and nothing is encrypted
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = address)]
    pub(crate) listen: IpAddr,

    /// Classes to show per photograph
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = at_least_one)]
    pub(crate) top_k: usize,

    /// Names of the network's classes, one per line [default: those in the weights' file, or
    /// in classes.txt next to it, or ImageNet's for 1,000 classes]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) classes: Option<PathBuf>,

    /// Seconds that a request may take to arrive: its headers, and then its photograph
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = patience, hide = true)]
    pub(crate) patience: Duration,

    /// Write the page to a file instead, with the network inside. An 8-bit network (scarlet deploy
    /// --int8) makes it a quarter of the size
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["port", "listen", "patience"])]
    pub(crate) html: Option<PathBuf>,

    /// Folder of the npm package scarlet-engine, which runs the network in the file that --html writes;
    /// web/build.sh in scarlet's sources makes it
    #[arg(
        long, value_name = "FOLDER", value_hint = ValueHint::DirPath, requires = "html",
        default_value = "node_modules/scarlet-engine"
    )]
    pub(crate) engine: PathBuf,

    #[command(flatten)]
    pub(crate) model: ModelArgs,

    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

impl DemoArgs {
    /// The network as the other commands are told it.
    pub(crate) fn subject(&self) -> ModelArgs {
        let mut model = self.model.clone();
        if self.network.is_some() {
            model.weights.clone_from(&self.network);
        }
        model
    }
}

fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("expected a whole number from 0 to {}", u16::MAX))
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| {
        "expected an address of this machine without a port, such as 192.168.1.7 or ::1, or 0.0.0.0 for \
         all that it has"
            .to_owned()
    })
}

fn patience(text: &str) -> Result<Duration, String> {
    let seconds = from_one_to(3600, text)?;
    Ok(Duration::from_secs(seconds as u64))
}
