//! [`Ancestor`]: what the networks of a search inherit their weights from.

use burn::module::Module;
use burn::tensor::Device;
use scarlet::fold::FoldOptions;
use scarlet_arch::{Genome, SearchSpace};
use scarlet_data::dataset::ImageSet;

use crate::extract::{Extracted, folded};
use crate::fingerprint::Fingerprint;
use crate::published::PublishedSupernet;
use crate::{Supernet, TrainError};

/// What the networks of a search inherit their weights from.
#[derive(Debug, Clone)]
pub enum Ancestor {
    /// A supernet that was trained on the search's images.
    Supernet(Box<Supernet>),
    /// One that was trained on others.
    Published(Box<PublishedSupernet>),
}

impl From<Supernet> for Ancestor {
    fn from(supernet: Supernet) -> Self {
        Self::Supernet(Box::new(supernet))
    }
}

impl From<PublishedSupernet> for Ancestor {
    fn from(supernet: PublishedSupernet) -> Self {
        Self::Published(Box::new(supernet))
    }
}

impl From<&Supernet> for Ancestor {
    /// Parted from the supernet, whose training may go on.
    fn from(supernet: &Supernet) -> Self {
        supernet.valid().into()
    }
}

impl From<&Ancestor> for Ancestor {
    fn from(ancestor: &Ancestor) -> Self {
        match ancestor {
            Self::Supernet(supernet) => (&**supernet).into(),
            Self::Published(supernet) => Self::Published(supernet.clone()),
        }
    }
}

impl Ancestor {
    /// The networks.
    pub fn space(&self) -> &SearchSpace {
        match self {
            Self::Supernet(supernet) => supernet.space(),
            Self::Published(supernet) => supernet.space(),
        }
    }

    /// The device that its networks live on.
    pub fn device(&self) -> Device {
        match self {
            Self::Supernet(supernet) => supernet.device(),
            Self::Published(supernet) => supernet.device(),
        }
    }

    /// A copy on another device, in inference.
    pub(crate) fn on(&self, device: &Device) -> Self {
        match self {
            // `valid` first: a clone that is moved takes the running statistics of the others along.
            Self::Supernet(supernet) => supernet.valid().to_device(device).into(),
            Self::Published(supernet) => PublishedSupernet::clone(supernet).on(device).into(),
        }
    }

    /// Whether its networks are parts of one.
    pub fn is_of_parts(&self) -> bool {
        match self {
            Self::Supernet(supernet) => !supernet.orders().layers.is_empty(),
            Self::Published(_) => true,
        }
    }

    /// What scores depend on besides images and settings.
    pub fn fingerprint(&self, fingerprint: Fingerprint) -> Fingerprint {
        match self {
            Self::Supernet(supernet) => fingerprint.weights(&**supernet),
            Self::Published(supernet) => supernet.fingerprint(fingerprint),
        }
    }

    /// The network of a genome as candidates are judged, with running statistics of `images`, or
    /// without them those that it inherits.
    pub fn take_out(
        &self,
        genome: &Genome,
        images: Option<&ImageSet>,
        batch_size: usize,
    ) -> Result<Extracted, TrainError> {
        let options = FoldOptions::default();
        match (self, images) {
            (Self::Supernet(supernet), Some(images)) => {
                supernet.extract_calibrated(genome, images, batch_size, &options)
            }
            (Self::Supernet(supernet), None) => supernet.extract(genome, &options),
            (Self::Published(supernet), images) => {
                folded(&supernet.fitted(genome, images, batch_size)?, &options)
            }
        }
    }
}
