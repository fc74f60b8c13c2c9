//! Memory of WebAssembly that JavaScript puts its bytes and numbers into.

use std::alloc::{Layout, alloc, dealloc};

/// Of what is passed, aligned for any of it.
const ALIGNMENT: usize = 16;

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.max(1), ALIGNMENT).ok()
}

/// So many bytes, whose content is anything; null where there are not as many. Give them back with
/// `scarlet_release`.
#[unsafe(no_mangle)]
pub extern "C" fn scarlet_allocate(bytes: usize) -> *mut u8 {
    match layout(bytes) {
        // SAFETY: the layout has at least one byte.
        Some(layout) => unsafe { alloc(layout) },
        None => std::ptr::null_mut(),
    }
}

/// Gives back what `scarlet_allocate` gave for so many bytes. Null is left alone.
///
/// # Safety
///
/// It is such memory, for as many bytes, and not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_release(start: *mut u8, bytes: usize) {
    if let (false, Some(layout)) = (start.is_null(), layout(bytes)) {
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(start, layout) };
    }
}
