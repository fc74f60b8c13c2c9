//! The functions as C calls them.
#![allow(clippy::unwrap_used, unsafe_code)]
#![deny(clippy::undocumented_unsafe_blocks)]

use std::ffi::{CStr, CString, c_char};
use std::ptr::{null, null_mut};

use scarlet_c::*;
use scarlet_engine::{Classifier, DeployOptions, Model, ModelCard, formula};

const SIDE: usize = 40;
const CLASSES: usize = 3;

fn model() -> Model {
    let network: scarlet_engine::Architecture = "C3@8/2 E3K3s@12/2 E3K3@12 P24".parse().unwrap();
    let network = network.with_classes(CLASSES).with_resolution(SIDE);
    let names = ["rose", "lily\0hidden", "tülip"].map(str::to_owned);
    let model = Model::of(formula::weights(network)).unwrap();
    model
        .with_card(Some(ModelCard::new(names.to_vec())))
        .unwrap()
}

fn file() -> Vec<u8> {
    let mut bytes = Vec::new();
    model().write(&mut bytes).unwrap();
    bytes
}

fn reference() -> Classifier {
    Classifier::new(model(), &DeployOptions::new()).unwrap()
}

/// A classifier that is closed when it is dropped.
struct Open(*mut ScarletClassifier);

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: it was opened below and is not used again.
        unsafe { scarlet_close(self.0) };
    }
}

impl Open {
    fn new(bytes: &[u8], options: Option<ScarletOptions>) -> Result<Self, String> {
        let options = options.as_ref().map_or(null(), |it| it as *const _);
        let mut error = null_mut();
        // SAFETY: bytes, options and the place for the error are there.
        let opened =
            unsafe { scarlet_open_bytes(bytes.as_ptr(), bytes.len(), options, &mut error) };
        Self::checked(opened, error)
    }

    fn checked(opened: *mut ScarletClassifier, error: *mut c_char) -> Result<Self, String> {
        if !opened.is_null() {
            assert!(error.is_null());
            return Ok(Self(opened));
        }
        // SAFETY: a message is there, and freed once.
        unsafe {
            let message = text(error);
            scarlet_free_string(error);
            Err(message)
        }
    }

    fn run(&self, images: &[f32], logits: &mut [f32]) -> Result<(), String> {
        // SAFETY: both slices are there, and apart.
        let status = unsafe {
            scarlet_run(
                self.0,
                images.as_ptr(),
                images.len(),
                logits.as_mut_ptr(),
                logits.len(),
            )
        };
        self.result(status)
    }

    fn result(&self, status: ScarletStatus) -> Result<(), String> {
        match status {
            ScarletStatus::Ok => Ok(()),
            ScarletStatus::NoClassifier => panic!("it is not null"),
            // SAFETY: the classifier is open.
            ScarletStatus::Failed => Err(unsafe { text(scarlet_error(self.0)) }),
        }
    }
}

/// # Safety
///
/// A text that ends with a zero byte is there.
unsafe fn text(start: *const c_char) -> String {
    assert!(!start.is_null());
    // SAFETY: the caller's word.
    let text = unsafe { CStr::from_ptr(start) };
    text.to_str().unwrap().to_owned()
}

#[test]
fn logits_are_those_of_the_engine() {
    let images = formula::signal("images", &[2, 3, SIDE, SIDE]);
    let options = ScarletOptions {
        threads: 2,
        batch: 2,
        ..ScarletOptions::default()
    };
    let open = Open::new(&file(), Some(options)).unwrap();
    let mut shape = [0; 4];
    // SAFETY: the classifier is open, and four places are there.
    let status = unsafe { scarlet_input_shape(open.0, shape.as_mut_ptr()) };
    assert_eq!((status, shape), (ScarletStatus::Ok, [2, 3, SIDE, SIDE]));
    // More room than is needed.
    let mut logits = [f32::NAN; 2 * CLASSES + 1];
    open.run(&images, &mut logits).unwrap();
    let mut engine = reference();
    for (image, logits) in images.chunks(3 * SIDE * SIDE).zip(logits.chunks(CLASSES)) {
        assert_eq!(engine.run(image).unwrap(), logits);
    }
    assert!(logits[2 * CLASSES].is_nan());

    let pixels: Vec<u8> = (0..50 * 70 * 3).map(|it| (it * 7 % 256) as u8).collect();
    let mut found = [0.0; CLASSES];
    // SAFETY: the classifier is open; the pixels and the places are there.
    let status = unsafe {
        scarlet_classify_rgb(open.0, pixels.as_ptr(), 50, 70, found.as_mut_ptr(), CLASSES)
    };
    open.result(status).unwrap();
    assert_eq!(engine.classify_rgb(&pixels, [50, 70]).unwrap(), found);

    let mut shares = [0.0; CLASSES];
    // SAFETY: the classifier is open; the logits and the places are there.
    let status =
        unsafe { scarlet_probabilities(open.0, found.as_ptr(), shares.as_mut_ptr(), CLASSES) };
    open.result(status).unwrap();
    assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    for [a, b] in [[0, 1], [1, 2], [2, 0]] {
        assert_eq!(found[a] > found[b], shares[a] > shares[b]);
    }
}

