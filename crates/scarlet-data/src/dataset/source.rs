//! [`Source`]: whatever images can be trained on.

use super::{ImageSet, Images, Labels, Photographs};

/// Labelled images to train on or to judge by. Functions that take images take anything that can
/// become this: a reference to [`Images`], [`Photographs`] or an [`ImageSet`].
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// Images of one size, in memory.
    Images(&'a Images),
    /// Photographs of any size, in files.
    Photographs(&'a Photographs),
}

impl<'a> From<&'a Images> for Source<'a> {
    fn from(images: &'a Images) -> Self {
        Self::Images(images)
    }
}

impl<'a> From<&'a Photographs> for Source<'a> {
    fn from(photographs: &'a Photographs) -> Self {
        Self::Photographs(photographs)
    }
}

impl<'a> Source<'a> {
    /// Number of images.
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(self) -> usize {
        match self {
            Self::Images(images) => images.len(),
            Self::Photographs(photographs) => photographs.len(),
        }
    }

    /// What they are labelled with.
    pub fn labels(self) -> Labels<'a> {
        match self {
            Self::Images(images) => Labels::One(images.labels()),
            Self::Photographs(photographs) => photographs.labels(),
        }
    }

    /// Where an image is: a photograph's file, or an image's number.
    pub fn name(self, index: usize) -> String {
        match self {
            Self::Images(_) => index.to_string(),
            Self::Photographs(photographs) => photographs.path(index).display().to_string(),
        }
    }

    /// Names of the classes.
    pub fn classes(self) -> &'a [String] {
        match self {
            Self::Images(images) => images.classes(),
            Self::Photographs(photographs) => photographs.classes(),
        }
    }

    /// The images of these indices.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn select(self, indices: &[usize]) -> ImageSet {
        match self {
            Self::Images(images) => images.select(indices).into(),
            Self::Photographs(photographs) => photographs.select(indices).into(),
        }
    }

    /// The same for networks that see images in `side` × `side` pixels, in `room` where they are
    /// others. Images of one size are [fitted](Images::fitted); photographs become what a network
    /// wants when they are read, but for those of which another size is stored, which are then
    /// decoded again.
    pub fn fitted<'b>(self, side: usize, room: &'b mut Option<ImageSet>) -> Source<'b>
    where
        'a: 'b,
    {
        *room = match self {
            Self::Images(images) if images.shape()[1..] == [side, side] => None,
            Self::Images(images) => Some(images.fitted(side).into()),
            Self::Photographs(photographs) => photographs.fitted(side).map(Into::into),
        };
        match room {
            Some(fitted) => Source::from(&*fitted),
            None => self,
        }
    }

    /// All of them, to keep.
    pub fn to_set(self) -> ImageSet {
        match self {
            Self::Images(images) => images.clone().into(),
            Self::Photographs(photographs) => photographs.clone().into(),
        }
    }
}
