//! [`PartReader`]: the parts of a folder of photographs, opened one after the other.

use std::path::Path;
use std::sync::Arc;

use super::{
    DatasetError, PhotographCache, PhotographList, PhotographOptions, Photographs, Stored,
    Unreadable,
};

/// Opens the parts of a folder of photographs, which share what decoded ones are kept in.
pub struct PartReader<P> {
    photographs: usize,
    memory: u64,
    cache: Option<Arc<PhotographCache>>,
    strict: bool,
    progress: P,
    unreadable: Unreadable,
}

impl<P: Fn(usize) + Sync> PartReader<P> {
    /// For parts of this many photographs in all. `progress` is told of each, and of this number.
    ///
    /// # Errors
    ///
    /// When the folder for decoded photographs cannot be used.
    pub fn new(
        photographs: usize,
        cache_megabytes: u64,
        cache_folder: Option<&str>,
        strict: bool,
        progress: P,
    ) -> Result<Self, DatasetError> {
        let cache = cache_folder.map(|folder| PhotographCache::open(Path::new(folder)));
        Ok(Self {
            photographs,
            memory: cache_megabytes.saturating_mul(1_000_000),
            cache: cache.transpose()?.map(Arc::new),
            strict,
            progress,
            unreadable: Unreadable::new(),
        })
    }

    /// Opens one of the parts, as [`Photographs::open`] does.
    pub fn open(
        &mut self,
        list: PhotographList,
        stored: Stored,
        every_class: bool,
    ) -> Result<Photographs, DatasetError> {
        // Parts share the memory by their numbers of photographs.
        let share = list.len() as f64 / self.photographs as f64;
        let options = PhotographOptions {
            stored,
            cache_bytes: (self.memory as f64 * share) as u64,
            cache: self.cache.clone(),
            strict: self.strict,
            every_class,
        };
        let progress = || (self.progress)(self.photographs);
        let (photographs, failed) = Photographs::open(list, &options, progress)?;
        self.unreadable.extend(failed);
        Ok(photographs)
    }

    /// What could not be read, and where decoded photographs are kept on disk.
    pub fn finish(self) -> (Unreadable, Option<Arc<PhotographCache>>) {
        (self.unreadable, self.cache)
    }
}
