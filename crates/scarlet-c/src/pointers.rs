//! What C passes, as Rust takes it.

use std::ffi::CString;
#[cfg(not(target_family = "wasm"))]
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The values at a pointer; none where there are to be none.
///
/// # Errors
///
/// When the pointer is null or not aligned, or there cannot be so many.
///
/// # Safety
///
/// There are `length` values at `start`, unless it is null, and nobody writes to them while they are used.
pub(crate) unsafe fn slice<'a, T>(
    start: *const T,
    length: usize,
    what: &str,
) -> Result<&'a [T], String> {
    check(start, length, what)?;
    if length == 0 {
        return Ok(&[]);
    }
    // SAFETY: neither null nor unaligned, of a length that can be; the rest is the caller's word.
    Ok(unsafe { std::slice::from_raw_parts(start, length) })
}

/// Copies values to a place with room for `room` of them, which may hold anything before.
///
/// # Errors
///
/// When there is less room than there are values, the pointer is null or not aligned, or there cannot be so
/// much room.
///
/// # Safety
///
/// There is such a place at `start`, unless it is null, and `values` are not in it.
pub(crate) unsafe fn copy<T: Copy>(
    values: &[T],
    start: *mut T,
    room: usize,
    what: &str,
) -> Result<(), String> {
    check(start, room, what)?;
    if values.len() > room {
        let count = values.len();
        return Err(format!(
            "there are {count} {what}, but room for {room}: give room for all"
        ));
    }
    if !values.is_empty() {
        // SAFETY: neither null nor unaligned, with room for all; the rest is the caller's word.
        unsafe { start.copy_from_nonoverlapping(values.as_ptr(), values.len()) };
    }
    Ok(())
}

fn check<T>(start: *const T, length: usize, what: &str) -> Result<(), String> {
    if length == 0 {
        return Ok(());
    }
    if start.is_null() {
        return Err(format!("there are no {what}: the pointer to them is null"));
    }
    if !start.is_aligned() {
        let bytes = align_of::<T>();
        return Err(format!(
            "the pointer to the {what} is no multiple of {bytes} bytes"
        ));
    }
    match length.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(format!(
            "there cannot be {length} {what}: no memory is so large"
        )),
    }
}

/// The text at a pointer.
///
/// # Errors
///
/// When the pointer is null.
///
/// # Safety
///
/// Unless it is null, a text that ends with a zero byte is there, which nobody changes while it is used.
#[cfg(not(target_family = "wasm"))]
pub(crate) unsafe fn path<'a>(
    start: *const c_char,
    what: &str,
) -> Result<&'a std::path::Path, String> {
    if start.is_null() {
        return Err(format!("there is no {what}: the pointer to it is null"));
    }
    // SAFETY: not null; the rest is the caller's word.
    let text = unsafe { CStr::from_ptr(start) };
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;

        Ok(std::ffi::OsStr::from_bytes(text.to_bytes()).as_ref())
    }
    #[cfg(not(unix))]
    {
        let text = text
            .to_str()
            .map_err(|_| format!("the {what} is no text in UTF-8"))?;
        Ok(text.as_ref())
    }
}

/// A text as C reads it: up to the first zero byte, which messages and names of classes do not have.
pub(crate) fn c_text(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

/// What `work` comes to, a panic being an error.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(Failure::Refused),
        Err(_) => Err(Failure::Panicked),
    }
}

/// Why a call came to nothing.
pub(crate) enum Failure {
    Refused(String),
    Panicked,
}

impl Failure {
    pub(crate) fn message(self) -> String {
        match self {
            Self::Refused(message) => message,
            Self::Panicked => {
                "the program failed unexpectedly, which is a bug: please report it, with the file"
                    .to_owned()
            }
        }
    }
}
