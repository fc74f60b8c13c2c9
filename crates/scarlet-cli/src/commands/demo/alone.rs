//! `scarlet demo --html`: the page as one file, with the network and the engine inside it.

use std::io;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};
use scarlet_io::atomic_file;
use serde::Serialize;

use super::network::Network;
use super::site::{PAGE, SCRIPT, STYLE};
use crate::cli::DemoArgs;
use crate::engine_package::EnginePackage;
use crate::error::CliError;
use crate::model::{Model, refuse_overwriting};
use crate::report::file_size;
use crate::report::number::megabytes;
use crate::terminal::Terminal;

/// Runs the network by the engine that is in the page.
const PROGRAM: &str = include_str!("../../../assets/demo/alone.js");

/// What a page may do that has everything inside: ask nobody anything.
const RULES: &str = "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; \
    style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// What the page says of the network, and needs to show what it sees.
#[derive(Debug, Serialize)]
struct Inside {
    #[serde(flatten)]
    network: Network,
    /// Shorter side of a photograph when the network's part is cut out of its middle, in pixels.
    resized_side: usize,
    channels: usize,
    top_k: usize,
}

pub(super) fn write(args: &DemoArgs, path: &Path, terminal: &Terminal) -> Result<(), CliError> {
    let subject = args.subject();
    refuse_overwriting(path, subject.weights.as_deref())?;
    // Before anything is downloaded.
    let engine = EnginePackage::open(&args.engine)?;
    let model = Model::open(&subject, &args.compute, 1, terminal)?;
    model.require_one_label("the demo")?;
    let names = model.class_names(args.classes.as_deref(), terminal)?;
    let network = Network::of(&model, &names);
    let shown = network.to_string();
    let inside = Inside {
        network,
        resized_side: model.preprocessing().resized_side(),
        channels: model.channels(),
        top_k: args.top_k,
    };
    let weights = deployed_bytes(&model)?;
    let page = page(&inside, &weights, &engine);
    let written: Result<(), io::Error> =
        atomic_file::write(path, |file| file.write_all(page.as_bytes()));
    written.map_err(|source| CliError::WriteFile {
        path: path.to_owned(),
        source,
    })?;
    let size = file_size(path)?.map(megabytes).unwrap_or_default();
    terminal.note(format_args!(
        "{shown}: open {} in a browser, from a disk or a web server, {size}",
        path.display()
    ));
    Ok(())
}

/// The network as `scarlet deploy` writes it.
fn deployed_bytes(model: &Model) -> Result<Vec<u8>, CliError> {
    let folder = tempfile::tempdir().map_err(|source| CliError::WriteFile {
        path: std::env::temp_dir(),
        source,
    })?;
    let path = folder.path().join("network.scarlet");
    model.save(&path)?;
    std::fs::read(&path).map_err(|source| CliError::ReadFile { path, source })
}

/// The page with its style, its scripts and what they need in place of links to them.
fn page(inside: &Inside, weights: &[u8], engine: &EnginePackage) -> String {
    // In a script, only this could end it.
    let about = serde_json::json!(inside)
        .to_string()
        .replace('<', "\\u003c");
    let (weights, module) = (
        BASE64_STANDARD.encode(weights),
        BASE64_STANDARD.encode(&engine.module),
    );
    let face = &engine.face;
    let scripts = format!(
        "<script type=\"application/json\" id=\"network\">{about}</script>\n\
         <script type=\"text/plain\" id=\"weights\">{weights}</script>\n\
         <script type=\"text/plain\" id=\"engine\">{module}</script>\n\
         <script type=\"module\">\n{face}\nconst engine = {{ open, pixels }};\n\
         // Its names are its own.\n{{\n{PROGRAM}{SCRIPT}}}\n</script>\n</body>"
    );
    let rules = format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{RULES}\">");
    let style = format!("{rules}\n<style>\n{STYLE}</style>");
    let mut page = PAGE.to_owned();
    for (link, content) in [
        ("<link rel=\"stylesheet\" href=\"/page.css\">", style),
        ("<script src=\"/page.js\" defer></script>\n", String::new()),
        ("</body>", scripts),
    ] {
        debug_assert_eq!(page.matches(link).count(), 1, "{link}");
        page = page.replacen(link, &content, 1);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_of_the_page_is_replaced() {
        for link in [
            "<link rel=\"stylesheet\" href=\"/page.css\">",
            "<script src=\"/page.js\" defer></script>\n",
            "</body>",
        ] {
            assert_eq!(PAGE.matches(link).count(), 1, "{link}");
        }
        // What is inside a script must not end it.
        for script in [PROGRAM, SCRIPT] {
            assert!(!script.contains("</script"));
        }
    }
}
