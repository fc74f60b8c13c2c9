//! How often a network is right, by how sure it is, as a picture that needs no script.

use crate::ReliabilityCurve;

/// Sides of the picture and of what is drawn in it.
const SIDE: f64 = 380.0;
const LEFT: f64 = 46.0;
const BOTTOM: f64 = 44.0;
const MARGIN: f64 = 12.0;

fn across(share: f64) -> f64 {
    LEFT + share * (SIDE - LEFT - MARGIN)
}

fn up(share: f64) -> f64 {
    SIDE - BOTTOM - share * (SIDE - BOTTOM - MARGIN)
}

/// Both curves over the diagonal on which a network is that is right as often as it says.
pub(super) fn picture(before: &ReliabilityCurve, after: Option<&ReliabilityCurve>) -> String {
    let mut picture = format!(
        "<svg class=\"reliability\" viewBox=\"0 0 {SIDE} {SIDE}\" role=\"img\" \
         aria-label=\"How often the network is right, over how sure it is; the table below has the \
         figures\">\n"
    );
    for tenth in [0, 2, 4, 6, 8, 10] {
        let share = f64::from(tenth) / 10.0;
        let (x, y) = (across(share), up(share));
        picture.push_str(&format!(
            "<path d=\"M{:.1} {y:.1}H{:.1}\" stroke=\"var(--grid)\"/>\
             <text class=\"muted\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\" text-anchor=\"end\">{}</text>\
             <text class=\"muted\" x=\"{x:.1}\" y=\"{:.1}\" font-size=\"12\" text-anchor=\"middle\">{}</text>\n",
            LEFT,
            SIDE - MARGIN,
            LEFT - 7.0,
            y + 4.0,
            tenth * 10,
            SIDE - BOTTOM + 18.0,
            tenth * 10,
        ));
    }
    picture.push_str(&format!(
        "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"var(--dot)\" stroke-dasharray=\"5 4\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\" text-anchor=\"middle\">says (%)</text>\
         <text x=\"12\" y=\"{:.1}\" font-size=\"12\" text-anchor=\"middle\" \
         transform=\"rotate(-90 12 {:.1})\">is right (%)</text>\n",
        across(0.0),
        up(0.0),
        across(1.0),
        up(1.0),
        across(0.5),
        SIDE - 6.0,
        up(0.5),
        up(0.5),
    ));
    picture.push_str(&curve(before, "var(--scarlet)", false));
    if let Some(after) = after {
        picture.push_str(&curve(after, "var(--blue)", true));
    }
    picture.push_str("</svg>\n");
    picture
}

/// A dot for each bin with images, the larger, the more there are.
fn curve(curve: &ReliabilityCurve, ink: &str, is_filled: bool) -> String {
    let most = curve.bins.iter().map(|bin| bin.images).max().unwrap_or(1);
    let dots = curve.bins.iter().filter_map(|bin| {
        let share = bin.images as f64 / most.max(1) as f64;
        Some((
            across(bin.confidence?),
            up(bin.accuracy?),
            2.5 + 5.0 * share.sqrt(),
        ))
    });
    let dots: Vec<_> = dots.collect();
    let line: Vec<String> = dots
        .iter()
        .map(|(x, y, _)| format!("{x:.1} {y:.1}"))
        .collect();
    let mut drawn = match line.is_empty() {
        true => String::new(),
        false => format!(
            "<path d=\"M{}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"1.5\" \
             stroke-opacity=\"0.7\"/>",
            line.join("L")
        ),
    };
    for (x, y, radius) in dots {
        let fill = if is_filled { ink } else { "var(--paper)" };
        drawn.push_str(&format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{fill}\" \
             stroke=\"{ink}\" stroke-width=\"2\"/>"
        ));
    }
    drawn.push('\n');
    drawn
}
