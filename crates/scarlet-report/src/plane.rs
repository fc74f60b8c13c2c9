//! Pictures of planes: named points whose distances are what matters.

use plotters::element::{Circle, PathElement, Text};
use plotters::prelude::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::ReportError;
use crate::picture::{
    self, Area, BLUE, GRID, MUTED, SCARLET, TEXT, drawing_error, px, text, text_width,
};

/// Side of a panel, and what is above and around it, in shown pixels.
const SIDE: u32 = 320;
const TOP: u32 = 58;
const GAP: u32 = 20;
/// Size of the labels, and how far they stand off their points.
const LETTERS: u32 = 12;
const OFF: u32 = 7;

/// Named points of a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// What they are of.
    pub title: String,
    /// A figure about them.
    pub note: String,
    /// The points.
    pub points: Vec<PlanePoint>,
}

/// A named point of a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanePoint {
    /// What is written next to it.
    pub label: String,
    /// To the right and up.
    pub at: [f64; 2],
    /// Whether it stands out.
    pub marked: bool,
}

/// Planes side by side, all to the same scale in both directions: distances can be compared with
/// each other and between the planes.
///
/// # Errors
///
/// [`ReportError::Drawing`] if the plotting library fails.
pub fn planes_svg(planes: &[Plane]) -> Result<String, ReportError> {
    let width = GAP + (SIDE + GAP) * planes.len().max(1) as u32;
    let titles: Vec<String> = planes
        .iter()
        .map(|it| format!("{}, {}", it.title, it.note))
        .collect();
    let description = format!("Choices by their likeness: {}", titles.join("; "));
    let values = planes.iter().flat_map(|plane| &plane.points);
    let furthest = values
        .flat_map(|point| point.at)
        .map(f64::abs)
        .fold(0.0, f64::max);
    // Room for the labels of the outermost.
    let reach = if furthest > 0.0 { 1.3 * furthest } else { 1.0 };
    picture::draw((width, TOP + SIDE + GAP), &description, |area| {
        for (index, plane) in planes.iter().enumerate() {
            let left = GAP + (SIDE + GAP) * index as u32;
            Panel { left, reach }.paint(area, plane)?;
        }
        Ok(())
    })
}

/// Where a plane is drawn.
struct Panel {
    /// In shown pixels.
    left: u32,
    /// From the middle to every side, in the plane's own unit.
    reach: f64,
}

impl Panel {
    fn paint(&self, area: &Area<'_>, plane: &Plane) -> Result<(), ReportError> {
        let (left, right) = (px(self.left) as i32, px(self.left + SIDE) as i32);
        let (top, bottom) = (px(TOP) as i32, px(TOP + SIDE) as i32);
        let (x, y) = self.place([0.0, 0.0]);
        let frame = [
            (left, top),
            (right, top),
            (right, bottom),
            (left, bottom),
            (left, top),
        ];
        for line in [
            frame.to_vec(),
            vec![(x, top), (x, bottom)],
            vec![(left, y), (right, y)],
        ] {
            let style = GRID.color().stroke_width(px(1));
            area.draw(&PathElement::new(line, style))
                .map_err(drawing_error)?;
        }
        for (words, ink, y) in [(&plane.title, &TEXT, 20), (&plane.note, &MUTED, 40)] {
            let style = text(13, ink).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw(&Text::new(words.clone(), (left, px(y) as i32), style))
                .map_err(drawing_error)?;
        }
        self.paint_scale(area)?;
        let ink = |point: &PlanePoint| if point.marked { &SCARLET } else { &BLUE };
        for point in &plane.points {
            let dot = Circle::new(self.place(point.at), px(4), ink(point).color().filled());
            area.draw(&dot).map_err(drawing_error)?;
        }
        let mut taken: Vec<Frame> = Vec::new();
        for point in &plane.points {
            let (frame, side) = self.label(point, &taken);
            let style = text(LETTERS, ink(point)).pos(Pos::new(side, VPos::Center));
            let x = match side {
                HPos::Left => frame.x.0,
                HPos::Right => frame.x.1,
                HPos::Center => (frame.x.0 + frame.x.1) / 2,
            };
            let at = (x, (frame.y.0 + frame.y.1) / 2);
            area.draw(&Text::new(point.label.clone(), at, style))
                .map_err(drawing_error)?;
            taken.push(frame);
        }
        Ok(())
    }

    /// A line of a round length.
    fn paint_scale(&self, area: &Area<'_>) -> Result<(), ReportError> {
        let rough = 0.5 * self.reach;
        let power = 10f64.powf(rough.log10().floor());
        let length = [5.0, 2.0, 1.0].map(|factor| factor * power);
        let length = length.into_iter().find(|&it| it <= rough).unwrap_or(power);
        let y = px(TOP + SIDE - 12) as i32;
        let right = px(self.left + SIDE - 12) as i32;
        let left = right - self.pixels(length) as i32;
        let style = MUTED.color().stroke_width(px(2));
        area.draw(&PathElement::new(vec![(left, y), (right, y)], style))
            .map_err(drawing_error)?;
        let style = text(11, &MUTED).pos(Pos::new(HPos::Center, VPos::Bottom));
        let at = ((left + right) / 2, y - px(4) as i32);
        area.draw(&Text::new(length.to_string(), at, style))
            .map_err(drawing_error)
    }

    fn pixels(&self, length: f64) -> f64 {
        length / self.reach * f64::from(px(SIDE)) / 2.0
    }

    fn place(&self, [x, y]: [f64; 2]) -> (i32, i32) {
        let middle = (px(self.left + SIDE / 2), px(TOP + SIDE / 2));
        (
            middle.0 as i32 + self.pixels(x).round() as i32,
            middle.1 as i32 - self.pixels(y).round() as i32,
        )
    }

    /// Where a label goes: to a side of its point where no other label is, to the right of it
    /// where all are taken.
    fn label(&self, point: &PlanePoint, taken: &[Frame]) -> (Frame, HPos) {
        let (x, y) = self.place(point.at);
        let (width, height) = (text_width(&point.label, LETTERS), px(LETTERS) as i32);
        let off = px(OFF) as i32;
        let beside = |left: i32, middle: i32, side| {
            let frame = Frame {
                x: (left, left + width),
                y: (middle - height / 2, middle + height / 2),
            };
            (frame, side)
        };
        let far = off + height / 2;
        let places = [
            beside(x + off, y, HPos::Left),
            beside(x - off - width, y, HPos::Right),
            beside(x - width / 2, y - far, HPos::Center),
            beside(x - width / 2, y + far, HPos::Center),
            beside(x + off, y - far, HPos::Left),
            beside(x + off, y + far, HPos::Left),
            beside(x - off - width, y - far, HPos::Right),
            beside(x - off - width, y + far, HPos::Right),
        ];
        let is_free = |(frame, _): &&(Frame, HPos)| taken.iter().all(|it| !it.overlaps(frame));
        let found = places.iter().find(is_free).unwrap_or(&places[0]);
        *found
    }
}

/// A rectangle that is taken: from and to, in both directions.
#[derive(Clone, Copy)]
struct Frame {
    x: (i32, i32),
    y: (i32, i32),
}

impl Frame {
    fn overlaps(&self, other: &Self) -> bool {
        let meet = |a: (i32, i32), b: (i32, i32)| a.0 < b.1 && b.0 < a.1;
        meet(self.x, other.x) && meet(self.y, other.y)
    }
}