#[cfg(feature = "photographs")]
#[test]
fn files_are_opened_and_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.scarlet");
    std::fs::write(&path, file()).unwrap();
    let c_path = |path: &std::path::Path| CString::new(path.to_str().unwrap()).unwrap();
    let mut error = null_mut();
    // SAFETY: the path and the place for the error are there.
    let opened = unsafe { scarlet_open(c_path(&path).as_ptr(), null(), &mut error) };
    let open = Open::checked(opened, error).unwrap();
    let photos = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/photos");
    let classify = |path: &std::path::Path, logits: &mut [f32]| {
        let path = c_path(path);
        // SAFETY: the classifier is open; the path and the places are there.
        let status = unsafe {
            scarlet_classify_file(open.0, path.as_ptr(), logits.as_mut_ptr(), logits.len())
        };
        open.result(status)
    };
    let photo = photos.join("china.jpg");
    let mut logits = [0.0; CLASSES];
    classify(&photo, &mut logits).unwrap();
    assert_eq!(reference().classify_file(&photo).unwrap(), logits);
    let message = classify(&photos.join("none.jpg"), &mut logits).unwrap_err();
    assert!(message.contains("there is nothing at"), "{message}");
    let message = classify(&path, &mut logits).unwrap_err();
    assert!(message.contains("is not an image"), "{message}");
    let message = classify(&photo, &mut logits[1..]).unwrap_err();
    assert!(message.contains("3 logits, but room for 2"), "{message}");
    // SAFETY: the classifier is open; a null pointer is no path.
    let status = unsafe { scarlet_classify_file(open.0, null(), logits.as_mut_ptr(), CLASSES) };
    let message = open.result(status).unwrap_err();
    assert!(message.contains("there is no path"), "{message}");

    // SAFETY: the path and the place for the error are there.
    let opened = unsafe { scarlet_open(c"no/such/file".as_ptr(), null(), &mut error) };
    let message = Open::checked(opened, error).err().unwrap();
    assert!(message.contains("cannot read no/such/file"), "{message}");
    error = null_mut();
    // SAFETY: a null pointer is no path; the place for the error is there.
    let opened = unsafe { scarlet_open(null(), null(), &mut error) };
    assert!(Open::checked(opened, error).is_err());
    // SAFETY: nobody wants to know why.
    assert!(unsafe { scarlet_open(null(), null(), null_mut()) }.is_null());
}

#[test]
fn classes_have_names() {
    let open = Open::new(&file(), None).unwrap();
    // SAFETY: the classifier is open.
    unsafe {
        assert_eq!(scarlet_classes(open.0), CLASSES);
        let name = |class| text(scarlet_class_name(open.0, class));
        // C's texts end with a zero byte.
        assert_eq!([name(0), name(1), name(2)], ["rose", "lily", "tülip"]);
        assert!(scarlet_class_name(open.0, CLASSES).is_null());
        assert!(scarlet_class_name(open.0, usize::MAX).is_null());
        assert_eq!(text(scarlet_error(open.0)), "");
    }
    let mut bytes = Vec::new();
    model().with_card(None).unwrap().write(&mut bytes).unwrap();
    let open = Open::new(&bytes, None).unwrap();
    // SAFETY: the classifier is open.
    assert!(unsafe { scarlet_class_name(open.0, 0) }.is_null());
}

