//! A chart whose horizontal axis is logarithmic: measured dots, a curve, and what stands out.

use plotters::element::{Circle, PathElement, Text};
use plotters::prelude::{ChartBuilder, Color, IntoLogRange, LineSeries};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::ReportError;
use crate::front::{decimals, padded};
use crate::picture::{
    self, Area, BLUE, DOT, Ink, MUTED, SCARLET, TEXT, drawing_error, px, text, text_width,
};

/// Where the chart is, in shown pixels from the left and from the right.
const LEFT: u32 = 74;
const RIGHT: u32 = 24;

/// A chart whose horizontal axis is logarithmic. Points at which this has no place are left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogChart {
    /// What the horizontal axis is.
    pub x_axis: String,
    /// What the vertical axis is.
    pub y_axis: String,
    /// What is shown, for who cannot see it.
    pub description: String,
    /// What dots stand for, and where they are.
    pub dots: (String, Vec<(f64, f64)>),
    /// What the curve stands for, and where it goes.
    pub curve: (String, Vec<(f64, f64)>),
    /// What bars stand for, and from where to where they go.
    pub bars: (String, Vec<(f64, [f64; 2])>),
    /// Places of the horizontal axis that stand out, with what is written there.
    pub marks: Vec<(f64, String)>,
    /// What the vertical axis shows; without it, everything.
    pub y_range: Option<[f64; 2]>,
}

impl LogChart {
    /// The chart as a picture, 640 × 400 pixels. It has its own ground, and follows the light or dark
    /// preference of the viewer.
    ///
    /// # Errors
    ///
    /// [`ReportError::Drawing`] if the plotting library fails.
    pub fn svg(&self) -> Result<String, ReportError> {
        picture::draw((640, 400), &self.description, |area| self.paint(area))
    }

    fn paint(&self, area: &Area<'_>) -> Result<(), ReportError> {
        let has_place = |x: f64, y: f64| x.is_finite() && x > 0.0 && y.is_finite();
        let of = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
            let points = points.iter().copied();
            points.filter(|&(x, y)| has_place(x, y)).collect()
        };
        let (dots, curve) = (of(&self.dots.1), of(&self.curve.1));
        let bars = self.bars.1.iter().copied();
        let bars: Vec<(f64, [f64; 2])> = bars
            .filter(|&(x, [low, high])| has_place(x, low) && has_place(x, high))
            .collect();
        let points = || dots.iter().chain(&curve);
        let ends = || bars.iter().flat_map(|(_, ends)| *ends);
        let marks = self.marks.iter().map(|(x, _)| *x);
        let xs = points().map(|(x, _)| *x).chain(bars.iter().map(|it| it.0));
        let (low, high) = extremes(xs.chain(marks.filter(|&x| has_place(x, 0.0))));
        let (x_from, x_to) = (low / 1.15, high * 1.15);
        let y_range = match self.y_range {
            Some([from, to]) => from..to,
            None => padded(points().map(|(_, y)| *y).chain(ends())),
        };
        let places = decimals(&y_range, 8);
        let shown = |y: f64| y.clamp(y_range.start, y_range.end);

        let mut chart = ChartBuilder::on(area)
            .margin_top(px(44))
            .margin_right(px(RIGHT))
            .margin_bottom(px(10))
            .margin_left(px(12))
            .x_label_area_size(px(44))
            .y_label_area_size(px(62))
            .build_cartesian_2d((x_from..x_to).log_scale(), y_range.clone())
            .map_err(drawing_error)?;
        picture::plain_mesh(&mut chart.configure_mesh(), 12, 13)
            .disable_x_mesh()
            .x_labels(8)
            .y_labels(8)
            .x_desc(self.x_axis.as_str())
            .y_desc(self.y_axis.as_str())
            .x_label_formatter(&|x| plain(*x))
            .y_label_formatter(&|y| format!("{y:.places$}"))
            .draw()
            .map_err(drawing_error)?;

