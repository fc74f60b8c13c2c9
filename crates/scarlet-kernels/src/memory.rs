//! Aligned buffers, and the plan of which tensor lies where in one of them.

use alloc::{
    alloc::{alloc_zeroed, dealloc},
    vec::Vec,
};
use core::{alloc::Layout, ptr::NonNull};

use crate::error::EngineError;

/// Floats in a cache line.
pub(crate) const LINE: usize = 16;

/// Zeroed floats that start at a cache line.
pub(crate) struct Buffer {
    pointer: NonNull<f32>,
    floats: usize,
    layout: Layout,
}

impl core::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Buffer")
            .field("floats", &self.floats)
            .finish_non_exhaustive()
    }
}

// SAFETY: a buffer owns its memory and gives out raw pointers only; whoever uses them on several
// threads vouches for that.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    pub(crate) fn zeroed(floats: usize) -> Result<Self, EngineError> {
        let bytes = floats.max(1).saturating_mul(size_of::<f32>());
        let refused = EngineError::Memory { bytes };
        let Ok(layout) = Layout::from_size_align(bytes, LINE * size_of::<f32>()) else {
            return Err(refused);
        };
        // SAFETY: the layout has at least four bytes.
        let pointer = unsafe { alloc_zeroed(layout) };
        match NonNull::new(pointer.cast()) {
            Some(pointer) => Ok(Self {
                pointer,
                floats,
                layout,
            }),
            None => Err(refused),
        }
    }

    pub(crate) fn pointer(&self) -> *mut f32 {
        self.pointer.as_ptr()
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        // SAFETY: the buffer has so many floats, all of which were written, if only with zeros.
        // Where threads write to it through `pointer`, nobody calls this.
        unsafe { core::slice::from_raw_parts(self.pointer(), self.floats) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as in `as_slice`, and the buffer is borrowed alone.
        unsafe { core::slice::from_raw_parts_mut(self.pointer(), self.floats) }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this layout.
        unsafe { dealloc(self.pointer.as_ptr().cast(), self.layout) }
    }
}

/// Names a tensor between steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValueId(pub(crate) usize);

/// A tensor between steps: its size, when it is needed, and where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value {
    /// Floats of one image.
    pub(crate) image: usize,
    /// The step that writes it.
    pub(crate) first: usize,
    /// The last step that reads it.
    pub(crate) last: usize,
    /// Images that are kept at a time; set by [`place`], as are the next two.
    pub(crate) images: usize,
    /// Where the first image starts in the arena.
    pub(crate) offset: usize,
    /// Floats from one image to the next.
    pub(crate) stride: usize,
}

/// Gives every value its place behind `start`, for so many images, so that values that are needed
/// at the same time do not overlap, and returns where the last one ends.
///
/// Each image has a part of its own for all values: one thread's images never lie where another
/// thread's were in the step before, whose cache would have to give them up first.
///
/// Greedy by size, which is within a few percent of the optimum for chains with shortcuts
/// (Pisarchyk and Lee, arXiv 2001.03288).
pub(crate) fn place(values: &mut [&mut Value], start: usize, images: usize) -> usize {
    values.sort_by_key(|value| core::cmp::Reverse(value.image));
    let mut stride = 0;
    for index in 0..values.len() {
        let (placed, rest) = values.split_at_mut(index);
        let value = &mut rest[0];
        let length = value.image.next_multiple_of(LINE);
        let mut busy: Vec<(usize, usize)> = placed
            .iter()
            .filter(|other| other.first <= value.last && value.first <= other.last)
            .map(|other| (other.offset, other.offset + other.image))
            .collect();
        busy.sort_unstable();
        let mut offset = start;
        for (from, to) in busy {
            if offset + length <= from {
                break;
            }
            offset = offset.max(to.next_multiple_of(LINE));
        }
        value.offset = offset;
        stride = stride.max(offset + length - start);
    }
    for value in values.iter_mut() {
        value.images = images;
        value.stride = stride;
    }
    // What is too large is refused when it is allocated.
    start.saturating_add(stride.saturating_mul(images))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(image: usize, first: usize, last: usize) -> Value {
        Value {
            image,
            first,
            last,
            images: 0,
            offset: 0,
            stride: 0,
        }
    }

    #[test]
    fn values_needed_together_do_not_overlap() {
        let mut values = [
            value(32, 0, 1),
            value(64, 1, 2),
            value(16, 2, 5),
            value(64, 3, 4),
            value(100, 4, 5),
        ];
        let end = place(&mut values.iter_mut().collect::<Vec<_>>(), 320, 3);
        // The largest three that are needed together.
        assert_eq!(end, 320 + 3 * (112 + 64 + 16));
        for (i, a) in values.iter().enumerate() {
            assert!(a.offset >= 320);
            assert!(a.offset + 2 * a.stride + a.image <= end);
            for b in &values[..i] {
                let together = a.first <= b.last && b.first <= a.last;
                let overlap = a.offset < b.offset + b.image && b.offset < a.offset + a.image;
                assert!(!(together && overlap), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn buffers_are_aligned_and_zero() {
        for floats in [0, 1, 1000, 1 << 20] {
            let buffer = Buffer::zeroed(floats).unwrap();
            assert_eq!(buffer.pointer() as usize % 64, 0);
            // SAFETY: the buffer has so many floats.
            let values = unsafe { core::slice::from_raw_parts(buffer.pointer(), floats) };
            assert!(values.iter().all(|&x| x == 0.0));
        }
    }

    #[test]
    fn memory_that_is_not_there_is_refused() {
        for floats in [usize::MAX, usize::MAX / 4 - 64] {
            let error = Buffer::zeroed(floats).err().unwrap().to_string();
            assert!(error.contains("use a smaller batch"), "{error}");
        }
    }
}
