//! The sections that say whether a network can be trusted.

use super::reliability::picture;
use super::tables::{number, table};
use crate::picture::escaped;
use crate::{CoverageRow, Mistakes, Picture, ReliabilityCurve, Trust};

/// By how much an interval may reach below the accuracy that is wanted before that is said.
const DOUBTFUL: f64 = 0.05;

/// Whether it is right as often as it says.
pub(super) fn calibration(trust: &Trust) -> String {
    let (before, after) = (&trust.before, trust.after.as_ref());
    let then = match after {
        Some(after) => format!(
            " Divided by a temperature, it is <b>{}</b>.",
            points(after.calibration_error)
        ),
        None => String::new(),
    };
    let key = match after {
        Some(_) => {
            "<p class=\"toolbar\"><span class=\"key\"><i class=\"hollow\" \
             style=\"border-color:var(--scarlet)\"></i>as it is trained</span>\
             <span class=\"key\"><i style=\"background:var(--blue)\"></i>with the temperature</span>\
             <span class=\"key\">the larger a dot, the more images</span></p>\n"
        }
        None => "",
    };
    format!(
        "<section>\n<h2>Is it right as often as it claims?</h2>\n\
         <p>Of the images that a network is 90 % sure of, it should be right about 90 %: its dots \
         should lie on the dashed line. Below the line, it is overconfident; above it, underconfident. On \
         average over all images the difference is <b>{}</b> (expected calibration error, {} \
         bins).{then} On this many images, chance alone would show about {} for a network that is right \
         exactly as often as it claims.</p>\n<p>{}</p>\n{key}<div class=\"columns\"><figure>{}</figure>\n\
         {}</div></section>\n",
        points(before.calibration_error),
        before.bins.len(),
        points(after.unwrap_or(before).by_chance),
        escaped(&trust.temperature),
        picture(before, after),
        bins(before, after),
    )
}

/// The bins of one or both curves that have images.
fn bins(before: &ReliabilityCurve, after: Option<&ReliabilityCurve>) -> String {
    let curves: Vec<(&str, &ReliabilityCurve)> = match after {
        Some(after) => vec![
            ("As it is trained", before),
            ("With the temperature", after),
        ],
        None => vec![("", before)],
    };
    let columns = ["Says (%)", "Images", "Mean (%)", "Is right (%)"].map(number);
    let tables: Vec<String> = curves
        .into_iter()
        .map(|(name, curve)| {
            let seen = curve.bins.iter().filter(|bin| bin.images > 0);
            let rows = seen.map(|bin| {
                let share = |share: Option<f64>| share.map(tenths).unwrap_or_default();
                let cells = vec![
                    format!("{} to {}", tenths(bin.from), tenths(bin.to)),
                    bin.images.to_string(),
                    share(bin.confidence),
                    share(bin.accuracy),
                ];
                ("", cells)
            });
            let heading = match name {
                "" => String::new(),
                name => format!("<h3>{name}</h3>"),
            };
            format!("{heading}{}", table(&columns, rows))
        })
        .collect();
    format!("<div>{}</div>", tables.concat())
}

/// When it should keep silent.
pub(super) fn coverage(trust: &Trust) -> String {
    let wanted = percent(trust.wanted_accuracy);
    let said = match &trust.threshold {
        Some(row) if row.threshold == 0.0 => format!(
            "Without any threshold {} of its answers are right, so that none is needed to reach \
             {wanted} %.",
            share(row)
        ),
        Some(row) => format!(
            "With <code>--threshold {}</code>, <code>scarlet predict</code> answers {} % of these \
             images and “none of these” for the others, and {} of its answers are right. No smaller \
             threshold reaches {wanted} %. It was chosen on these images, so on others expect \
             the lower end of the interval rather than the upper.{}",
            row.threshold,
            percent(row.coverage()),
            share(row),
            match row.interval[0] < trust.wanted_accuracy - DOUBTFUL {
                true => " So few answers say little about others.",
                false => "",
            }
        ),
        None => format!("No threshold leaves answers of which {wanted} % are right."),
    };
    let columns = [
        "Threshold",
        "Answered",
        "Of all (%)",
        "Right (%)",
        "95 % interval",
    ]
    .map(number);
    let rows = trust
        .coverage
        .iter()
        .chain((trust.threshold.iter()).filter(|it| it.threshold > 0.0));
    let mut rows: Vec<&CoverageRow> = rows.collect();
    rows.sort_by(|a, b| a.threshold.total_cmp(&b.threshold));
    let rows = rows.into_iter().map(|row| {
        let is_chosen = row.threshold > 0.0 && Some(row) == trust.threshold.as_ref();
        let [low, high] = row.interval;
        let interval = row
            .accuracy
            .map(|_| format!("{} to {}", tenths(low), tenths(high)));
        let cells = vec![
            row.threshold.to_string(),
            row.answered.to_string(),
            tenths(row.coverage()),
            row.accuracy.map(tenths).unwrap_or_default(),
            interval.unwrap_or_default(),
        ];
        (if is_chosen { "chosen" } else { "" }, cells)
    });
    format!(
        "<section>\n<h2>When should it abstain?</h2>\n<p>{said}</p>\n{}\
         <p class=\"note\">A threshold is the probability of the most probable class below which \
         there is no answer. An image of none of the classes may still be answered: the network has \
         never seen one.</p>\n</section>\n",
        table(&columns, rows)
    )
}