        let line = |from: (f64, f64), to: (f64, f64), ink: &Ink, width| {
            PathElement::new(vec![from, to], ink.color().stroke_width(px(width)))
        };
        for (x, _) in &self.marks {
            let (from, to) = ((*x, y_range.start), (*x, y_range.end));
            let mark = line(from, to, &MUTED, 1);
            chart.draw_series([mark]).map_err(drawing_error)?;
        }
        let lines = bars
            .iter()
            .map(|&(x, [low, high])| line((x, shown(low)), (x, shown(high)), &BLUE, 3));
        chart.draw_series(lines).map_err(drawing_error)?;
        let circles = dots
            .iter()
            .map(|&(x, y)| Circle::new((x, shown(y)), px(3), DOT.color().filled()));
        chart.draw_series(circles).map_err(drawing_error)?;
        let curve = curve.iter().map(|&(x, y)| (x, shown(y)));
        let style = SCARLET.color().stroke_width(px(2));
        chart
            .draw_series(LineSeries::new(curve, style))
            .map_err(drawing_error)?;
        for (place, (x, words)) in self.marks.iter().enumerate() {
            let (x, y) = chart.backend_coord(&(*x, y_range.end));
            // To the left of the mark where there is no room to its right.
            let right_end = x + px(6) as i32 + text_width(words, 12);
            let (at, side) = match right_end <= area.dim_in_pixel().0 as i32 {
                true => (x + px(6) as i32, HPos::Left),
                false => (x - px(6) as i32, HPos::Right),
            };
            let style = text(12, &TEXT).pos(Pos::new(side, VPos::Center));
            let y = y + px(10 + 16 * place as u32) as i32;
            area.draw(&Text::new(words.clone(), (at, y), style))
                .map_err(drawing_error)?;
        }
        self.paint_legend(area)
    }

    /// What is what, above the chart.
    fn paint_legend(&self, area: &Area<'_>) -> Result<(), ReportError> {
        let (mut left, y) = (px(LEFT) as i32, px(22) as i32);
        let kinds = [
            (&self.dots.0, &DOT, self.dots.1.is_empty()),
            (&self.curve.0, &SCARLET, self.curve.1.is_empty()),
            (&self.bars.0, &BLUE, self.bars.1.is_empty()),
        ];
        for (name, ink, is_empty) in kinds {
            if is_empty {
                continue;
            }
            let dot = Circle::new((left, y), px(4), ink.color().filled());
            area.draw(&dot).map_err(drawing_error)?;
            let style = text(13, &TEXT).pos(Pos::new(HPos::Left, VPos::Center));
            let at = (left + px(10) as i32, y);
            area.draw(&Text::new(name.clone(), at, style))
                .map_err(drawing_error)?;
            left = at.0 + text_width(name, 13) + px(24) as i32;
        }
        Ok(())
    }
}

fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, 0.0), |(low, high), value| {
        (value.min(low), value.max(high))
    });
    match low <= high {
        true => (low, high),
        false => (0.1, 10.0),
    }
}

/// A number of a logarithmic axis: in powers of ten where it is small, and with its thousands where it
/// is large.
fn plain(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{value:.0e}"),
        value if value >= 1e3 => {
            let whole = value.round() as u64;
            format!("{},{:03}", whole / 1000, whole % 1000)
        }
        value if value >= 0.01 => {
            let text = format!("{value:.2}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        value => format!("{value:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> LogChart {
        LogChart {
            x_axis: "Learning rate".to_owned(),
            y_axis: "Loss".to_owned(),
            description: "Loss over <learning rate>".to_owned(),
            dots: ("each step".to_owned(), vec![(1e-4, 2.0), (1e-3, 1.0)]),
            curve: ("smoothed".to_owned(), vec![(1e-4, 2.0), (1e-2, 90.0)]),
            marks: vec![(1e-3, "suggested 0.001".to_owned())],
            ..LogChart::default()
        }
    }

    /// Vertical places of the dots, without that of the legend.
    fn dots(svg: &str) -> Vec<i32> {
        let circles = svg.split("<circle ").skip(1);
        let places = circles.map(|it| {
            let y = it.split("cy=\"").nth(1).unwrap();
            y.split('"').next().unwrap().parse().unwrap()
        });
        places.collect()
    }

    #[test]
    fn everything_that_has_a_place_is_drawn_and_named() {
        let svg = chart().svg().unwrap();
        for part in [
            ">\neach step\n<",
            ">\nsmoothed\n<",
            ">\nsuggested 0.001\n<",
            "Loss over &lt;learning rate&gt;",
            ">\nLearning rate\n<",
        ] {
            assert!(svg.contains(part), "no {part:?} in {svg}");
        }
        // Two dots, and one each for the two kinds of the legend.
        assert_eq!(dots(&svg).len(), 4);
        let mut odd = chart();
        odd.dots
            .1
            .extend([(0.0, 1.0), (f64::NAN, 1.0), (1e-3, f64::INFINITY)]);
        odd.bars = ("95 %".to_owned(), vec![(1e-3, [0.5, f64::NAN])]);
        let svg = odd.svg().unwrap();
        assert_eq!(
            dots(&svg).len(),
            5,
            "those without a place and an entry of the legend"
        );
        assert!(LogChart::default().svg().is_ok());
    }

    #[test]
    fn what_is_above_the_range_is_drawn_at_its_end() {
        let mut chart = chart();
        chart.y_range = Some([0.0, 1.5]);
        let svg = chart.svg().unwrap();
        let dots = dots(&svg);
        // The top of the chart.
        assert_eq!(dots[0], px(44) as i32);
        assert!(dots[1] > dots[0]);
    }

    #[test]
    fn numbers_of_the_axis_are_short() {
        for (value, expected) in [
            (1e-6, "1e-6"),
            (0.001, "1e-3"),
            (0.01, "0.01"),
            (0.5, "0.5"),
            (10.0, "10"),
            (1350.0, "1,350"),
            (20_000.0, "20,000"),
            (4e6, "4e6"),
        ] {
            assert_eq!(plain(value), expected);
        }
    }
}
