//! Small versions of the pictures that a page shows.

use std::collections::HashMap;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use scarlet_data::check::thumbnail;
use scarlet_data::dataset::{Part, TrainTest};
use scarlet_data::{DecodeOptions, decode_with};

/// Where to get pictures from, by what reports call them.
pub(super) enum Pictures {
    Files(HashMap<String, PathBuf>),
    Memory(Box<TrainTest>, HashMap<String, (Part, usize)>),
}

impl Pictures {
    /// A small picture as a `data:` address; none of what cannot be read.
    pub(super) fn thumbnail(&self, name: &str) -> Option<String> {
        let bytes = match self {
            Self::Files(files) => {
                let path = files.get(name)?;
                let options = DecodeOptions::default();
                decode_with(path, &options, |image| thumbnail(image, path)).ok()?
            }
            Self::Memory(images, names) => {
                let &(part, index) = names.get(name)?;
                let images = match part {
                    Part::Train => &images.train,
                    _ => &images.test,
                };
                thumbnail(images.to_rgb(index), name).ok()?
            }
        };
        let text = BASE64_STANDARD.encode(bytes);
        Some(format!("data:image/jpeg;base64,{text}"))
    }
}
