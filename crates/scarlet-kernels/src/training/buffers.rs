//! Memory that goes from one training step to the next.
//!
//! A step allocates the same large tensors as the step before. Memory fresh from the system
//! costs a page fault and a clearing for every 4 KiB, which is dearer than most of these
//! operations; so backward passes hand back what they have used up, and forward passes take it.

use std::sync::{Mutex, PoisonError};

struct Shelf {
    buffers: Vec<Spare>,
    /// Buffers handed back so far, as a clock.
    clock: usize,
}

struct Spare {
    values: Vec<f32>,
    since: usize,
}

static SHELF: Mutex<Shelf> = Mutex::new(Shelf {
    buffers: Vec::new(),
    clock: 0,
});

/// Shorter ones the allocator serves from memory that it holds anyway.
const SHORTEST: usize = 4096;

/// A buffer is let go when so many others came back while nobody wanted it. More than a training
/// step of a large network hands back.
const PATIENCE: usize = 1000;

/// A vector of `length` values, whatever they are: zeros, or left by an earlier owner.
pub fn take_buffer(length: usize) -> Vec<f32> {
    if length >= SHORTEST {
        let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
        // The latest is the likeliest to be in the cache.
        let found = (shelf.buffers.iter()).rposition(|spare| spare.values.len() == length);
        if let Some(index) = found {
            return shelf.buffers.remove(index).values;
        }
    }
    vec![0.0; length]
}

/// Hands back a vector for [`take_buffer`] to give out again.
pub fn give_buffer(values: Vec<f32>) {
    if values.len() < SHORTEST {
        return;
    }
    let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
    shelf.clock += 1;
    let since = shelf.clock;
    shelf.buffers.push(Spare { values, since });
    let stale = |spare: &Spare| since - spare.since >= PATIENCE;
    if shelf.buffers.first().is_some_and(stale) {
        shelf.buffers.remove(0);
    }
}

/// Frees all memory that waits to be used again, after training.
pub fn release_buffers() {
    let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
    shelf.buffers = Vec::new();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_and_an_unwanted_one_is_let_go() {
        let length = SHORTEST + 123;
        let mut buffer = take_buffer(length);
        buffer[0] = 5.0;
        let address = buffer.as_ptr();
        give_buffer(buffer);
        let again = take_buffer(length);
        assert_eq!(again.as_ptr(), address);
        assert_eq!(again.len(), length);

        give_buffer(again);
        for _ in 0..PATIENCE {
            give_buffer(vec![0.0; SHORTEST + 7]);
        }
        let spares = &SHELF.lock().unwrap().buffers;
        assert!(spares.iter().all(|spare| spare.values.len() != length));
        assert!(spares.len() <= PATIENCE + 1);
    }
}
