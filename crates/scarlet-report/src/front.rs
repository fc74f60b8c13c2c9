//! [`front_svg`]: quality over cost of everything that was evaluated.

use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Circle, PathElement, Text};
use plotters::prelude::{ChartBuilder, Color, DashedLineSeries, LineSeries};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use scarlet_search::Bound;

use crate::metric::Metric;
use crate::picture::{
    self, Area, BLUE, DOT, Ink, MUTED, SCARLET, TEXT, drawing_error, px, text, text_width,
};
use crate::{Candidate, ReportError, RunReport, SearchSummary};

/// The front as a picture, 820 × 500 pixels: everything that was evaluated faintly, the front as
/// a line, the budget, and the chosen network. It has its own ground, and follows the light or
/// dark preference of the viewer.
///
/// Candidates without a cost or a quality are left out. Where there are more than two objectives,
/// the line leads through those members of the front that are the best up to their cost.
///
/// # Errors
///
/// [`ReportError::UnknownMetric`] if an axis is not among the metrics, and
/// [`ReportError::Drawing`] if the plotting library fails.
pub fn front_svg(report: &RunReport) -> Result<String, ReportError> {
    let chart = FrontChart::of(report)?;
    picture::draw((820, 500), &chart.description(), |area| chart.paint(area))
}

/// A candidate in the picture, in the units that are shown.
#[derive(Clone, Copy)]
struct Spot<'a> {
    candidate: &'a Candidate,
    x: f64,
    y: f64,
}

struct FrontChart<'a> {
    cost: Metric,
    quality: Metric,
    spots: Vec<Spot<'a>>,
    chosen: Option<Spot<'a>>,
    /// In the shown unit.
    budget: Option<f64>,
    references: Vec<(f64, f64, &'a str)>,
}

