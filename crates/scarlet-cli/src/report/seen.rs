//! What networks see of the images, and what would suit these better.

use std::path::Path;

use scarlet_data::dataset::{Extent, ImageSize};

use super::number::thousands;
use super::search::duration;

/// What images are before networks see them: photographs, or images of one size.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Originals {
    pub(crate) photographs: Option<Extent>,
    pub(crate) images: Option<ImageSize>,
}

/// How large networks see the images, and how large these are.
pub(crate) fn seen(resolution: usize, originals: &Originals) -> String {
    let seen = format!("networks see {resolution}×{resolution} pixels");
    match originals {
        Originals {
            photographs: Some(it),
            ..
        } => format!("{seen}; photographs are about {}×{}", it.width, it.height),
        Originals {
            images: Some(it), ..
        } => format!("{seen}; images are {}×{}", it.width, it.height),
        _ => seen,
    }
}

/// A way round showing images larger to no use, if they are. `seconds` is how long the run would
/// take as it is, where that is known.
pub(crate) fn needless_enlarging(
    resolution: usize,
    originals: &Originals,
    seconds: Option<f64>,
) -> Option<String> {
    let photographs = originals.photographs.as_ref();
    let images = originals.images.as_ref();
    let smaller = match (photographs, images) {
        (Some(photographs), _) => photographs.instead_of(resolution),
        (None, Some(images)) => images.instead_of(resolution),
        (None, None) => None,
    }?;
    // Nearly all the work grows with the pixels.
    let share = (smaller as f64 / resolution as f64).powi(2);
    let takes = match seconds {
        Some(seconds) => format!(
            "about {} instead of {}",
            duration(seconds * share),
            duration(seconds)
        ),
        None => format!("about {:.0} % of the time", share * 100.0),
    };
    let what = match (photographs, images) {
        (Some(photographs), _) => format!(
            "photographs are enlarged {:.0} times to {resolution} pixels",
            resolution as f64 / photographs.shorter_side() as f64
        ),
        (None, Some(images)) => format!(
            "of the {resolution}×{resolution} pixels that networks see, images of {}×{} fill {:.0} % \
             and the rest is black",
            images.width,
            images.height,
            100.0 * (images.width * images.height) as f64 / (resolution as f64).powi(2)
        ),
        (None, None) => return None,
    };
    Some(format!(
        "{what}, which adds no information: --resolution {smaller} takes {takes}"
    ))
}

/// The command that trains a public network further on these photographs, where that is likely to
/// come to more than training from scratch.
pub(crate) fn better_road(source: &str, photographs: Option<&Extent>) -> Option<String> {
    let photographs = photographs.filter(|photographs| photographs.suits_public_network())?;
    Some(format!(
        "with {count} photographs in colour to train on, a public network that is trained further is \
         usually more accurate, and sooner:\n  scarlet finetune --data {0}\nA smaller one is searched \
         for among its parts:\n  scarlet search --data {0} --from efficientnet-lite0",
        quoted(Path::new(source)),
        count = thousands(photographs.count as u64),
    ))
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn originals(side: usize) -> Originals {
        Originals {
            photographs: Some(photographs(9, side)),
            images: None,
        }
    }

    fn images() -> Originals {
        Originals {
            photographs: None,
            images: Some(ImageSize {
                height: 28,
                width: 28,
                fits: 32,
            }),
        }
    }

    fn photographs(count: usize, side: usize) -> Extent {
        Extent {
            count,
            width: side + 1,
            height: side,
            coloured: true,
        }
    }

    #[test]
    fn networks_see_what_is_said() {
        assert_eq!(
            seen(128, &originals(375)),
            "networks see 128×128 pixels; photographs are about 376×375"
        );
        assert_eq!(
            seen(32, &images()),
            "networks see 32×32 pixels; images are 28×28"
        );
        assert_eq!(seen(32, &Originals::default()), "networks see 32×32 pixels");
    }

    #[test]
    fn enlarging_has_a_price() {
        let small = originals(32);
        let text = |seconds| needless_enlarging(224, &small, seconds).unwrap();
        assert_eq!(
            text(Some(12.0 * 60.0 * 12.25)),
            "photographs are enlarged 7 times to 224 pixels, which adds no \
             information: --resolution 64 takes about 12 minutes instead of 2 h 27 min"
        );
        assert!(text(None).ends_with("--resolution 64 takes about 8 % of the time"));
        assert_eq!(needless_enlarging(64, &small, None), None);
        assert_eq!(needless_enlarging(224, &Originals::default(), None), None);
    }

    #[test]
    fn black_around_images_has_a_price_too() {
        assert_eq!(
            needless_enlarging(224, &images(), None).unwrap(),
            "of the 224×224 pixels that networks see, images of 28×28 fill 2 % and the rest is \
             black, which adds no information: --resolution 32 takes about 2 % of the time"
        );
        assert_eq!(needless_enlarging(32, &images(), None), None);
    }

    #[test]
    fn few_photographs_have_a_better_road() {
        let few = photographs(2_000, 300);
        let text = better_road("my photos/it's", Some(&few)).unwrap();
        assert!(text.contains("with 2,000 photographs"), "{text}");
        assert!(
            text.contains("scarlet finetune --data 'my photos/it'\\''s'\n"),
            "{text}"
        );
        assert!(
            better_road("flowers/", Some(&few))
                .unwrap()
                .ends_with("--data flowers/ --from efficientnet-lite0")
        );
        assert_eq!(
            better_road("flowers/", Some(&photographs(50_000, 300))),
            None
        );
        assert_eq!(better_road("flowers/", None), None);
        let grey = Extent {
            coloured: false,
            ..few
        };
        assert_eq!(better_road("flowers/", Some(&grey)), None);
    }
}
