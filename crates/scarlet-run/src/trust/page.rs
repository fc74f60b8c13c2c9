//! The parts of a page that say what a network confuses.

use scarlet::trust::{Answer, Reliability};
use scarlet::{Architecture, Scarlet, accuracy_interval};
use scarlet_report::{
    ClassScore, Confusion, CoverageRow, MistakenImage, Mistakes, ReliabilityBin, ReliabilityCurve,
    Trust,
};
use scarlet_train::trust::{AfterSource, CoverageFigures, Evidence, Figures};

use super::pictures::Shown;

/// The most single images that a page names.
const NAMED: usize = 200;

/// Sides of maps below which they hardly tell a place.
const COARSE: usize = 3;

/// What the network confuses, on images that are called `judged_on`. `answers` are those of the
/// evidence, and `name` names an image by its index in its set.
pub fn mistakes(
    judged_on: String,
    classes: &[String],
    evidence: &Evidence,
    answers: &[Answer],
    name: impl Fn(usize) -> String,
) -> Mistakes {
    let accuracy = evidence.accuracy();
    let mut scores: Vec<ClassScore> = classes
        .iter()
        .map(|name| ClassScore {
            name: name.clone(),
            images: 0,
            right: 0,
            interval: accuracy_interval(0, 0),
        })
        .collect();
    let mut confused = Vec::new();
    for (class, score) in accuracy.classes() {
        scores[class].images = score.images;
        scores[class].right = score.first;
        scores[class].interval = score.top1_interval();
        let mistaken = accuracy.mistaken_for(class).into_iter();
        confused.extend(mistaken.map(|(taken_for, images)| Confusion {
            class,
            taken_for,
            images,
        }));
    }
    let order = surest_mistakes(answers);
    let images = order.into_iter().take(NAMED).map(|place| MistakenImage {
        name: name(evidence.images()[place]),
        class: evidence.labels()[place],
        taken_for: answers[place].class,
        probability: answers[place].confidence,
    });
    Mistakes {
        judged_on,
        classes: scores,
        images: images.collect(),
        confused,
    }
}

/// What a page's images are made of.
#[derive(Debug, Clone, Copy)]
pub struct Looks<'a> {
    /// The network that saw them, at the resolution at which it did.
    pub network: &'a Architecture,
    /// The same with its weights, to show where it looked; or why that cannot be shown.
    pub maps_of: Result<&'a Scarlet, &'a str>,
}

/// Whether the network can be trusted, for a page. `name` names an image by its index in its set, and
/// `read` gives what the network sees of the images of these indices,
/// `[images, channels, height, width]`.
///
/// # Errors
///
/// Those of `read`.
pub fn trust<E>(
    figures: &Figures,
    evidence: &Evidence,
    looks: Looks<'_>,
    name: impl Fn(usize) -> String,
    read: impl FnMut(&[usize]) -> Result<Vec<f32>, E>,
) -> Result<Trust, E> {
    let shown = Shown::choose(evidence, &figures.answers);
    let maps_of = looks.maps_of.ok();
    let (pictures, places) = shown.draw(
        evidence,
        &figures.answers,
        looks.network,
        maps_of,
        name,
        read,
    )?;
    let after = figures.after.as_ref();
    Ok(Trust {
        before: curve(&figures.before),
        after: after.map(|after| curve(&after.reliability)),
        temperature: temperature(figures),
        coverage: figures.coverage.iter().map(row).collect(),
        wanted_accuracy: figures.wanted_accuracy,
        threshold: figures.threshold.as_ref().map(row),
        pictures,
        surest_mistakes: shown.surest_mistakes,
        least_sure: shown.least_sure,
        maps: match (looks.maps_of, places) {
            (Err(reason), _) => reason.to_owned(),
            (Ok(_), Some(places)) => maps(places),
            (Ok(_), None) => String::new(),
        },
    })
}