impl<'a> FrontChart<'a> {
    fn of(report: &'a RunReport) -> Result<Self, ReportError> {
        let search = &report.search;
        let (cost, quality) = search.axes()?;
        let (cost, quality) = (search.shown(cost), search.shown(quality));
        let chosen = report.chosen.as_ref().map(|chosen| &chosen.genome);
        let mut spots = Vec::new();
        for candidate in &search.candidates {
            search.check(candidate)?;
            if let Some((x, y)) = search.place(candidate)? {
                spots.push(Spot {
                    candidate,
                    x: x * cost.factor,
                    y: y * quality.factor,
                });
            }
        }
        let is_chosen = |spot: &&Spot<'_>| Some(&spot.candidate.genome) == chosen;
        let reference = |it: &'a crate::Reference| {
            let x = match search.cost.as_str() {
                "mult_adds" => it.mult_adds,
                "parameters" => it.parameters,
                _ => return None,
            };
            let (x, y) = (x as f64 * cost.factor, it.accuracy * quality.factor);
            it.comparable.then_some((x, y, it.name.as_str()))
        };
        let references = report.references.iter().filter_map(reference).collect();
        Ok(Self {
            chosen: spots.iter().find(is_chosen).copied(),
            budget: search
                .upper_bound(&search.cost)
                .map(|limit| limit * cost.factor),
            spots,
            references,
            cost,
            quality,
        })
    }

    fn description(&self) -> String {
        let chosen = match self.chosen {
            Some(spot) => format!("; chosen: {}", self.name(spot)),
            None => String::new(),
        };
        format!(
            "{} over {} of {} networks{chosen}",
            self.quality.label,
            self.cost.label,
            self.spots.len()
        )
    }

    fn name(&self, spot: Spot<'_>) -> String {
        let (x, y) = (spot.x / self.cost.factor, spot.y / self.quality.factor);
        format!(
            "{} at {}",
            self.quality.show_with_unit(y),
            self.cost.show_with_unit(x)
        )
    }

    /// The best quality up to every cost: stairs, since between two networks there is none.
    fn line(&self) -> Vec<(f64, f64)> {
        let front = self.spots.iter().filter(|spot| spot.candidate.on_front);
        let mut front: Vec<(f64, f64)> = front.map(|spot| (spot.x, spot.y)).collect();
        front.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        let mut best = f64::NEG_INFINITY;
        let mut stairs = Vec::new();
        for (x, y) in front {
            if y > best {
                if best.is_finite() {
                    stairs.push((x, best));
                }
                stairs.push((x, y));
                best = y;
            }
        }
        stairs
    }

    fn paint(&self, area: &Area<'_>) -> Result<(), ReportError> {
        let xs = self.spots.iter().map(|spot| spot.x);
        let xs = xs
            .chain(self.budget)
            .chain(self.references.iter().map(|it| it.0));
        let ys = self.spots.iter().map(|spot| spot.y);
        let ys = ys.chain(self.references.iter().map(|it| it.1));
        let (x_range, y_range) = (padded(xs), padded(ys));

        self.paint_legend(area)?;
        let mut chart = ChartBuilder::on(area)
            .margin_top(px(52))
            .margin_right(px(28))
            .margin_bottom(px(14))
            .margin_left(px(12))
            .x_label_area_size(px(46))
            .y_label_area_size(px(62))
            .build_cartesian_2d(x_range.clone(), y_range.clone())
            .map_err(drawing_error)?;
        let (x_ticks, y_ticks) = (10, 8);
        let x_decimals = decimals(&x_range, x_ticks);
        let y_decimals = decimals(&y_range, y_ticks);
        picture::plain_mesh(&mut chart.configure_mesh(), 12, 13)
            .disable_x_mesh()
            .y_labels(y_ticks)
            .x_labels(x_ticks)
            .x_desc(self.cost.heading.clone())
            .y_desc(self.quality.heading.clone())
            .x_label_formatter(&|x| format!("{x:.x_decimals$}"))
            .y_label_formatter(&|y| format!("{y:.y_decimals$}"))
            .draw()
            .map_err(drawing_error)?;

        let faint = self.spots.iter().filter(|spot| !spot.candidate.on_front);
        let faint = faint.map(|spot| {
            let strength = if spot.candidate.feasible { 0.6 } else { 0.3 };
            Circle::new((spot.x, spot.y), px(3), DOT.color().mix(strength).filled())
        });
        chart.draw_series(faint).map_err(drawing_error)?;
        if let Some(budget) = self.budget {
            let ends = [(budget, y_range.start), (budget, y_range.end)];
            let style = MUTED.color().stroke_width(px(1));
            let line = DashedLineSeries::new(ends, px(5), px(4), style);
            chart.draw_series(line).map_err(drawing_error)?;
        }
        let line = LineSeries::new(self.line(), SCARLET.color().stroke_width(px(2)));
        chart.draw_series(line).map_err(drawing_error)?;
        let front = self.spots.iter().filter(|spot| spot.candidate.on_front);
        let front =
            front.map(|spot| Circle::new((spot.x, spot.y), px(4), SCARLET.color().filled()));
        chart.draw_series(front).map_err(drawing_error)?;
        let references = self.references.iter().map(|&(x, y, _)| (x, y));
        let references = references.map(|at| Circle::new(at, px(4), BLUE.color().filled()));
        chart.draw_series(references).map_err(drawing_error)?;

        // Labels last, above everything else, and outside the chart's own coordinates.
        let place = |at: (f64, f64)| chart.backend_coord(&at);
        for &(x, y, name) in &self.references {
            label(area, place((x, y)), name, &BLUE, (0, -14))?;
        }
        if let Some(spot) = self.chosen {
            let at = place((spot.x, spot.y));
            let ring =
                |radius, width| Circle::new(at, px(radius), TEXT.color().stroke_width(px(width)));
            area.draw(&ring(9, 2)).map_err(drawing_error)?;
            label(
                area,
                at,
                &format!("chosen: {}", self.name(spot)),
                &TEXT,
                (0, -18),
            )?;
        }
        if let Some(budget) = self.budget {
            let at = place((budget, y_range.start));
            let shown = self.cost.show_with_unit(budget / self.cost.factor);
            label(area, at, &format!("budget {shown}"), &MUTED, (-6, -12))?;
        }
        Ok(())
    }

    /// A row above the chart, where it hides nothing.
    fn paint_legend(&self, area: &Area<'_>) -> Result<(), ReportError> {
        let mut entries = vec![
            (format!("{} networks evaluated", self.spots.len()), &DOT),
            ("front".to_owned(), &SCARLET),
        ];
        if !self.references.is_empty() {
            entries.push(("published".to_owned(), &BLUE));
        }
        let (mut x, y) = (px(74) as i32, px(28) as i32);
        for (name, ink) in entries {
            if name == "front" {
                let ends = vec![(x - px(6) as i32, y), (x + px(6) as i32, y)];
                let style = ink.color().stroke_width(px(2));
                area.draw(&PathElement::new(ends, style))
                    .map_err(drawing_error)?;
            }
            area.draw(&Circle::new((x, y), px(4), ink.color().filled()))
                .map_err(drawing_error)?;
            let style = text(13, &TEXT).pos(Pos::new(HPos::Left, VPos::Center));
            let at = (x + px(12) as i32, y);
            area.draw(&Text::new(name.clone(), at, style))
                .map_err(drawing_error)?;
            x += px(38) as i32 + text_width(&name, 13);
        }
        Ok(())
    }
}

