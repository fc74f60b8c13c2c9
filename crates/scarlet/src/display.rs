//! How a network prints itself: as a table, part by part.

use std::fmt::{self, Write};

use burn::module::{DisplaySettings, ModuleDisplay};
use scarlet_arch::graph::Graph;
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
        "{:20} {:20} {:>15} {:>12} {:>12}",
        "part", "layer", "output", "mult-adds", "parameters"
    )?;
    let graph = Graph::of(architecture);
    for (part, cost) in graph.parts().iter().zip(&cost.parts) {
        let [channels, height, width] = cost.output;
        writeln!(
            text,
            "{:20} {:20} {:>15} {:>12} {:>12}",
            part.name,
            part.description(),
            format!("{channels}×{height}×{width}"),
            cost.mult_adds,
            cost.parameters
        )?;
    }
    write!(
        text,
        "{:20} {:20} {:>15} {:>12} {:>12}",
        "total",
        "",
        format!("{} classes", architecture.classes),
        cost.mult_adds,
        cost.parameters
    )
}
