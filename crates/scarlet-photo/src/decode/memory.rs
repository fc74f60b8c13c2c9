//! How much memory images that are decoded side by side may take.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use super::DecodeOptions;
use crate::PhotoError;

/// Bytes that all images being decoded in this process may take together.
pub(super) const SIDE_BY_SIDE: u64 = 1 << 30;

/// For what images become. Whoever holds a share of this waits for nothing, so that a wait ends.
pub(super) static PIXELS: Budget = Budget::new(SIDE_BY_SIDE);
/// For the files as they are, which are read before it is known what becomes of them.
pub(super) static FILES: Budget = Budget::new(SIDE_BY_SIDE);

/// So many bytes, which threads share: who wants more than are left waits until others are done.
#[derive(Debug)]
pub(super) struct Budget {
    capacity: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

impl Budget {
    pub(super) const fn new(capacity: u64) -> Self {
        Self {
            capacity,
            used: Mutex::new(0),
            freed: Condvar::new(),
        }
    }

    /// Waits until so many bytes are left. More than all of them means that nobody else has any.
    pub(super) fn take(&'static self, bytes: u64) -> Share {
        let bytes = bytes.min(self.capacity);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used + bytes > self.capacity {
            used = self
                .freed
                .wait(used)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
        Share {
            budget: self,
            bytes,
        }
    }
}

/// Bytes of a [`Budget`], given back when they are dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: &'static Budget,
    bytes: u64,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut used = self
            .budget
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *used -= self.bytes;
        self.budget.freed.notify_all();
    }
}

/// What decoding one file may take, and has taken.
#[derive(Debug)]
pub(super) struct Memory<'a> {
    name: &'a Path,
    limit: u64,
    budget: &'static Budget,
    share: Option<Share>,
}

impl<'a> Memory<'a> {
    pub(super) fn new(name: &'a Path, options: &DecodeOptions) -> Self {
        Self::of(name, options, &PIXELS)
    }

    fn of(name: &'a Path, options: &DecodeOptions, budget: &'static Budget) -> Self {
        Self {
            name,
            limit: options.max_bytes,
            budget,
            share: None,
        }
    }

    /// To be called once, before the pixels are decoded: with the size of the picture and the bytes
    /// that the decoder takes beside its RGB pixels at the peak. Waits until there is room.
    ///
    /// # Errors
    /// [`PhotoError::TooLarge`] if that is more than one picture may take.
    pub(super) fn claim(&mut self, width: u32, height: u32, beside: u64) -> Result<(), PhotoError> {
        let needed = rgb_bytes(width, height).saturating_add(beside);
        self.check(needed)?;
        self.share = None;
        self.share = Some(self.budget.take(needed));
        Ok(())
    }

    /// Refuses more bytes than one picture may take.
    pub(super) fn check(&self, needed: u64) -> Result<(), PhotoError> {
        match needed <= self.limit {
            true => Ok(()),
            false => Err(PhotoError::TooLarge {
                path: self.name.into(),
                needed,
                limit: self.limit,
            }),
        }
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }
}

/// Bytes of a picture in RGB.
pub(super) fn rgb_bytes(width: u32, height: u32) -> u64 {
    (u64::from(width) * u64::from(height)).saturating_mul(3)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn large_pictures_are_decoded_one_after_the_other() {
        static BUDGET: Budget = Budget::new(1_000);
        let options = DecodeOptions {
            max_bytes: 5_000,
            ..DecodeOptions::default()
        };
        let (at_work, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for thread in 0..8 {
                let (at_work, most, options) = (&at_work, &most, &options);
                scope.spawn(move || {
                    // Three of 300 bytes fit in, or one of 4,800, which is more than there is.
                    let (width, beside) = [(10, 270), (100, 4_500)][thread % 2];
                    let weight = [1, 3][thread % 2];
                    for _ in 0..200 {
                        let mut memory = Memory::of(Path::new("x"), options, &BUDGET);
                        memory.claim(width, 1, beside).unwrap();
                        let sum = at_work.fetch_add(weight, Ordering::SeqCst) + weight;
                        most.fetch_max(sum, Ordering::SeqCst);
                        thread::yield_now();
                        at_work.fetch_sub(weight, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 3, "{most:?}");
        assert_eq!(*BUDGET.used.lock().unwrap(), 0);
    }

    #[test]
    fn a_picture_counts_as_what_it_becomes() {
        let options = DecodeOptions {
            max_bytes: 700,
            ..DecodeOptions::default()
        };
        static BUDGET: Budget = Budget::new(1_000);
        let mut memory = Memory::of(Path::new("x"), &options, &BUDGET);
        memory.claim(10, 20, 100).unwrap();
        assert_eq!(*BUDGET.used.lock().unwrap(), 700);
        let error = memory.claim(10, 20, 101).unwrap_err();
        assert!(
            matches!(
                error,
                PhotoError::TooLarge {
                    needed: 701,
                    limit: 700,
                    ..
                }
            ),
            "{error}"
        );
        let huge = memory.claim(u32::MAX, u32::MAX, u64::MAX);
        assert!(matches!(huge, Err(PhotoError::TooLarge { .. })));
        drop(memory);
        assert_eq!(*BUDGET.used.lock().unwrap(), 0);
    }
}