/// Writes next to a place, on the side where there is room.
fn label(
    area: &Area<'_>,
    (x, y): (i32, i32),
    words: &str,
    ink: &Ink,
    (dx, dy): (i32, i32),
) -> Result<(), ReportError> {
    let zoom = picture::ZOOM as i32;
    let (width, _) = area.dim_in_pixel();
    let half = text_width(words, 13) / 2;
    let side = match () {
        () if dx < 0 => HPos::Right,
        () if x - half < px(80) as i32 => HPos::Left,
        () if x + half > width as i32 - px(20) as i32 => HPos::Right,
        () => HPos::Center,
    };
    let style = text(13, ink).pos(Pos::new(side, VPos::Center));
    let at = (x + dx * zoom, y + dy * zoom);
    area.draw(&Text::new(words.to_owned(), at, style))
        .map_err(drawing_error)
}

/// The range of the values with a margin, so that no dot touches an axis.
pub(crate) fn padded(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return 0.0..1.0;
    }
    let margin = match high - low {
        0.0 => high.abs().max(1.0) * 0.1,
        width => width * 0.06,
    };
    low - margin..high + margin
}

/// Decimals of the numbers at an axis that has room for this many: as few as tell them as they are.
pub(crate) fn decimals(range: &std::ops::Range<f64>, ticks: usize) -> usize {
    let numbers = RangedCoordf64::from(range.clone()).key_points(ticks);
    let tolerance = 1e-3 * (range.end - range.start) / ticks as f64;
    let tells = |decimals: &usize| {
        let unit = 10f64.powi(*decimals as i32);
        let rounded = |number: f64| (number * unit).round() / unit;
        numbers
            .iter()
            .all(|&it| (it - rounded(it)).abs() < tolerance)
    };
    (0..9).find(tells).unwrap_or(9)
}

impl SearchSummary {
    /// How a metric's values are shown: in a unit that suits the feasible candidates, for those
    /// that are out of bounds can be far larger.
    pub(crate) fn shown(&self, metric: usize) -> Metric {
        let largest_of = |feasible: bool| {
            let candidates = self.candidates.iter().filter(|it| it.feasible == feasible);
            let values = candidates.filter_map(|it| it.value(metric));
            values.map(f64::abs).reduce(f64::max)
        };
        let largest = largest_of(true).or(largest_of(false)).unwrap_or(0.0);
        let name = self.metrics[metric].as_str();
        let shown = Metric::new(name, largest);
        match &self.judged_in {
            Some(numbers) if ["accuracy", "latency_ms"].contains(&name) => {
                shown.in_numbers(numbers)
            }
            _ => shown,
        }
    }

    /// Cost and quality of a candidate, if both were measured.
    pub(crate) fn place(&self, candidate: &Candidate) -> Result<Option<(f64, f64)>, ReportError> {
        let (cost, quality) = self.axes()?;
        Ok(candidate.value(cost).zip(candidate.value(quality)))
    }

    /// The upper bound on a metric, if there is one.
    pub(crate) fn upper_bound(&self, metric: &str) -> Option<f64> {
        let limits = self.constraints.iter();
        let limits = limits.filter(|it| it.name == metric && it.bound == Bound::AtMost);
        limits.map(|it| it.limit).reduce(f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_an_axis_are_told_as_they_are() {
        // Ten steps of 0.5 fit.
        assert_eq!(decimals(&(0.27..5.27), 10), 1);
        assert_eq!(decimals(&(30.0..80.0), 8), 0);
        assert_eq!(decimals(&(0.0..0.03), 8), 3);
        for width in 1..200 {
            let range = 0.123..0.123 + 0.07 * f64::from(width);
            let places = decimals(&range, 10);
            let numbers = RangedCoordf64::from(range).key_points(10);
            let mut told: Vec<String> = numbers.iter().map(|it| format!("{it:.places$}")).collect();
            told.dedup();
            assert_eq!(told.len(), numbers.len(), "{told:?}");
        }
    }
}
