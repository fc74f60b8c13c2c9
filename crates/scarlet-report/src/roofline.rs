//! [`roofline_svg`]: what each step of a network achieves, under what the machine can do at best.

use plotters::coord::combinators::IntoLogRange;
use plotters::element::{Circle, PathElement, Text};
use plotters::prelude::{ChartBuilder, Color, LineSeries};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::ReportError;
use crate::picture::{
    self, Area, BLUE, DOT, GRID, Ink, MUTED, SCARLET, TEXT, drawing_error, px, text, text_width,
};

/// A roofline (Williams, Waterman and Patterson, 2009): performance over arithmetic intensity,
/// under roofs that the machine's arithmetic and bandwidths make.
#[derive(Debug, Clone, PartialEq)]
pub struct Roofline {
    /// What was measured, for the heading.
    pub title: String,
    /// The flat roof: billions of floating-point operations in a second.
    pub gflops: f64,
    /// The slanted roofs: where bytes come from, and billions of them in a second.
    pub bandwidths: Vec<(String, f64)>,
    /// What was measured. Points without operations or bytes are left out.
    pub points: Vec<RooflinePoint>,
}

/// One step of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct RooflinePoint {
    /// Which one.
    pub name: String,
    /// What kind of step: points of a kind have a colour.
    pub kind: String,
    /// Floating-point operations for each byte that is read or written.
    pub intensity: f64,
    /// Billions of floating-point operations in a second.
    pub gflops: f64,
    /// Its part of the whole time, from 0 to 1: the area of the point.
    pub share: f64,
}

/// Colours of the kinds that take the most time; others share the last.
const INKS: [&Ink; 4] = [&SCARLET, &BLUE, &TEXT, &DOT];

/// Points with this share of the time or more bear their names.
const NAMED_SHARE: f64 = 0.045;

/// The roofline as a picture, 900 × 560 pixels, both axes logarithmic. It has its own ground, and
/// follows the light or dark preference of the viewer.
///
/// # Errors
///
/// [`ReportError::Drawing`] if the plotting library fails.
pub fn roofline_svg(roofline: &Roofline) -> Result<String, ReportError> {
    let chart = RooflineChart::of(roofline);
    picture::draw((900, 560), &roofline.title, |area| chart.paint(area))
}

struct RooflineChart<'a> {
    roofline: &'a Roofline,
    points: Vec<&'a RooflinePoint>,
    /// By falling share of the time.
    kinds: Vec<&'a str>,
}

impl<'a> RooflineChart<'a> {
    fn of(roofline: &'a Roofline) -> Self {
        let drawable = |x: f64| x.is_finite() && x > 0.0;
        let mut points: Vec<_> = roofline
            .points
            .iter()
            .filter(|point| drawable(point.intensity) && drawable(point.gflops))
            .collect();
        // The small ones above the large ones.
        points.sort_by(|a, b| b.share.total_cmp(&a.share));
        let mut shares: Vec<(&str, f64)> = Vec::new();
        for point in &points {
            match shares.iter_mut().find(|(kind, _)| *kind == point.kind) {
                Some((_, share)) => *share += point.share,
                None => shares.push((&point.kind, point.share)),
            }
        }
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        Self {
            roofline,
            points,
            kinds: shares.into_iter().map(|(kind, _)| kind).collect(),
        }
    }

