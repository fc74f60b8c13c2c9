//! What an open classifier does and says.

use std::ffi::{CString, c_char};

use scarlet_engine::{Classifier, ClassifierError};

use crate::pointers::{Failure, c_text, caught, copy, slice};

/// An open network. It is used by one thread at a time.
#[derive(Debug)]
pub struct ScarletClassifier {
    classifier: Classifier,
    names: Vec<CString>,
    /// Of the last call that failed.
    error: CString,
    /// Whether a call panicked, so that what it left behind cannot be relied on.
    broken: bool,
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum ScarletStatus {
    /// All is well.
    Ok = 0,
    /// It came to nothing, for the reason that `scarlet_error` tells.
    Failed = 1,
    /// The pointer to the classifier is null.
    NoClassifier = 2,
}

impl ScarletClassifier {
    pub(crate) fn new(classifier: Classifier) -> Self {
        let card = classifier.card();
        let names = card.map(|card| card.classes.iter().map(|name| c_text(name)).collect());
        Self {
            names: names.unwrap_or_default(),
            error: CString::default(),
            broken: false,
            classifier,
        }
    }
}

/// What `work` does with a classifier, as a status and the classifier's message.
///
/// # Safety
///
/// The classifier is null, or one that was opened here, not closed, and that nobody else uses meanwhile.
unsafe fn with(
    classifier: *mut ScarletClassifier,
    work: impl FnOnce(&mut ScarletClassifier) -> Result<(), String>,
) -> ScarletStatus {
    // SAFETY: the caller's word.
    let Some(classifier) = (unsafe { classifier.as_mut() }) else {
        return ScarletStatus::NoClassifier;
    };
    let done = match classifier.broken {
        true => Err(Failure::Panicked),
        false => caught(|| work(classifier)),
    };
    match done {
        Ok(()) => ScarletStatus::Ok,
        Err(failure) => {
            classifier.broken |= matches!(failure, Failure::Panicked);
            classifier.error = c_text(&failure.message());
            ScarletStatus::Failed
        }
    }
}

fn text(error: ClassifierError) -> String {
    error.to_string()
}

/// Logits `[n, classes]` of images `[n, channels, height, width]`, both row by row; `n` is at most the
/// batch that the classifier was opened for. `images_length` is the number of all their values.
/// `logits_length` is the number of places at `logits`, of which the first are filled.
///
/// # Safety
///
/// The classifier is null, or was opened here and not closed, and no other thread uses it meanwhile. There
/// are as many values at both pointers as their lengths say, and they do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_run(
    classifier: *mut ScarletClassifier,
    images: *const f32,
    images_length: usize,
    logits: *mut f32,
    logits_length: usize,
) -> ScarletStatus {
    // SAFETY: the caller's word, here and within.
    unsafe {
        with(classifier, |classifier| {
            let images = slice(images, images_length, "values of images")?;
            let found = classifier.classifier.run(images).map_err(text)?;
            copy(found, logits, logits_length, "logits")
        })
    }
}

/// Logits `[classes]` of an image of any size: `width` · `height` pixels of red, green and blue, row by row
/// from the top. It is resized, cropped and normalised as the network wants it.
///
/// # Safety
///
/// As for `scarlet_run`; there are 3 · `width` · `height` bytes at `rgb`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_classify_rgb(
    classifier: *mut ScarletClassifier,
    rgb: *const u8,
    width: usize,
    height: usize,
    logits: *mut f32,
    logits_length: usize,
) -> ScarletStatus {
    // SAFETY: the caller's word, here and within.
    unsafe {
        with(classifier, |classifier| {
            let bytes = width
                .checked_mul(height)
                .and_then(|pixels| pixels.checked_mul(3));
            let pixels = slice(rgb, bytes.unwrap_or(usize::MAX), "bytes of pixels")?;
            let network = &mut classifier.classifier;
            let found = network
                .classify_rgb(pixels, [width, height])
                .map_err(text)?;
            copy(found, logits, logits_length, "logits")
        })
    }
}

