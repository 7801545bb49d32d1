//! Lines, areas, points and texts, in points of the layout.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::style::{INK, Stroke};
use super::{Drawn, failed};
use crate::parsers::Error;

/// Size of texts.
pub(super) const FONT_SIZE: f64 = 11.0;
/// The box of a line of text reaches below its digits: this much lower they stand in the middle.
pub(super) const NUDGE: f64 = 0.8;

/// A part of a line of text: in SVG, blanks at its ends would be lost.
pub(super) struct Word<'a> {
    pub text: &'a str,
    pub size: f64,
    /// This much lower than the line.
    pub drop: f64,
    /// Blank before it.
    pub gap: f64,
}

impl<'a> Word<'a> {
    pub fn of(text: &'a str) -> Self {
        Word { text, size: FONT_SIZE, drop: 0.0, gap: 0.0 }
    }
}

/// Turns points of the layout into drawing units.
#[derive(Clone, Copy)]
pub(super) struct Scale(pub f64);

impl Scale {
    fn at(self, (x, y): (f64, f64)) -> (i32, i32) {
        ((x * self.0).round() as i32, (y * self.0).round() as i32)
    }
}

/// What is drawn on.
pub(super) struct Canvas<'a, DB: DrawingBackend> {
    pub area: &'a DrawingArea<DB, Shift>,
    pub scale: Scale,
}

impl<DB: DrawingBackend> Canvas<'_, DB> {
    fn style(&self, Stroke { colour, width }: Stroke) -> ShapeStyle {
        let stroke_width = (width * self.scale.0).round().max(1.0) as u32;
        ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width }
    }

    /// A line; it ends and begins anew where it turns back, since the library draws corners as sharp as they are, far beyond the
    /// point itself.
    pub fn line(&self, points: &[(f64, f64)], stroke: Stroke) -> Drawn {
        for piece in without_sharp_corners(points) {
            let piece: Vec<_> = piece.iter().map(|&point| self.scale.at(point)).collect();
            self.area.draw(&PathElement::new(piece, self.style(stroke))).map_err(failed)?;
        }
        Ok(())
    }

    /// A straight line of dashes.
    pub fn dashes(&self, from: (f64, f64), to: (f64, f64), stroke: Stroke) -> Drawn {
        let (dash, gap) = (4.0, 3.0);
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let point = |at: f64| {
            let part = (at / length).min(1.0);
            (from.0 + part * (to.0 - from.0), from.1 + part * (to.1 - from.1))
        };
        let starts = (0..).map(|i| i as f64 * (dash + gap)).take_while(|at| *at < length);
        starts.map(|at| [point(at), point(at + dash)]).try_for_each(|dash| self.line(&dash, stroke))
    }

    pub fn area(&self, border: &[(f64, f64)], colour: RGBColor, opacity: f64) -> Drawn {
        let border: Vec<_> = border.iter().map(|&point| self.scale.at(point)).collect();
        self.area.draw(&Polygon::new(border, colour.mix(opacity).filled())).map_err(failed)
    }

    pub fn dot(&self, centre: (f64, f64), radius: f64, colour: RGBColor, opacity: f64) -> Drawn {
        let radius = (radius * self.scale.0).round() as i32;
        self.area.draw(&Circle::new(self.scale.at(centre), radius, colour.mix(opacity).filled())).map_err(failed)
    }

    pub fn text(&self, text: &str, at: (f64, f64), anchor: (HPos, VPos)) -> Drawn {
        let style = self.font(FONT_SIZE).pos(Pos::new(anchor.0, anchor.1));
        self.area.draw_text(text, &style, self.scale.at(at)).map_err(failed)
    }

    /// Words one after the other, about a middle, on a line that may run upwards.
    pub fn words(&self, words: &[Word<'_>], middle: (f64, f64), upwards: bool) -> Drawn {
        let widths = words.iter().map(|word| width_of(word.text, word.size)).collect::<Result<Vec<_>, _>>()?;
        let gaps = words.iter().map(|word| word.gap);
        let mut along = -0.5 * widths.iter().copied().chain(gaps).sum::<f64>();
        for (word, width) in words.iter().zip(widths) {
            along += word.gap;
            let font = self.font(word.size).pos(Pos::new(HPos::Left, VPos::Bottom));
            let (font, at) = match upwards {
                true => (font.transform(FontTransform::Rotate270), (middle.0 + word.drop, middle.1 - along)),
                false => (font, (middle.0 + along, middle.1 + word.drop)),
            };
            self.area.draw_text(word.text, &font, self.scale.at(at)).map_err(failed)?;
            along += width;
        }
        Ok(())
    }

    fn font(&self, size: f64) -> TextStyle<'static> {
        ("sans-serif", size * self.scale.0).into_font().color(&INK)
    }
}

/// Width of a text in points.
pub(super) fn width_of(text: &str, size: f64) -> Result<f64, Error> {
    const LARGE: f64 = 20.0;
    let (width, _) = ("sans-serif", size * LARGE).into_font().box_size(text).map_err(failed)?;
    Ok(width as f64 / LARGE)
}

/// Pieces of a line that turn by no more than a right angle anywhere; they share their ends.
fn without_sharp_corners(points: &[(f64, f64)]) -> Vec<&[(f64, f64)]> {
    let is_sharp = |i: &usize| {
        let (a, b, c) = (points[i - 1], points[*i], points[i + 1]);
        (b.0 - a.0) * (c.0 - b.0) + (b.1 - a.1) * (c.1 - b.1) < 0.0
    };
    let last = points.len().saturating_sub(1);
    let mut start = 0;
    let corners = (1..last).filter(is_sharp).chain([last]);
    corners.map(|end| &points[std::mem::replace(&mut start, end)..(end + 1).min(points.len())]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_where_they_turn_back() {
        let peak = [(0.0, 0.0), (1.0, 0.0), (2.0, 9.0), (3.0, 0.0), (4.0, 0.0)];
        assert_eq!(without_sharp_corners(&peak), [&peak[..3], &peak[2..]]);
        let square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)];
        assert_eq!(without_sharp_corners(&square), [&square[..]]);
        assert_eq!(without_sharp_corners(&peak[..2]), [&peak[..2]]);
        assert!(without_sharp_corners(&[]).concat().is_empty());
    }
}