    fn ink(&self, kind: &str) -> &'static Ink {
        let place = self.kinds.iter().position(|known| *known == kind);
        INKS[place.unwrap_or(INKS.len()).min(INKS.len() - 1)]
    }

    fn paint(&self, area: &Area<'_>) -> Result<(), ReportError> {
        let roof = self.roofline.gflops;
        // The knee of every roof is in the picture, and every point.
        let knees = self.roofline.bandwidths.iter().map(|(_, rate)| roof / rate);
        let xs = self.points.iter().map(|point| point.intensity).chain(knees);
        let ys = self.points.iter().map(|point| point.gflops);
        let (left, right) = around(xs, 2.0);
        let (bottom, top) = around(ys.chain([roof]), 1.6);

        self.paint_legend(area)?;
        let mut chart = ChartBuilder::on(area)
            .margin_top(px(76))
            .margin_right(px(28))
            .margin_bottom(px(14))
            .margin_left(px(12))
            .x_label_area_size(px(46))
            .y_label_area_size(px(62))
            .build_cartesian_2d((left..right).log_scale(), (bottom..top).log_scale())
            .map_err(drawing_error)?;
        picture::plain_mesh(&mut chart.configure_mesh(), 12, 13)
            .x_desc("floating-point operations per byte")
            .y_desc("GFLOP/s")
            .x_label_formatter(&|x| plain(*x))
            .y_label_formatter(&|y| plain(*y))
            .draw()
            .map_err(drawing_error)?;

        let flat = [(left, roof), (right, roof)];
        let style = TEXT.color().stroke_width(px(2));
        chart
            .draw_series(LineSeries::new(flat, style))
            .map_err(drawing_error)?;
        for (_, rate) in &self.roofline.bandwidths {
            let from = (bottom / rate).max(left);
            let slanted = [(from, from * rate), (roof / rate, roof)];
            chart
                .draw_series(LineSeries::new(slanted, MUTED.color().stroke_width(px(2))))
                .map_err(drawing_error)?;
        }
        let points = self.points.iter().map(|point| {
            let ink = self.ink(&point.kind).color().mix(0.75);
            Circle::new(
                (point.intensity, point.gflops),
                radius(point.share),
                ink.filled(),
            )
        });
        chart.draw_series(points).map_err(drawing_error)?;

        let place = |at: (f64, f64)| chart.backend_coord(&at);
        for point in self.points.iter().filter(|it| it.share >= NAMED_SHARE) {
            let (x, y) = place((point.intensity, point.gflops));
            let away = radius(point.share) as i32 + px(4) as i32;
            // Where there is no room to the right, to the left.
            let right_end = x + away + text_width(&point.name, 11);
            let (beside, side) = if right_end <= area.dim_in_pixel().0 as i32 {
                (x + away, HPos::Left)
            } else {
                (x - away, HPos::Right)
            };
            let style = text(11, &TEXT).pos(Pos::new(side, VPos::Center));
            area.draw(&Text::new(point.name.clone(), (beside, y), style))
                .map_err(drawing_error)?;
        }
        let (x, y) = place((left, roof));
        let words = format!("{} GFLOP/s of multiply-adds", plain(roof));
        let style = text(12, &TEXT).pos(Pos::new(HPos::Left, VPos::Bottom));
        let at = (x + px(8) as i32, y - px(4) as i32);
        area.draw(&Text::new(words, at, style))
            .map_err(drawing_error)?;
        for (name, rate) in &self.roofline.bandwidths {
            // Where the roof enters the picture, or a little above its lower edge.
            let intensity = (bottom / rate).max(left) * 1.25;
            let (x, y) = place((intensity, intensity * rate));
            let words = format!("{} GB/s {name}", plain(*rate));
            let style = text(12, &MUTED).pos(Pos::new(HPos::Left, VPos::Center));
            let at = (x + px(10) as i32, y + px(2) as i32);
            area.draw(&Text::new(words, at, style))
                .map_err(drawing_error)?;
        }
        Ok(())
    }

    /// Title and kinds, above the chart, where they hide nothing.
    fn paint_legend(&self, area: &Area<'_>) -> Result<(), ReportError> {
        let (mut x, y) = (px(74) as i32, px(52) as i32);
        let left = Pos::new(HPos::Left, VPos::Center);
        let title = Text::new(
            self.roofline.title.clone(),
            (x - px(6) as i32, px(24) as i32),
            text(15, &TEXT).pos(left),
        );
        area.draw(&title).map_err(drawing_error)?;
        let own = self.kinds.iter().take(INKS.len() - 1);
        let mut entries: Vec<_> = own.map(|kind| (*kind, self.ink(kind))).collect();
        if self.kinds.len() >= INKS.len() {
            entries.push(("others", INKS[INKS.len() - 1]));
        }
        for (name, ink) in entries {
            let dot = Circle::new((x, y), px(5), ink.color().mix(0.75).filled());
            area.draw(&dot).map_err(drawing_error)?;
            let at = (x + px(11) as i32, y);
            area.draw(&Text::new(name.to_owned(), at, text(13, &TEXT).pos(left)))
                .map_err(drawing_error)?;
            x += px(36) as i32 + text_width(name, 13);
        }
        if !self.points.is_empty() {
            let at = (x, y);
            let words = "area: part of the time".to_owned();
            area.draw(&Text::new(words, at, text(13, &MUTED).pos(left)))
                .map_err(drawing_error)?;
        }
        let ends = vec![
            (px(74) as i32, px(66) as i32),
            (area.dim_in_pixel().0 as i32 - px(28) as i32, px(66) as i32),
        ];
        area.draw(&PathElement::new(ends, GRID.color().stroke_width(px(1))))
            .map_err(drawing_error)
    }
}

