//! Aligned buffers, and the plan of which tensor lies where in one of them.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    ptr::NonNull,
};

/// Floats in a cache line.
pub(crate) const LINE: usize = 16;

/// Zeroed floats that start at a cache line.
pub(crate) struct Buffer {
    pointer: NonNull<f32>,
    layout: Layout,
}

// SAFETY: a buffer owns its memory and gives out raw pointers only; whoever uses them on several
// threads vouches for that.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    pub(crate) fn zeroed(floats: usize) -> Self {
        let bytes = floats.max(1).saturating_mul(size_of::<f32>());
        let align = LINE * size_of::<f32>();
        // The allocator's own answer to a size that cannot be: it aborts.
        let layout = Layout::from_size_align(bytes, align)
            .unwrap_or_else(|_| handle_alloc_error(Layout::new::<f32>()));
        // SAFETY: the layout has at least four bytes.
        let pointer = unsafe { alloc_zeroed(layout) };
        let Some(pointer) = NonNull::new(pointer.cast()) else {
            handle_alloc_error(layout)
        };
        Self { pointer, layout }
    }

    pub(crate) fn from_slice(values: &[f32]) -> Self {
        let buffer = Self::zeroed(values.len());
        // SAFETY: the buffer is new and as long as the slice.
        unsafe {
            buffer
                .pointer()
                .copy_from_nonoverlapping(values.as_ptr(), values.len());
        }
        buffer
    }

    pub(crate) fn pointer(&self) -> *mut f32 {
        self.pointer.as_ptr()
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

/// A tensor between steps: its size, and when it is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value {
    /// Floats of one image.
    pub(crate) image: usize,
    /// Images that are kept at a time.
    pub(crate) images: usize,
    /// The step that writes it.
    pub(crate) first: usize,
    /// The last step that reads it.
    pub(crate) last: usize,
    /// Where it starts in the arena; set by [`place`].
    pub(crate) offset: usize,
}

impl Value {
    fn floats(&self) -> usize {
        (self.image * self.images).next_multiple_of(LINE)
    }
}

/// Gives every value an offset, so that values that are needed at the same time do not overlap,
/// and returns the floats needed in all. Greedy by size, which is within a few percent of the
/// optimum for chains with shortcuts (Pisarchyk and Lee, arXiv 2001.03288).
pub(crate) fn place(values: &mut [Value]) -> usize {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(values[index].floats()));
    let mut placed: Vec<usize> = Vec::with_capacity(values.len());
    let mut total = 0;
    for index in order {
        let value = values[index];
        let mut busy: Vec<(usize, usize)> = placed
            .iter()
            .map(|&other| values[other])
            .filter(|other| other.first <= value.last && value.first <= other.last)
            .map(|other| (other.offset, other.offset + other.floats()))
            .collect();
        busy.sort_unstable();
        let mut offset = 0;
        for (from, to) in busy {
            if offset + value.floats() <= from {
                break;
            }
            offset = offset.max(to);
        }
        values[index].offset = offset;
        total = total.max(offset + value.floats());
        placed.push(index);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(image: usize, first: usize, last: usize) -> Value {
        Value {
            image,
            images: 1,
            first,
            last,
            offset: 0,
        }
    }

    #[test]
    fn values_needed_together_do_not_overlap() {
        let mut values = vec![
            value(32, 0, 1),
            value(64, 1, 2),
            value(16, 2, 5),
            value(64, 3, 4),
            value(100, 4, 5),
        ];
        let total = place(&mut values);
        for (i, a) in values.iter().enumerate() {
            assert!(a.offset + a.floats() <= total);
            for b in &values[..i] {
                let together = a.first <= b.last && b.first <= a.last;
                let overlap = a.offset < b.offset + b.floats() && b.offset < a.offset + a.floats();
                assert!(!(together && overlap), "{a:?} {b:?}");
            }
        }
        // The largest three that are needed together.
        assert_eq!(total, 112 + 64 + 16);
    }

    #[test]
    fn buffers_are_aligned_and_zero() {
        for floats in [0, 1, 1000, 1 << 20] {
            let buffer = Buffer::zeroed(floats);
            assert_eq!(buffer.pointer() as usize % 64, 0);
            // SAFETY: the buffer has so many floats.
            let values = unsafe { std::slice::from_raw_parts(buffer.pointer(), floats) };
            assert!(values.iter().all(|&x| x == 0.0));
        }
    }
}
