//! What a page shows of a network that gives images any number of labels.

use scarlet::{Architecture, Threshold, sigmoid};
use scarlet_report::{LabelScore, MislabelledImage};
use scarlet_train::several::{LabelEvidence, LabelFigures, wrong};

use super::pictures::{data_uri, seen};

/// The most images that a page names, and that it shows.
const NAMED: usize = 200;
const SHOWN: usize = 24;

/// How well every label is told, with the names of the classes.
pub fn label_scores(classes: &[String], figures: &LabelFigures) -> Vec<LabelScore> {
    let scores = classes.iter().zip(&figures.classes);
    let scores = scores.map(|(name, class)| LabelScore {
        name: name.clone(),
        images: class.images,
        average_precision: class.average_precision,
        threshold: class.threshold.get(),
        precision: class.precision,
        recall: class.recall,
        f1: class.f1,
    });
    scores.collect()
}

/// The images that are not given exactly their labels, those of the largest loss first. `name` names an
/// image by its index in its set, and `read` gives what the network sees of the images of these indices,
/// `[images, channels, height, width]`.
///
/// # Errors
///
/// Those of `read`.
pub fn mislabelled<E>(
    evidence: &LabelEvidence,
    thresholds: &[Threshold],
    classes: &[String],
    network: &Architecture,
    name: impl Fn(usize) -> String,
    mut read: impl FnMut(&[usize]) -> Result<Vec<f32>, E>,
) -> Result<Vec<MislabelledImage>, E> {
    let places = 0..evidence.len();
    let mut places: Vec<(usize, f64)> = places
        .filter(|&place| !wrong(evidence, thresholds, place).is_empty())
        .map(|place| (place, evidence.loss(place)))
        .collect();
    places.sort_by(|a, b| b.1.total_cmp(&a.1));
    places.truncate(NAMED);
    let images: Vec<usize> = places
        .iter()
        .map(|&(place, _)| evidence.images()[place])
        .collect();
    let shown = &images[..images.len().min(SHOWN)];
    let values = match shown {
        [] => Vec::new(),
        shown => read(shown)?,
    };
    let size = values.len() / shown.len().max(1);
    let mut pictures = values.chunks_exact(size.max(1));
    let mislabelled = places.iter().zip(images).map(|(&(place, _), image)| {
        let (logits, has) = (evidence.logits(place), evidence.labels(place));
        let wrong = wrong(evidence, thresholds, place).into_iter();
        let (missing, wrong): (Vec<usize>, Vec<usize>) =
            wrong.partition(|&class| has.contains(&(class as u32)));
        let named = |those: Vec<usize>| {
            let those = those.into_iter();
            those
                .map(|class| (classes[class].clone(), sigmoid(logits[class])))
                .collect()
        };
        let picture = pictures.next().and_then(|planes| seen(planes, network));
        MislabelledImage {
            name: name(image),
            missing: named(missing),
            wrong: named(wrong),
            image: picture.as_ref().map(data_uri),
        }
    });
    Ok(mislabelled.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_images_come_first_with_what_is_wrong() {
        let mut evidence = LabelEvidence::new(2);
        evidence.record(10, &[0], &[3.0, -3.0]);
        evidence.record(20, &[0], &[-1.0, -3.0]);
        evidence.record(30, &[1], &[4.0, -4.0]);
        let classes = ["a", "b"].map(str::to_owned);
        let mut network: Architecture = "E3K3@8/2".parse().unwrap();
        network.preprocessing.resolution = 2;
        let mut asked = Vec::new();
        let found = mislabelled(
            &evidence,
            &[Threshold::HALF; 2],
            &classes,
            &network,
            |image| format!("{image}.jpg"),
            |images| -> Result<Vec<f32>, ()> {
                asked.extend_from_slice(images);
                Ok(vec![0.5; images.len() * 3 * 4])
            },
        )
        .unwrap();
        assert_eq!(asked, [30, 20]);
        let names = |labels: &[(String, f64)]| -> Vec<String> {
            labels.iter().map(|(name, _)| name.clone()).collect()
        };
        let told: Vec<_> = found
            .iter()
            .map(|it| (it.name.as_str(), names(&it.missing), names(&it.wrong)))
            .collect();
        let own = |names: &[&str]| names.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        let expected = [
            ("30.jpg", own(&["b"]), own(&["a"])),
            ("20.jpg", own(&["a"]), own(&[])),
        ];
        assert_eq!(told, expected);
        assert!(found.iter().all(|it| it.image.is_some()));
    }
}
