//! What a file says of its images and classes, in the tables of the public definition of TensorFlow
//! Lite's metadata (`metadata_schema.fbs`), with its numbers.

use std::io::{Cursor, Seek, SeekFrom, Write};

use scarlet_arch::Architecture;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::flat::{Field, Table};
use super::schema::text;

/// The name of the buffer that holds these tables.
pub(super) const NAME: &str = "TFLITE_METADATA";
const IDENTIFIER: &str = "M001";
/// The oldest reader that knows all that is used here.
const OLDEST_READER: &str = "1.0.0";

/// The file of the classes' names, in the archive after the network.
pub(super) const LABELS: &str = "labels.txt";
/// A file with a name for each index of a tensor's last dimension.
const AXIS_LABELS: i8 = 2;

/// Numbers of the kinds in unions.
const FEATURE: u8 = 1;
const IMAGE: u8 = 2;
const NORMALIZATION: u8 = 1;

const RGB: i8 = 1;
const GREYSCALE: i8 = 2;

/// The tables, for images of `height` and `width`.
pub(super) fn encode(
    architecture: &Architecture,
    (height, width): (usize, usize),
    has_labels: bool,
) -> Vec<u8> {
    let preprocessing = &architecture.preprocessing;
    let is_grey = architecture.input_channels == 1;
    let size = Table(vec![
        (0, Field::UnsignedInt(width as u32)),
        (1, Field::UnsignedInt(height as u32)),
    ]);
    let colours = if is_grey { GREYSCALE } else { RGB };
    let image = Table(vec![(0, Field::Byte(colours)), (1, Field::Table(size))]);
    // Readers subtract and divide before they scale bytes to 1.
    let of_bytes = |values: &[f32; 3]| {
        let used = &values[..architecture.input_channels.min(3)];
        let scaled: Vec<f32> = used.iter().map(|value| value * 255.0).collect();
        match scaled.iter().all(|value| *value == scaled[0]) {
            true => vec![scaled[0]],
            false => scaled,
        }
    };
    let (mut mean, mut deviation) = (of_bytes(&preprocessing.mean), of_bytes(&preprocessing.std));
    // As many of one as of the other.
    let values = mean.len().max(deviation.len());
    for list in [&mut mean, &mut deviation] {
        if list.len() == 1 {
            *list = vec![list[0]; values];
        }
    }
    let extreme = |byte: f32| -> Vec<f32> {
        let pairs = mean.iter().zip(&deviation);
        pairs
            .map(|(mean, deviation)| (byte - mean) / deviation)
            .collect()
    };
    let range = Table(vec![
        (0, Field::Floats(extreme(255.0))),
        (1, Field::Floats(extreme(0.0))),
    ]);
    let normalisation = Table(vec![
        (0, Field::Floats(mean)),
        (1, Field::Floats(deviation)),
    ]);
    let unit = Table(vec![
        (0, Field::UnsignedByte(NORMALIZATION)),
        (1, Field::Table(normalisation)),
    ]);
    let input = Table(vec![
        (0, text(super::INPUT)),
        (1, text("The photograph, normalised.")),
        (3, content(IMAGE, image)),
        (4, Field::Tables(vec![unit])),
        (5, Field::Table(range)),
    ]);
    let mut output = Table(vec![
        (0, text(super::OUTPUT)),
        (1, text("One logit for each class.")),
        (3, content(FEATURE, Table::default())),
    ]);
    if has_labels {
        let labels = Table(vec![
            (0, text(LABELS)),
            (1, text("The classes' names, in the order of the logits.")),
            (2, Field::Byte(AXIS_LABELS)),
        ]);
        output.0.push((6, Field::Tables(vec![labels])));
    }
    let subgraph = Table(vec![
        (2, Field::Tables(vec![input])),
        (3, Field::Tables(vec![output])),
    ]);
    let model = Table(vec![
        (0, text(&architecture.name)),
        (1, text(&format!("Layers: {}", architecture.layers_text()))),
        (3, Field::Tables(vec![subgraph])),
        (7, text(OLDEST_READER)),
    ]);
    model.encode(IDENTIFIER)
}

fn content(kind: u8, properties: Table) -> Field {
    Field::Table(Table(vec![
        (0, Field::UnsignedByte(kind)),
        (1, Field::Table(properties)),
    ]))
}

/// The classes' names as the file of an archive after the network's bytes, one a line and not
/// compressed, as readers want it.
pub(super) fn append_labels(
    network: Vec<u8>,
    labels: &[String],
) -> zip::result::ZipResult<Vec<u8>> {
    let mut file = Cursor::new(network);
    file.seek(SeekFrom::End(0))?;
    let mut archive = ZipWriter::new(file);
    // The time is always the same, so that the same network gives the same file.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    archive.start_file(LABELS, options)?;
    for label in labels {
        // A line each, whatever a name holds.
        writeln!(archive, "{}", label.replace(['\n', '\r'], " "))?;
    }
    Ok(archive.finish()?.into_inner())
}