/// Of a point whose area stands for a share of the time, in drawn pixels; the least one can still
/// be seen.
fn radius(share: f64) -> u32 {
    let share = share.clamp(0.0, 1.0);
    px(3).max((f64::from(px(48)) * share.sqrt()) as u32)
}

/// The range of the values, `margin` times wider at both ends.
fn around(values: impl Iterator<Item = f64>, margin: f64) -> (f64, f64) {
    let values = values.filter(|value| value.is_finite() && *value > 0.0);
    let (low, high) = values.fold((f64::INFINITY, 0.0), |(low, high), value| {
        (value.min(low), value.max(high))
    });
    if low > high {
        return (0.1, 10.0);
    }
    (low / margin, high * margin)
}

/// With no more digits than one looks at.
fn plain(value: f64) -> String {
    match value {
        value if value >= 10.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{:.1}", value).replace(".0", ""),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(name: &str, kind: &str, intensity: f64, gflops: f64, share: f64) -> RooflinePoint {
        RooflinePoint {
            name: name.to_owned(),
            kind: kind.to_owned(),
            intensity,
            gflops,
            share,
        }
    }

    fn roofline(points: Vec<RooflinePoint>) -> Roofline {
        Roofline {
            title: "scarlet-a & others, 224×224".to_owned(),
            gflops: 150.0,
            bandwidths: vec![("from memory".to_owned(), 20.0)],
            points,
        }
    }

    fn circles(svg: &str) -> usize {
        svg.matches("<circle").count()
    }

    #[test]
    fn every_step_is_a_point_under_named_roofs() {
        let svg = roofline_svg(&roofline(vec![
            point("stem", "convolution", 4.0, 90.0, 0.5),
            point("mb_module.0 E3K7", "pointwise", 9.0, 110.0, 0.4),
            point("mb_module.1 E3K3", "pointwise", 8.0, 100.0, 0.01),
            point("export", "transfer", 0.0, 0.0, 0.0),
        ]))
        .unwrap();
        for words in [
            "scarlet-a &amp; others",
            "150 GFLOP/s of multiply-adds",
            "20 GB/s from memory",
            "stem",
            "mb_module.0 E3K7",
            "pointwise",
        ] {
            assert!(svg.contains(words), "{words}");
        }
        // Three points and the legend's two; the export has neither operations nor bytes.
        assert_eq!(circles(&svg), 3 + 2);
        assert!(!svg.contains("mb_module.1 E3K3"), "too small to be named");
    }

    #[test]
    fn names_stay_within_the_picture() {
        let anchor = |name: &str| {
            let points = vec![point(name, "pointwise", 100.0, 90.0, 0.5)];
            let svg = roofline_svg(&roofline(points)).unwrap();
            let (before, _) = svg.split_once(&format!("\n{name}\n")).unwrap();
            let (_, tag) = before.rsplit_once("<text").unwrap();
            let (_, anchor) = tag.split_once("text-anchor=\"").unwrap();
            anchor.split('"').next().unwrap().to_owned()
        };
        assert_eq!(anchor("stem"), "start");
        assert_eq!(anchor("conv_before_pooling 1×1 conv"), "end");
    }

    #[test]
    fn a_machine_without_points_is_still_drawn() {
        let empty = roofline(vec![point("x", "y", f64::NAN, f64::INFINITY, 1.0)]);
        let svg = roofline_svg(&empty).unwrap();
        assert!(svg.contains("GFLOP/s of multiply-adds"));
        assert_eq!(circles(&svg), 0);
    }

    #[test]
    fn kinds_beyond_the_colours_share_the_last() {
        let kinds = ["a", "b", "c", "d", "e"];
        let points = kinds.iter().enumerate();
        let points = points.map(|(i, kind)| point(kind, kind, 1.0, 1.0, 0.1 / (i + 1) as f64));
        let roofline = roofline(points.collect());
        let chart = RooflineChart::of(&roofline);
        assert_eq!(chart.ink("a").color(), INKS[0].color());
        assert_eq!(chart.ink("d").color(), INKS[3].color());
        assert_eq!(chart.ink("e").color(), INKS[3].color());
        assert!(roofline_svg(&roofline).unwrap().contains("others"));
    }
}
