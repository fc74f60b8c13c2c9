//! How a network prints itself: as a table, part by part.

use std::fmt::{self, Write};

use burn::module::{DisplaySettings, ModuleDisplay};
use scarlet_arch::{Architecture, Cost};

use crate::Scarlet;

impl ModuleDisplay for Scarlet {
    fn format(&self, _settings: DisplaySettings) -> String {
        let mut text = String::new();
        match write_table(&mut text, self.architecture()) {
            Ok(()) => text,
            Err(_) => self.architecture().to_string(),
        }
    }
}

fn write_table(text: &mut String, architecture: &Architecture) -> fmt::Result {
    let resolution = architecture.preprocessing.resolution;
    let cost = Cost::of(architecture, resolution).map_err(|_| fmt::Error)?;
    writeln!(text, "{} at {resolution}×{resolution}", architecture.name)?;
    writeln!(
        text,
        "{:20} {:12} {:>15} {:>12} {:>12}",
        "part", "layer", "output", "mult-adds", "parameters"
    )?;
    for part in &cost.parts {
        let layer = part
            .name
            .strip_prefix("mb_module.")
            .and_then(|index| index.parse::<usize>().ok())
            .and_then(|index| architecture.layers.get(index))
            .map_or(String::new(), |layer| layer.operation.to_string());
        let [channels, height, width] = part.output;
        writeln!(
            text,
            "{:20} {:12} {:>15} {:>12} {:>12}",
            part.name,
            layer,
            format!("{channels}×{height}×{width}"),
            part.mult_adds,
            part.parameters
        )?;
    }
    write!(
        text,
        "{:20} {:12} {:>15} {:>12} {:>12}",
        "total",
        "",
        format!("{} classes", architecture.classes),
        cost.mult_adds,
        cost.parameters
    )
}