/// What maps of this many places, in height and width, show.
fn maps([height, width]: [usize; 2]) -> String {
    let mut text = format!(
        "Next to each image is a map of where the network saw the class that it answered: the \
         brighter, the more that place speaks for it (Grad-CAM at the last feature map, which has \
         {height}×{width} \
         places). A network that looks at the background has learned the background."
    );
    if height * width < COARSE * COARSE {
        text.push_str(" So few places only show roughly on which side it looked.");
    }
    text
}

/// Where the temperature is from, and what judges it.
fn temperature(figures: &Figures) -> String {
    let Some(after) = &figures.after else {
        return "There are too few images, or they are too similar to the network, to determine \
                what its logits should be divided by."
            .to_owned();
    };
    let fitted: Vec<String> = after.temperatures.iter().map(ToString::to_string).collect();
    match (after.source, figures.temperature) {
        (AfterSource::Network, _) => format!(
            "The network’s file has a temperature of {}, which was fitted on other images than \
             these, and the network’s probabilities use it.",
            fitted.concat()
        ),
        (AfterSource::Halves, Some(own)) => format!(
            "The network’s file has a temperature of {own}, and the network’s probabilities use it. \
             But it may have been fitted on these images, which then cannot test it: so another was fitted \
             on each half of them and evaluated on the other half \
             ({}).",
            fitted.join(" and ")
        ),
        (AfterSource::Halves, None) => format!(
            "The network’s file has no temperature, and the network’s probabilities use none. One \
             was fitted on each half of the images and evaluated on the other half ({}).",
            fitted.join(" and ")
        ),
    }
}

fn curve(reliability: &Reliability) -> ReliabilityCurve {
    let bins = reliability.bins.iter().map(|bin| ReliabilityBin {
        from: bin.from,
        to: bin.to,
        images: bin.images,
        confidence: bin.confidence,
        accuracy: bin.accuracy,
    });
    ReliabilityCurve {
        bins: bins.collect(),
        calibration_error: reliability.expected_calibration_error,
        by_chance: reliability.by_chance,
    }
}

fn row(figures: &CoverageFigures) -> CoverageRow {
    CoverageRow {
        threshold: figures.point.threshold,
        answered: figures.point.answered,
        images: figures.point.images,
        accuracy: figures.accuracy,
        interval: figures.interval,
    }
}

/// The places of all wrong answers, those first that the network is surest of.
pub(super) fn surest_mistakes(answers: &[Answer]) -> Vec<usize> {
    let mut wrong: Vec<usize> = (0..answers.len())
        .filter(|&place| !answers[place].right)
        .collect();
    wrong.sort_by(|&a, &b| answers[b].confidence.total_cmp(&answers[a].confidence));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_network_confuses_is_counted_and_named() {
        let mut evidence = Evidence::new(3);
        for (image, (label, answer, logit)) in [(0, 0, 9.0), (0, 1, 1.0), (2, 1, 5.0), (2, 1, 2.0)]
            .into_iter()
            .enumerate()
        {
            let mut logits = [0.0; 3];
            logits[answer] = logit;
            evidence.record(10 * image, label, &logits);
        }
        let names = ["a", "b", "c"].map(str::to_owned);
        let answers = evidence.answers(None);
        let name = |image| format!("image {image}");
        let found = mistakes("4 images".to_owned(), &names, &evidence, &answers, name);
        let scores: Vec<_> = found
            .classes
            .iter()
            .map(|it| (it.right, it.images))
            .collect();
        assert_eq!(scores, [(1, 2), (0, 0), (0, 2)]);
        let confused: Vec<_> = found
            .confused
            .iter()
            .map(|it| (it.class, it.taken_for, it.images))
            .collect();
        assert_eq!(confused, [(0, 1, 1), (2, 1, 2)]);
        let named: Vec<&str> = found.images.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(named, ["image 20", "image 30", "image 10"]);
    }
}
