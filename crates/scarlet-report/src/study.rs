//! Pictures of studies: heat maps, strips of values and scatter plots, a panel for each of the
//! things that are compared.

use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::prelude::{ChartBuilder, Color};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::ReportError;
use crate::front::{decimals, padded};
use crate::picture::{self, Area, BLUE, DOT, GRID, MUTED, SCARLET, TEXT, drawing_error, px, text};

/// A matrix of similarities, from −1 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// What is compared.
    pub title: String,
    /// Names of rows and columns alike.
    pub labels: Vec<String>,
    /// Row by row.
    pub values: Vec<Vec<f64>>,
}

/// Values of one kind next to each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Strip {
    /// What kind; a line break begins a second line.
    pub title: String,
    /// The values, in the unit that is shown.
    pub values: Vec<f64>,
}

/// Points of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    /// What kind.
    pub title: String,
    /// A figure about the points, such as their rank correlation.
    pub note: String,
    /// Horizontal and vertical place, in the units that are shown.
    pub points: Vec<(f64, f64)>,
}

/// Matrices side by side, every value written into its cell; likeness is scarlet, the opposite
/// blue.
///
/// # Errors
///
/// [`ReportError::Drawing`] if the plotting library fails.
pub fn heat_maps_svg(maps: &[HeatMap]) -> Result<String, ReportError> {
    let (cell, left, gap) = (58, 64, 24);
    let sides = maps.iter().map(|map| map.labels.len() as u32 * cell);
    let width = gap + sides.clone().map(|side| left + side + gap).sum::<u32>();
    let height = 66 + sides.max().unwrap_or(0) + 20;
    let titles: Vec<&str> = maps.iter().map(|map| map.title.as_str()).collect();
    let description = format!("Cosine similarities: {}", titles.join("; "));
    picture::draw((width.max(200), height), &description, |area| {
        let mut x = gap;
        for map in maps {
            heat_map(area, map, (x + left, 66), cell)?;
            x += left + map.labels.len() as u32 * cell + gap;
        }
        Ok(())
    })
}

fn heat_map(
    area: &Area<'_>,
    map: &HeatMap,
    (left, top): (u32, u32),
    cell: u32,
) -> Result<(), ReportError> {
    let write = |words: &str, size, ink, side, at: (u32, u32)| {
        let style = text(size, ink).pos(Pos::new(side, VPos::Center));
        let at = (px(at.0) as i32, px(at.1) as i32);
        area.draw(&Text::new(words.to_owned(), at, style))
            .map_err(drawing_error)
    };
    write(&map.title, 14, &TEXT, HPos::Left, (left, 22))?;
    for (row, (label, values)) in map.labels.iter().zip(&map.values).enumerate() {
        let offset = row as u32 * cell;
        write(
            label,
            12,
            &MUTED,
            HPos::Right,
            (left - 8, top + offset + cell / 2),
        )?;
        write(
            label,
            12,
            &MUTED,
            HPos::Center,
            (left + offset + cell / 2, top - 12),
        )?;
        for (column, &value) in values.iter().enumerate() {
            let (x, y) = (left + column as u32 * cell, top + offset);
            let corner = |x: u32, y: u32| (px(x) as i32, px(y) as i32);
            let ink = if value < 0.0 { &BLUE } else { &SCARLET };
            let strength = 0.6 * value.abs().clamp(0.0, 1.0);
            let corners = [corner(x + 1, y + 1), corner(x + cell - 1, y + cell - 1)];
            let ground = Rectangle::new(corners, GRID.color().mix(0.5).filled());
            area.draw(&ground).map_err(drawing_error)?;
            let shade = Rectangle::new(corners, ink.color().mix(strength).filled());
            area.draw(&shade).map_err(drawing_error)?;
            let words = format!("{value:.2}");
            write(
                &words,
                12,
                &TEXT,
                HPos::Center,
                (x + cell / 2, y + cell / 2),
            )?;
        }
    }
    Ok(())
}

