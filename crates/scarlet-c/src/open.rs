//! Opening and closing classifiers.

use std::ffi::{CString, c_char};

use scarlet_engine::{Classifier, DeployOptions};

use crate::ScarletClassifier;
use crate::pointers::{c_text, caught, slice};

/// What a classifier is opened for. A zero asks for the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct ScarletOptions {
    /// Threads that share the work; as many as the machine runs at once by default. They change no bit of
    /// the result.
    pub threads: usize,
    /// The most images of one call of `scarlet_run`; 1 by default.
    pub batch: usize,
    /// Height of the images in pixels; the network's own by default. Give the width too.
    pub height: usize,
    /// Width of the images in pixels; the network's own by default. Give the height too.
    pub width: usize,
}

impl ScarletOptions {
    fn deploy(self) -> Result<DeployOptions, String> {
        let mut options = DeployOptions::new();
        if self.threads > 0 {
            options = options.with_threads(self.threads);
        }
        if self.batch > 0 {
            options = options.with_batch(self.batch);
        }
        match (self.height, self.width) {
            (0, 0) => Ok(options),
            (0, _) | (_, 0) => Err(
                "the options have a height or a width without the other: give both, or neither"
                    .to_owned(),
            ),
            (height, width) => Ok(options.with_size(height, width)),
        }
    }
}

/// The options at a pointer, those by default where it is null.
///
/// # Safety
///
/// Unless it is null, options are there.
unsafe fn options(pointer: *const ScarletOptions) -> Result<DeployOptions, String> {
    if pointer.is_null() {
        return ScarletOptions::default().deploy();
    }
    // SAFETY: the caller's word.
    unsafe { slice(pointer, 1, "options") }?[0].deploy()
}

/// Gives the caller what was opened, or the reason why nothing was.
///
/// # Safety
///
/// Unless it is null, `error` points to a place for a pointer.
unsafe fn opened(
    error: *mut *mut c_char,
    open: impl FnOnce() -> Result<Classifier, String>,
) -> *mut ScarletClassifier {
    match caught(open) {
        Ok(classifier) => Box::into_raw(Box::new(ScarletClassifier::new(classifier))),
        Err(failure) => {
            if !error.is_null() {
                let message = c_text(&failure.message()).into_raw();
                // SAFETY: not null; the rest is the caller's word. What is there may be anything.
                unsafe { error.write_unaligned(message) };
            }
            std::ptr::null_mut()
        }
    }
}

/// Opens a file: a deployed network (.scarlet), or weights that scarlet wrote (.safetensors). Returns null
/// when it cannot be opened, and then puts a message at `error`, unless that is null; free it with
/// `scarlet_free_string`. A deployed network's file is mapped into memory and must not be changed in place
/// as long as the classifier lives.
///
/// # Safety
///
/// `path` is a text that ends with a zero byte, in UTF-8 on Windows; `options` are options or null; `error`
/// points to a place for a pointer, or is null.
#[cfg(not(target_family = "wasm"))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_open(
    path: *const c_char,
    options: *const ScarletOptions,
    error: *mut *mut c_char,
) -> *mut ScarletClassifier {
    let open = || {
        // SAFETY: the caller's word.
        let (path, options) = unsafe {
            (
                crate::pointers::path(path, "path")?,
                self::options(options)?,
            )
        };
        Classifier::open(path, &options).map_err(|error| error.to_string())
    };
    // SAFETY: the caller's word.
    unsafe { opened(error, open) }
}

/// As `scarlet_open`, for the bytes of a file, wherever they come from. They are copied.
///
/// # Safety
///
/// There are `length` bytes at `bytes`; `options` and `error` are as for `scarlet_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_open_bytes(
    bytes: *const u8,
    length: usize,
    options: *const ScarletOptions,
    error: *mut *mut c_char,
) -> *mut ScarletClassifier {
    let open = || {
        // SAFETY: the caller's word.
        let (bytes, options) = unsafe { (slice(bytes, length, "bytes")?, self::options(options)?) };
        Classifier::from_bytes(bytes, "the file", &options).map_err(|error| error.to_string())
    };
    // SAFETY: the caller's word.
    unsafe { opened(error, open) }
}

/// Closes a classifier and gives back its memory. Null is left alone.
///
/// # Safety
///
/// The classifier is one that was opened here and not closed, nobody uses it now or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_close(classifier: *mut ScarletClassifier) {
    if !classifier.is_null() {
        // SAFETY: it was made by `Box::into_raw`, and is not used again.
        drop(unsafe { Box::from_raw(classifier) });
    }
}

/// Frees a message that `scarlet_open` or `scarlet_open_bytes` gave. Null is left alone.
///
/// # Safety
///
/// The text is such a message, and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_free_string(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: it was made by `CString::into_raw`, and is not used again.
        drop(unsafe { CString::from_raw(text) });
    }
}
