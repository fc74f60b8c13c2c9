//! What all pictures share: their colours, and how one is drawn.

use std::fmt::Display;

use plotters::chart::MeshStyle;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::drawing::DrawingArea;
use plotters::prelude::{DrawingBackend, IntoDrawingArea, RGBColor, SVGBackend};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, IntoFont, TextStyle};

use crate::ReportError;

/// A colour on light backgrounds, and what it becomes on dark ones.
pub(crate) struct Ink {
    light: (u8, u8, u8),
    dark: (u8, u8, u8),
}

const fn ink(light: (u8, u8, u8), dark: (u8, u8, u8)) -> Ink {
    Ink { light, dark }
}

impl Ink {
    pub(crate) const fn color(&self) -> RGBColor {
        RGBColor(self.light.0, self.light.1, self.light.2)
    }
}

/// The ground of every picture, so that it can be read on whatever page shows it.
pub(crate) const PAPER: Ink = ink((0xfd, 0xfc, 0xfb), (0x17, 0x16, 0x1a));
pub(crate) const TEXT: Ink = ink((0x24, 0x21, 0x26), (0xec, 0xe9, 0xee));
pub(crate) const MUTED: Ink = ink((0x6a, 0x65, 0x6f), (0xa6, 0xa0, 0xad));
pub(crate) const GRID: Ink = ink((0xe7, 0xe4, 0xe8), (0x2d, 0x2a, 0x32));
pub(crate) const DOT: Ink = ink((0x8b, 0x86, 0x92), (0x85, 0x7f, 0x8e));
pub(crate) const SCARLET: Ink = ink((0xc8, 0x2a, 0x1e), (0xff, 0x6b, 0x57));
pub(crate) const BLUE: Ink = ink((0x2b, 0x5f, 0xa8), (0x7f, 0xb2, 0xf5));

const INKS: [&Ink; 7] = [&PAPER, &TEXT, &MUTED, &GRID, &DOT, &SCARLET, &BLUE];

/// Pictures are drawn this much larger than they are shown: coordinates are whole numbers.
pub(crate) const ZOOM: u32 = 4;

/// A length in shown pixels.
pub(crate) const fn px(length: u32) -> u32 {
    length * ZOOM
}

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Axes and grid as all charts have them, with labels and headings of these sizes in shown pixels.
pub(crate) fn plain_mesh<'m, 'a, 'b, X, Y, B>(
    mesh: &'m mut MeshStyle<'a, 'b, X, Y, B>,
    labels: u32,
    headings: u32,
) -> &'m mut MeshStyle<'a, 'b, X, Y, B>
where
    X: Ranged + ValueFormatter<X::ValueType>,
    Y: Ranged + ValueFormatter<Y::ValueType>,
    B: DrawingBackend,
{
    mesh.axis_style(MUTED.color().stroke_width(px(1)))
        .bold_line_style(GRID.color().stroke_width(px(1)))
        .light_line_style(GRID.color().mix(0.0))
        .label_style(text(labels, &MUTED))
        .axis_desc_style(text(headings, &TEXT))
}

/// Draws a picture of `width` × `height` shown pixels, which `description` stands for where it
/// cannot be seen.
pub(crate) fn draw(
    (width, height): (u32, u32),
    description: &str,
    paint: impl FnOnce(&Area<'_>) -> Result<(), ReportError>,
) -> Result<String, ReportError> {
    let mut drawing = String::new();
    {
        let area =
            SVGBackend::with_string(&mut drawing, (px(width), px(height))).into_drawing_area();
        area.fill(&PAPER.color()).map_err(drawing_error)?;
        paint(&area)?;
        area.present().map_err(drawing_error)?;
    }
    // The library's own first tag says nothing about the description and the colours. Letters are
    // rimmed with the ground's colour, to be read above dots and lines.
    let body = drawing.split_once('>').map_or("", |(_, body)| body);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n<title>{}</title>\n\
         <style>text{{font-family:system-ui,sans-serif;paint-order:stroke;stroke:{};\
         stroke-width:{}px;stroke-linejoin:round}}\
         @media(prefers-color-scheme:dark){{text{{stroke:{}}}{}}}</style>{body}",
        px(width),
        px(height),
        escaped(description),
        escaped(description),
        hex(PAPER.light),
        px(4),
        hex(PAPER.dark),
        dark_rules(),
    ))
}

/// Rules that exchange every colour for its dark one: style sheets win over attributes.
fn dark_rules() -> String {
    let rule = |ink: &&Ink| {
        let (light, dark) = (hex(ink.light), hex(ink.dark));
        format!("[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}")
    };
    INKS.iter().map(rule).collect()
}

/// As the plotting library writes colours.
fn hex((r, g, b): (u8, u8, u8)) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// Text of `size` shown pixels.
pub(crate) fn text(size: u32, ink: &Ink) -> TextStyle<'static> {
    let font = FontDesc::new(
        FontFamily::SansSerif,
        f64::from(px(size)),
        FontStyle::Normal,
    );
    font.into_font().color(&ink.color())
}

/// About as wide as a text of `size` shown pixels will be, in drawn pixels. A picture cannot know
/// the font that it will be shown with.
pub(crate) fn text_width(text: &str, size: u32) -> i32 {
    (text.chars().count() as f64 * f64::from(px(size)) * 0.54) as i32
}

pub(crate) fn drawing_error(error: impl Display) -> ReportError {
    ReportError::Drawing {
        reason: error.to_string(),
    }
}

/// Text as XML and HTML want it, between tags and in attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
