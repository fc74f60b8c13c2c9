//! Curves of several kinds, a colour for each.

use plotters::element::{PathElement, Text};
use plotters::prelude::{ChartBuilder, Color, LineSeries};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::ReportError;
use crate::front::{decimals, padded};
use crate::picture::{self, BLUE, Ink, MUTED, SCARLET, TEXT, drawing_error, px, text, text_width};

/// A curve among others.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What it stands for; curves of one kind share their colour and their place in the legend.
    pub kind: String,
    /// Horizontal and vertical place, in the units that are shown.
    pub points: Vec<(f64, f64)>,
}

/// Curves on common axes. The first three kinds differ in colour.
///
/// # Errors
///
/// [`ReportError::Drawing`] if the plotting library fails.
pub fn curves_svg(x_axis: &str, y_axis: &str, curves: &[Curve]) -> Result<String, ReportError> {
    let mut kinds: Vec<&str> = Vec::new();
    for curve in curves {
        if !kinds.contains(&curve.kind.as_str()) {
            kinds.push(&curve.kind);
        }
    }
    let ink = |kind: &str| -> &Ink {
        match kinds.iter().position(|known| *known == kind) {
            Some(0) => &SCARLET,
            Some(1) => &BLUE,
            _ => &MUTED,
        }
    };
    let points = || curves.iter().flat_map(|curve| curve.points.iter());
    let x_range = padded(points().map(|&(x, _)| x));
    let y_range = padded(points().map(|&(_, y)| y));
    let (x_places, y_places) = (decimals(&x_range, 8), decimals(&y_range, 8));
    let description = format!("{y_axis} over {x_axis}: {}", kinds.join(", "));
    picture::draw((640, 400), &description, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin_top(px(44))
            .margin_right(px(20))
            .margin_bottom(px(10))
            .margin_left(px(12))
            .x_label_area_size(px(44))
            .y_label_area_size(px(62))
            .build_cartesian_2d(x_range.clone(), y_range.clone())
            .map_err(drawing_error)?;
        picture::plain_mesh(&mut chart.configure_mesh(), 12, 13)
            .disable_x_mesh()
            .x_labels(8)
            .y_labels(8)
            .x_desc(x_axis)
            .y_desc(y_axis)
            .x_label_formatter(&|x| format!("{x:.x_places$}"))
            .y_label_formatter(&|y| format!("{y:.y_places$}"))
            .draw()
            .map_err(drawing_error)?;
        // The first kind last, so that it lies above the others.
        for kind in kinds.iter().rev() {
            for curve in curves.iter().filter(|curve| curve.kind == *kind) {
                let style = ink(kind).color().stroke_width(px(2));
                let line = LineSeries::new(curve.points.iter().copied(), style);
                chart.draw_series(line).map_err(drawing_error)?;
            }
        }
        let mut left = px(74) as i32;
        for kind in &kinds {
            let (y, width) = (px(22) as i32, px(22) as i32);
            let dash = vec![(left, y), (left + width, y)];
            let dash = PathElement::new(dash, ink(kind).color().stroke_width(px(3)));
            area.draw(&dash).map_err(drawing_error)?;
            let style = text(13, &TEXT).pos(Pos::new(HPos::Left, VPos::Center));
            let at = (left + width + px(8) as i32, y);
            area.draw(&Text::new((*kind).to_owned(), at, style))
                .map_err(drawing_error)?;
            left = at.0 + text_width(kind, 13) + px(24) as i32;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_is_drawn_and_every_kind_named_once() {
        let curve = |kind: &str, end: f64| Curve {
            kind: kind.to_owned(),
            points: vec![(0.0, 0.1), (10.0, end)],
        };
        let curves = [curve("ours", 0.5), curve("random", 0.3), curve("ours", 0.6)];
        let svg = curves_svg("Candidates", "Hypervolume", &curves).unwrap();
        let lines = |ink: &Ink| {
            let (r, g, b) = (ink.color().0, ink.color().1, ink.color().2);
            svg.matches(&format!("stroke=\"#{r:02X}{g:02X}{b:02X}\""))
                .count()
        };
        // With one dash each in the legend; the style sheet names colours in another form.
        assert_eq!((lines(&SCARLET), lines(&BLUE)), (4, 3));
        assert_eq!(svg.matches(">\nours\n<").count(), 1, "{svg}");
        assert!(svg.contains("Hypervolume over Candidates: ours, random"));
        assert!(curves_svg("x", "y", &[]).is_ok());
    }
}