/// Strips of dots side by side, each with its mean and one standard deviation to both sides.
///
/// # Errors
///
/// [`ReportError::Drawing`] if the plotting library fails.
pub fn strips_svg(axis: &str, strips: &[Strip]) -> Result<String, ReportError> {
    let width = 120 + 130 * strips.len() as u32;
    let names: Vec<String> = strips
        .iter()
        .map(|it| it.title.replace('\n', " "))
        .collect();
    let description = format!("{axis}: {}", names.join("; "));
    picture::draw((width, 420), &description, |area| {
        let values = strips.iter().flat_map(|strip| strip.values.iter().copied());
        let range = padded(values);
        let places = decimals(&range, 8);
        let mut chart = ChartBuilder::on(area)
            .margin_top(px(24))
            .margin_right(px(20))
            .margin_bottom(px(56))
            .margin_left(px(12))
            .x_label_area_size(px(6))
            .y_label_area_size(px(62))
            .build_cartesian_2d(0.0..strips.len() as f64, range.clone())
            .map_err(drawing_error)?;
        picture::plain_mesh(&mut chart.configure_mesh(), 12, 13)
            .disable_x_mesh()
            .disable_x_axis()
            .y_labels(8)
            .y_desc(axis)
            .y_label_formatter(&|y| format!("{y:.places$}"))
            .draw()
            .map_err(drawing_error)?;
        for (index, strip) in strips.iter().enumerate() {
            let centre = index as f64 + 0.5;
            // Spread by their number, which keeps equal values apart and pictures the same.
            let dots = strip.values.iter().enumerate().map(|(number, &value)| {
                let offset = ((number * 7) % 11) as f64 / 10.0 - 0.5;
                let at = (centre + 0.3 * offset, value);
                Circle::new(at, px(3), DOT.color().mix(0.7).filled())
            });
            chart.draw_series(dots).map_err(drawing_error)?;
            let (mean, deviation) = mean_and_deviation(&strip.values);
            let line = |from: (f64, f64), to: (f64, f64), width| {
                PathElement::new(vec![from, to], SCARLET.color().stroke_width(px(width)))
            };
            let ends = [mean - deviation, mean + deviation];
            let marks = [
                line((centre - 0.22, mean), (centre + 0.22, mean), 3),
                line((centre, ends[0]), (centre, ends[1]), 2),
            ];
            chart.draw_series(marks).map_err(drawing_error)?;
            let (x, y) = chart.backend_coord(&(centre, range.start));
            for (line, words) in strip.title.lines().enumerate() {
                let style = text(12, &TEXT).pos(Pos::new(HPos::Center, VPos::Center));
                let at = (x, y + px(18 + 16 * line as u32) as i32);
                area.draw(&Text::new(words.to_owned(), at, style))
                    .map_err(drawing_error)?;
            }
        }
        Ok(())
    })
}

/// Of the values as a sample; 0 where there are too few.
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count.max(1.0);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}

/// Scatter plots on common axes, `columns` in a row.
///
/// # Errors
///
/// [`ReportError::Drawing`] if the plotting library fails.
pub fn scatters_svg(
    x_axis: &str,
    y_axis: &str,
    columns: usize,
    scatters: &[Scatter],
) -> Result<String, ReportError> {
    let columns = columns.clamp(1, scatters.len().max(1));
    let rows = scatters.len().div_ceil(columns);
    let size = (300 * columns as u32, 270 * rows.max(1) as u32);
    let names: Vec<String> = scatters
        .iter()
        .map(|it| format!("{}, {}", it.title, it.note))
        .collect();
    let description = format!("{y_axis} over {x_axis}: {}", names.join("; "));
    let points = || scatters.iter().flat_map(|scatter| scatter.points.iter());
    let x_range = padded(points().map(|&(x, _)| x));
    let y_range = padded(points().map(|&(_, y)| y));
    let (x_places, y_places) = (decimals(&x_range, 5), decimals(&y_range, 5));
    picture::draw(size, &description, |area| {
        let panels = area.split_evenly((rows.max(1), columns));
        for (panel, scatter) in panels.iter().zip(scatters) {
            let mut chart = ChartBuilder::on(panel)
                .margin_top(px(44))
                .margin_right(px(16))
                .margin_bottom(px(8))
                .margin_left(px(6))
                .x_label_area_size(px(40))
                .y_label_area_size(px(52))
                .build_cartesian_2d(x_range.clone(), y_range.clone())
                .map_err(drawing_error)?;
            picture::plain_mesh(&mut chart.configure_mesh(), 11, 11)
                .x_labels(5)
                .y_labels(5)
                .x_desc(x_axis)
                .y_desc(y_axis)
                .x_label_formatter(&|x| format!("{x:.x_places$}"))
                .y_label_formatter(&|y| format!("{y:.y_places$}"))
                .draw()
                .map_err(drawing_error)?;
            let dots = scatter.points.iter();
            let dots = dots.map(|&at| Circle::new(at, px(3), SCARLET.color().mix(0.8).filled()));
            chart.draw_series(dots).map_err(drawing_error)?;
            let lines = [(&scatter.title, &TEXT, 18), (&scatter.note, &MUTED, 34)];
            for (words, ink, y) in lines {
                let style = text(12, ink).pos(Pos::new(HPos::Left, VPos::Center));
                let at = (px(60) as i32, px(y) as i32);
                panel
                    .draw(&Text::new(words.clone(), at, style))
                    .map_err(drawing_error)?;
            }
        }
        Ok(())
    })
}