/// Logits `[classes]` of a photograph's file, JPEG, PNG, WebP, BMP, GIF or TIFF, prepared as the network
/// wants it.
///
/// # Safety
///
/// As for `scarlet_run`; `path` is a text that ends with a zero byte, in UTF-8 on Windows.
#[cfg(all(feature = "photographs", not(target_family = "wasm")))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_classify_file(
    classifier: *mut ScarletClassifier,
    path: *const c_char,
    logits: *mut f32,
    logits_length: usize,
) -> ScarletStatus {
    // SAFETY: the caller's word, here and within.
    unsafe {
        with(classifier, |classifier| {
            let path = crate::pointers::path(path, "path")?;
            let found = classifier.classifier.classify_file(path).map_err(text)?;
            copy(found, logits, logits_length, "logits")
        })
    }
}

/// The probabilities of the classes, from an image's logits: their softmax, by the temperature in the
/// network's card if it has one; or, where the card says that images have any number of labels, of each
/// class by itself. `length` is the number of classes, at both pointers.
///
/// # Safety
///
/// As for `scarlet_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_probabilities(
    classifier: *mut ScarletClassifier,
    logits: *const f32,
    probabilities: *mut f32,
    length: usize,
) -> ScarletStatus {
    // SAFETY: the caller's word, here and within.
    unsafe {
        with(classifier, |classifier| {
            let network = &classifier.classifier;
            if length != network.classes() {
                let expected = network.classes();
                return Err(format!(
                    "there are {expected} classes, not {length}: give the logits of one image"
                ));
            }
            let logits = slice(logits, length, "logits")?;
            let found = network.probabilities(logits);
            copy(&found, probabilities, length, "probabilities")
        })
    }
}

/// The shape of the images of `scarlet_run`: writes batch, channels, height and width to the four places at
/// `shape`.
///
/// # Safety
///
/// As for `scarlet_run`; there is room for four numbers at `shape`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_input_shape(
    classifier: *mut ScarletClassifier,
    shape: *mut usize,
) -> ScarletStatus {
    // SAFETY: the caller's word, here and within.
    unsafe {
        with(classifier, |classifier| {
            let network = &classifier.classifier;
            let (height, width) = network.size();
            let channels = network.architecture().input_channels;
            let found = [network.batch(), channels, height, width];
            copy(&found, shape, found.len(), "numbers of the shape")
        })
    }
}

/// How many classes there are; 0 where the classifier is null.
///
/// # Safety
///
/// The classifier is null, or was opened here and not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_classes(classifier: *const ScarletClassifier) -> usize {
    // SAFETY: the caller's word.
    let classifier = unsafe { classifier.as_ref() };
    classifier.map_or(0, |classifier| classifier.classifier.classes())
}

/// What a class is called, in UTF-8, as long as the classifier is open; null where nobody knows, or there
/// is no such class.
///
/// # Safety
///
/// The classifier is null, or was opened here and not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_class_name(
    classifier: *const ScarletClassifier,
    class: usize,
) -> *const c_char {
    // SAFETY: the caller's word.
    let classifier = unsafe { classifier.as_ref() };
    let name = classifier.and_then(|classifier| classifier.names.get(class));
    name.map_or(std::ptr::null(), |name| name.as_ptr())
}

/// Why the last call with this classifier that failed did so, in UTF-8, until the next one fails; empty
/// before the first does.
///
/// # Safety
///
/// The classifier is null, or was opened here and not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scarlet_error(classifier: *const ScarletClassifier) -> *const c_char {
    // SAFETY: the caller's word.
    match unsafe { classifier.as_ref() } {
        Some(classifier) => classifier.error.as_ptr(),
        None => c"there is no classifier: the pointer to it is null".as_ptr(),
    }
}
