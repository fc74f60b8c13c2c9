//! Candidates out of a supernet that others trained.

use scarlet_train::fingerprint::Fingerprint;
use scarlet_train::{PublishedSupernet, TrainError};
use serde::{Deserialize, Serialize};

use super::other_weights;
use crate::files;
use crate::pipeline::Run;
use crate::{RunError, RunFolder};

/// What it holds.
#[derive(Serialize, Deserialize)]
struct Published {
    /// What its authors call it.
    supernet: String,
    /// A hash of its weights.
    weights: String,
}

impl Run {
    /// Whether candidates are taken out of a supernet that others trained.
    pub(in crate::pipeline) fn is_published(&self) -> bool {
        let whole = self.whole.as_ref();
        whole.is_some_and(|whole| whole.published.is_some())
    }

    /// That supernet.
    pub(in crate::pipeline) fn published(&self) -> Result<Option<PublishedSupernet>, RunError> {
        let published = self.whole.as_ref().and_then(|it| it.published.clone());
        let space = || self.space.clone();
        let published = published.map(|it| PublishedSupernet::new(it, space(), &self.device));
        Ok(published.transpose()?)
    }

    /// That supernet, which is written down, and must be the same where the run continues.
    pub(in crate::pipeline) fn published_in(
        &self,
        folder: &RunFolder,
    ) -> Result<Option<PublishedSupernet>, RunError> {
        let Some(published) = self.published()? else {
            return Ok(None);
        };
        let given = published.fingerprint(Fingerprint::default()).finish();
        let path = folder.file(files::PUBLISHED);
        if path.try_exists().map_err(TrainError::read(&path))? {
            let kept: Published = folder.read_json(files::PUBLISHED)?;
            if kept.weights != given {
                return Err(other_weights(path, &kept.weights, &given).into());
            }
        } else {
            let supernet = published.name().to_owned();
            let weights = given;
            folder.write_json(files::PUBLISHED, &Published { supernet, weights })?;
        }
        Ok(Some(published))
    }
}

/// The name of the published supernet of a run's folder, if candidates are taken out of one.
pub(in crate::pipeline) fn published_name(folder: &RunFolder) -> Result<Option<String>, RunError> {
    if !folder.file(files::PUBLISHED).exists() {
        return Ok(None);
    }
    Ok(Some(
        folder.read_json::<Published>(files::PUBLISHED)?.supernet,
    ))
}
