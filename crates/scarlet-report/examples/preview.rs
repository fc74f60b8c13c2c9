//! Writes a page, a picture and a table about a search whose accuracies are a formula, and a page
//! about a training that never was, so that they can be looked at without training anything.
//!
//! ```text
//! cargo run --example preview -- FOLDER
//! ```
#![allow(clippy::unwrap_used)]

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("say which folder to write to")?);
    fs::create_dir_all(&folder)?;
    let run = common::run();
    fs::write(folder.join("report.html"), scarlet_report::html(&run)?)?;
    let training = scarlet_report::training_html(&common::training())?;
    fs::write(folder.join("training.html"), training)?;
    fs::write(folder.join("front.svg"), scarlet_report::front_svg(&run)?)?;
    fs::write(folder.join("front.csv"), scarlet_report::front_csv(&run)?)?;
    Ok(())
}