/// The images that are worth looking at.
pub(super) fn pictures(trust: &Trust, mistakes: &Mistakes) -> String {
    if trust.pictures.is_empty() {
        return String::new();
    }
    let note = escaped(&trust.maps);
    let gallery = |heading: &str, chosen: &[usize]| match chosen {
        [] => String::new(),
        _ => format!(
            "<h3>{heading}</h3>\n<div class=\"gallery\">{}</div>\n",
            chosen
                .iter()
                .map(|&place| figure(place, &trust.pictures[place], mistakes))
                .collect::<String>()
        ),
    };
    let shown =
        |place: &usize| trust.surest_mistakes.contains(place) || trust.least_sure.contains(place);
    let rest: Vec<usize> = (0..trust.pictures.len()).filter(|it| !shown(it)).collect();
    let more = match rest.as_slice() {
        [] => String::new(),
        rest => format!(
            "<details><summary>{} more, of what it confuses and what it gets \
             right</summary>{}</details>\n",
            rest.len(),
            gallery("", rest)
        ),
    };
    format!(
        "<section>\n<h2>Images to look at</h2>\n<p>Images are as the network sees them. {note}</p>\n\
         {}{}{more}</section>\n",
        gallery("The most confident mistakes", &trust.surest_mistakes),
        gallery("The least certain answers", &trust.least_sure),
    )
    .replace("<h3></h3>\n", "")
}

fn figure(place: usize, picture: &Picture, mistakes: &Mistakes) -> String {
    let class = escaped(&mistakes.classes[picture.class].name);
    let answer = escaped(&mistakes.classes[picture.answer].name);
    let said = match picture.class == picture.answer {
        true => format!("<b>{class}</b>, right"),
        false => format!("<b>{class}</b>, taken for <b>{answer}</b>"),
    };
    let name = escaped(&picture.name);
    let map = match &picture.map {
        Some(map) => format!(
            "<img alt=\"where it saw {answer}\" src=\"{}\">",
            escaped(map)
        ),
        None => String::new(),
    };
    format!(
        "<figure><div class=\"pair\"><img data-picture=\"{place}\" alt=\"{name}\" src=\"{}\">{map}\
         </div><figcaption>{said}, {} % sure<br><span class=\"mono\">{name}</span></figcaption>\
         </figure>\n",
        escaped(&picture.image),
        percent(picture.probability),
    )
}

/// For the heading: what the figures of this page amount to.
pub(super) fn figures(trust: &Trust) -> Vec<(String, String)> {
    let before = &trust.before;
    let error = match &trust.after {
        Some(after) => (
            points(after.calibration_error),
            format!(
                "calibration error with a temperature, {} without, {} by chance alone",
                points(before.calibration_error),
                points(after.by_chance)
            ),
        ),
        None => (
            points(before.calibration_error),
            format!(
                "calibration error, {} by chance alone",
                points(before.by_chance)
            ),
        ),
    };
    let threshold = trust.threshold.as_ref().map(|row| {
        (
            format!("{} %", percent(row.coverage())),
            format!(
                "of the images answered at a threshold of {}, {} % of them correctly",
                row.threshold,
                percent(trust.wanted_accuracy)
            ),
        )
    });
    [error].into_iter().chain(threshold).collect()
}

/// The share of answers that are right, with its interval.
fn share(row: &CoverageRow) -> String {
    let [low, high] = row.interval;
    format!(
        "{} % (95 % interval {} to {} %)",
        row.accuracy.map(percent).unwrap_or_default(),
        percent(low),
        percent(high)
    )
}

/// As tables have it.
fn tenths(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// As sentences have it.
fn percent(share: f64) -> String {
    let text = tenths(share);
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

fn points(share: f64) -> String {
    format!("{:.1} points", 100.0 * share)
}
