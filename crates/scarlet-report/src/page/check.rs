//! [`check_html`]: what is wrong with a data set as a page.

use super::{document, header, tables};
use crate::picture::escaped;
use crate::{DataCheck, Finding, PictureGroup, ShownPicture};

const STYLE: &str = include_str!("../../assets/check.css");

/// What was found as one HTML page that needs no other file, no network and no scripts: the worst
/// first, with small pictures and the paths to be copied, and how many images each class has. It can
/// be read on narrow screens, and in light or dark colours.
///
/// Thumbnails that are no `data:` addresses of pictures are left out.
pub fn check_html(check: &DataCheck) -> String {
    let figures = check.figures.iter();
    let figures: Vec<_> = figures
        .map(|figure| (figure.value.clone(), figure.name.clone()))
        .collect();
    let mut body = header("Data check", &check.title, &check.lead, &figures);
    body.push_str("\n<main>\n");
    let (spoiling, others): (Vec<&Finding>, Vec<&Finding>) =
        check.findings.iter().partition(|it| it.spoils);
    for (heading, findings) in [
        ("Spoils training or evaluation", spoiling),
        ("Worth a look", others),
    ] {
        if !findings.is_empty() {
            let findings: String = findings.into_iter().map(finding).collect();
            body.push_str(&format!(
                "<section>\n<h2>{heading}</h2>\n{findings}</section>\n"
            ));
        }
    }
    body.push_str(&format!(
        "<section class=\"columns\">\n<div><h2>Classes</h2>{}</div>\n\
         <div><h2>Data</h2>{}</div>\n</section>\n</main>",
        tables::class_images(&check.parts, &check.classes),
        tables::facts(&check.facts)
    ));
    document(&check.title, &[super::STYLE, STYLE], &body, "", "")
}

fn finding(finding: &Finding) -> String {
    let class = match finding.spoils {
        true => "finding spoils",
        false => "finding",
    };
    let sentences: String = finding
        .sentences
        .iter()
        .map(|sentence| format!("<li>{}</li>\n", escaped(sentence)))
        .collect();
    let sentences = match sentences.is_empty() {
        true => sentences,
        false => format!("<ul>\n{sentences}</ul>\n"),
    };
    let groups: String = finding.groups.iter().map(group).collect();
    let groups = match groups.is_empty() {
        true => groups,
        // Those of a single group may fill the width.
        false => match finding.groups.len() {
            1 => format!("<div class=\"groups single\">\n{groups}</div>\n"),
            _ => format!("<div class=\"groups\">\n{groups}</div>\n"),
        },
    };
    let more = match finding.more {
        0 => String::new(),
        more => format!("<p class=\"note\">and {more} more, which are in the list below</p>\n"),
    };
    format!(
        "<article class=\"{class}\">\n<h3>{}</h3>\n<p>{}</p>\n{sentences}{groups}{more}{}</article>\n",
        escaped(&finding.heading),
        escaped(&finding.meaning),
        paths(&finding.paths)
    )
}

fn group(group: &PictureGroup) -> String {
    let note = match group.note.is_empty() {
        true => String::new(),
        false => format!("<p class=\"note\">{}</p>\n", escaped(&group.note)),
    };
    let more = match group.more {
        0 => String::new(),
        more => format!("<p class=\"note\">and {more} more of the same</p>\n"),
    };
    let pictures: String = group.pictures.iter().map(picture).collect();
    format!(
        "<div class=\"group\">\n{note}<div class=\"pictures\">\n{pictures}</div>\n{more}</div>\n"
    )
}

fn picture(picture: &ShownPicture) -> String {
    let is_picture = |it: &&String| it.starts_with("data:image/");
    let thumbnail = match picture.thumbnail.as_ref().filter(is_picture) {
        Some(address) => format!(
            "<img src=\"{}\" alt=\"\" loading=\"lazy\">",
            escaped(address)
        ),
        None => "<span class=\"no-picture\">no picture</span>".to_owned(),
    };
    let note = match picture.note.is_empty() {
        true => String::new(),
        // A percentage stays on one line.
        false => format!("<b>{}</b>", escaped(&picture.note.replace(" %", "\u{a0}%"))),
    };
    format!(
        "<figure>{thumbnail}<figcaption>{note}<span>{}</span></figcaption></figure>\n",
        escaped(&picture.path)
    )
}

/// A list that one click selects whole.
fn paths(paths: &[String]) -> String {
    if paths.is_empty() {
        return String::new();
    }
    let lines = paths.join("\n");
    let what = match paths.len() {
        1 => "The file".to_owned(),
        count => format!("The {count} files"),
    };
    format!(
        "<details><summary>{what}, to be copied</summary>\n<pre class=\"paths\">{}</pre></details>\n",
        escaped(&lines)
    )
}
