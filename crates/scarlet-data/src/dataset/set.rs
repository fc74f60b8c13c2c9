//! [`ImageSet`]: images of whichever kind.

use super::{DatasetError, Images, Photographs, Source};

/// Labelled images of whichever kind.
#[derive(Debug, Clone)]
pub enum ImageSet {
    /// Images of one size, in memory.
    Images(Images),
    /// Photographs of any size, in files.
    Photographs(Photographs),
}

impl From<Images> for ImageSet {
    fn from(images: Images) -> Self {
        Self::Images(images)
    }
}

impl From<Photographs> for ImageSet {
    fn from(photographs: Photographs) -> Self {
        Self::Photographs(photographs)
    }
}

impl<'a> From<&'a ImageSet> for Source<'a> {
    fn from(set: &'a ImageSet) -> Self {
        match set {
            ImageSet::Images(images) => Self::Images(images),
            ImageSet::Photographs(photographs) => Self::Photographs(photographs),
        }
    }
}

impl ImageSet {
    /// Number of images.
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        Source::from(self).len()
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        Source::from(self).classes()
    }

    /// Puts `share` of every class aside, as [`Images::split`] does.
    ///
    /// # Errors
    ///
    /// As [`Images::split`].
    pub fn split(&self, share: f64, seed: u64) -> Result<(Self, Self), DatasetError> {
        Ok(match self {
            Self::Images(images) => {
                let (rest, aside) = images.split(share, seed)?;
                (rest.into(), aside.into())
            }
            Self::Photographs(photographs) => {
                let (rest, aside) = photographs.split(share, seed)?;
                (rest.into(), aside.into())
            }
        })
    }
}