#[test]
fn bad_input_is_an_error_with_a_message() {
    let open = Open::new(&file(), None).unwrap();
    let image = formula::signal("image", &[3, SIDE, SIDE]);
    let mut logits = [0.0; CLASSES];
    let message = open.run(&image[1..], &mut logits).unwrap_err();
    assert!(message.contains("the input has 4799 values"), "{message}");
    let message = open.run(&[], &mut logits).unwrap_err();
    assert!(message.contains("the input has 0 values"), "{message}");
    let message = open.run(&image, &mut logits[..2]).unwrap_err();
    assert!(message.contains("3 logits, but room for 2"), "{message}");
    let places = logits.as_mut_ptr();
    let from = image.as_ptr();
    let length = image.len();
    // SAFETY: what is null, unaligned or too long is refused before it is read.
    unsafe {
        let run = |from, length, to, room| open.result(scarlet_run(open.0, from, length, to, room));
        let message = run(null(), length, places, CLASSES).unwrap_err();
        assert!(message.contains("no values of images"), "{message}");
        let message = run(from, length, null_mut(), CLASSES).unwrap_err();
        assert!(message.contains("no logits"), "{message}");
        let message = run(from.byte_add(1), length - 1, places, CLASSES).unwrap_err();
        assert!(message.contains("no multiple of 4 bytes"), "{message}");
        let message = run(from, usize::MAX, places, CLASSES).unwrap_err();
        assert!(message.contains("no memory is so large"), "{message}");
        let classify = |pixels, width, height| {
            let status = scarlet_classify_rgb(open.0, pixels, width, height, places, CLASSES);
            open.result(status)
        };
        let message = classify(null(), 2, 2).unwrap_err();
        assert!(message.contains("no bytes of pixels"), "{message}");
        let message = classify(from.cast(), usize::MAX, 2).unwrap_err();
        assert!(message.contains("no memory is so large"), "{message}");
        let message = classify(from.cast(), 0, 2).unwrap_err();
        assert!(message.contains("nothing to resize"), "{message}");
        let status = scarlet_probabilities(open.0, from, places, 2);
        let message = open.result(status).unwrap_err();
        assert!(message.contains("3 classes, not 2"), "{message}");
        let status = scarlet_input_shape(open.0, null_mut());
        assert!(open.result(status).is_err());
    }
    // What failed leaves the classifier as it was.
    open.run(&image, &mut logits).unwrap();
    assert_eq!(reference().run(&image).unwrap(), logits);
}

#[test]
fn a_null_pointer_is_no_classifier() {
    let none = ScarletStatus::NoClassifier;
    // SAFETY: a null pointer is left alone.
    unsafe {
        assert_eq!(scarlet_run(null_mut(), null(), 0, null_mut(), 0), none);
        let status = scarlet_classify_rgb(null_mut(), null(), 0, 0, null_mut(), 0);
        assert_eq!(status, none);
        let status = scarlet_probabilities(null_mut(), null(), null_mut(), 0);
        assert_eq!(status, none);
        assert_eq!(scarlet_input_shape(null_mut(), null_mut()), none);
        assert_eq!(scarlet_classes(null()), 0);
        assert!(scarlet_class_name(null(), 0).is_null());
        assert!(text(scarlet_error(null())).contains("there is no classifier"));
        scarlet_close(null_mut());
        scarlet_free_string(null_mut());
    }
}

#[test]
fn bytes_of_any_kind_open_or_say_why_not() {
    let whole = file();
    for length in (0..whole.len()).step_by(397) {
        let message = Open::new(&whole[..length], None).err().unwrap();
        assert!(message.contains("the file"), "{message}");
    }
    for place in (0..whole.len()).step_by(397) {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        assert!(Open::new(&changed, None).is_err());
    }
    let options = |height, width, batch| {
        let options = ScarletOptions {
            height,
            width,
            batch,
            threads: 1,
        };
        Open::new(&whole, Some(options)).err()
    };
    assert!(options(7, 0, 1).unwrap().contains("without the other"));
    assert!(options(1 << 31, 1 << 31, 1).is_some());
    assert!(options(SIDE, SIDE, usize::MAX).is_some());
    assert_eq!(options(64, 48, 2), None);
    // SAFETY: no bytes are there, and none are read.
    let opened = unsafe { scarlet_open_bytes(null(), 9, null(), null_mut()) };
    assert!(opened.is_null());
}
