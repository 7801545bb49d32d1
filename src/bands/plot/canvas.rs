//! Draws one panel: guides, bands, frame, labels, legend.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::clip::inside;
use super::{Drawn, FONT_SIZE, Figure, GUIDE, INK, Line, PANEL_HEIGHT, PANEL_WIDTH, TICK, TOP, failed};
use crate::parsers::Error;

/// The box of a line of text reaches below its digits: this much lower they stand in the middle.
const NUDGE: f64 = 0.8;

/// Turns points of the layout into drawing units.
#[derive(Clone, Copy)]
pub(super) struct Scale(pub f64);

impl Scale {
    fn at(self, x: f64, y: f64) -> (i32, i32) {
        ((x * self.0).round() as i32, (y * self.0).round() as i32)
    }

    fn stroke(self, colour: RGBColor, width: f64) -> ShapeStyle {
        ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: (width * self.0).round().max(1.0) as u32 }
    }
}

/// One panel while it is drawn.
pub(super) struct Canvas<'a, DB: DrawingBackend> {
    pub area: &'a DrawingArea<DB, Shift>,
    pub scale: Scale,
    pub left: f64,
    pub figure: &'a Figure<'a>,
}

impl<DB: DrawingBackend> Canvas<'_, DB> {
    fn x(&self, distance: f64) -> f64 {
        let length = self.figure.bands.path.distances.last().copied().unwrap_or(0.0);
        self.left + if length > 0.0 { PANEL_WIDTH * distance / length } else { 0.0 }
    }

    fn y(&self, energy: f64) -> f64 {
        let [low, high] = self.figure.window;
        TOP + PANEL_HEIGHT * (high - energy) / (high - low)
    }

    fn path(&self, points: &[(f64, f64)], style: ShapeStyle) -> Drawn {
        let points: Vec<_> = points.iter().map(|&(x, y)| self.scale.at(x, y)).collect();
        self.area.draw(&PathElement::new(points, style)).map_err(failed)
    }

    pub fn text(&self, text: &str, x: f64, y: f64, anchor: HPos) -> Drawn {
        let style = self.font(FONT_SIZE).pos(Pos::new(anchor, VPos::Bottom));
        self.area.draw_text(text, &style, self.scale.at(x, y)).map_err(failed)
    }

    fn font(&self, size: f64) -> TextStyle<'static> {
        ("sans-serif", size * self.scale.0).into_font().color(&INK)
    }

    /// Width of a text in points.
    fn width(&self, text: &str, size: f64) -> Result<f64, Error> {
        let (width, _) = self.area.estimate_text_size(text, &self.font(size)).map_err(failed)?;
        Ok(width as f64 / self.scale.0)
    }

    /// Vertical lines at the corners, and the Fermi level.
    pub fn guides(&self) -> Drawn {
        let style = self.scale.stroke(GUIDE, 0.6);
        for (distance, _) in self.figure.bands.path.ticks() {
            let x = self.x(distance);
            self.path(&[(x, TOP), (x, TOP + PANEL_HEIGHT)], style)?;
        }
        let [low, high] = self.figure.window;
        if !self.figure.bands.relative || !(low..=high).contains(&0.0) {
            return Ok(());
        }
        let (dash, gap, y) = (4.0, 3.0, self.y(0.0));
        let dashes = (0..).map(|i| i as f64 * (dash + gap)).take_while(|x| *x < PANEL_WIDTH);
        dashes
            .map(|x| (self.left + x, self.left + (x + dash).min(PANEL_WIDTH)))
            .try_for_each(|(from, to)| self.path(&[(from, y), (to, y)], self.scale.stroke(INK, 0.6)))
    }

    /// All bands of a line, cut at the window.
    pub fn line(&self, line: &Line<'_>) -> Drawn {
        let style = self.scale.stroke(line.colour, line.width);
        let bands = line.curve.energies[line.spin].iter().map(Vec::len).max().unwrap_or(0);
        for stretch in self.figure.bands.path.stretches() {
            for band in 0..bands {
                for piece in inside(&self.band(line, band, stretch.clone()), self.figure.window) {
                    let points: Vec<_> = piece.into_iter().map(|(x, energy)| (x, self.y(energy))).collect();
                    self.path(&points, style)?;
                }
            }
        }
        Ok(())
    }

    /// One band between two jumps: position and energy (eV). A single k point becomes a level across the frame.
    fn band(&self, line: &Line<'_>, band: usize, stretch: Range<usize>) -> Vec<(f64, f64)> {
        let bands = self.figure.bands;
        let energy = |k: usize| line.curve.energies[line.spin][k].get(band).map(|&e| bands.relative_ev(line.curve, e));
        if bands.path.points.len() == 1 {
            let level = energy(0).into_iter();
            return level.flat_map(|e| [(self.left, e), (self.left + PANEL_WIDTH, e)]).collect();
        }
        stretch.filter_map(|k| Some((self.x(bands.path.distances[k]), energy(k)?))).collect()
    }

    /// The frame, ticks of the energy, and with `labelled` their numbers and the axis' name.
    pub fn frame(&self, labelled: bool) -> Drawn {
        let style = self.scale.stroke(INK, 0.8);
        let [low, high] = self.figure.window;
        for energy in ticks(low, high) {
            let y = self.y(energy);
            let right = self.left + PANEL_WIDTH;
            self.path(&[(self.left, y), (self.left + TICK, y)], style)?;
            self.path(&[(right - TICK, y), (right, y)], style)?;
            if labelled {
                let style = self.font(FONT_SIZE).pos(Pos::new(HPos::Right, VPos::Center));
                let at = self.scale.at(self.left - 5.0, y + NUDGE);
                self.area.draw_text(&number(energy), &style, at).map_err(failed)?;
            }
        }
        let corners = [self.scale.at(self.left, TOP), self.scale.at(self.left + PANEL_WIDTH, TOP + PANEL_HEIGHT)];
        self.area.draw(&Rectangle::new(corners, style)).map_err(failed)?;
        if labelled { self.axis_name() } else { Ok(()) }
    }

    /// `E − E_F (eV)` along the axis, the F as a subscript.
    fn axis_name(&self) -> Drawn {
        let parts: &[(&str, f64, f64)] = match self.figure.bands.relative {
            true => &[("E − E", FONT_SIZE, 0.0), ("F", 0.7 * FONT_SIZE, 2.5), (" (eV)", FONT_SIZE, 0.0)],
            false => &[("E (eV)", FONT_SIZE, 0.0)],
        };
        let widths = parts.iter().map(|(text, size, _)| self.width(text, *size)).collect::<Result<Vec<_>, _>>()?;
        let mut y = TOP + 0.5 * (PANEL_HEIGHT + widths.iter().sum::<f64>());
        for ((text, size, drop), width) in parts.iter().zip(widths) {
            let font = self.font(*size).transform(FontTransform::Rotate270).pos(Pos::new(HPos::Left, VPos::Bottom));
            self.area.draw_text(text, &font, self.scale.at(self.left - 33.0 + drop, y)).map_err(failed)?;
            y -= width;
        }
        Ok(())
    }

    pub fn corner_labels(&self) -> Drawn {
        let style = self.font(FONT_SIZE).pos(Pos::new(HPos::Center, VPos::Top));
        for (distance, label) in self.figure.bands.path.ticks() {
            let single = self.figure.bands.path.points.len() == 1;
            let x = if single { self.left + 0.5 * PANEL_WIDTH } else { self.x(distance) };
            let at = self.scale.at(x, TOP + PANEL_HEIGHT + 6.0);
            self.area.draw_text(&label, &style, at).map_err(failed)?;
        }
        Ok(())
    }

    /// Names of the lines above the frame, where there are several; returns where they end.
    pub fn legend(&self, lines: &[Line<'_>]) -> Result<f64, Error> {
        let (mut x, y, sample) = (self.left, TOP - 11.0, 18.0);
        for line in lines.iter().filter(|_| lines.len() > 1) {
            self.path(&[(x, y), (x + sample, y)], self.scale.stroke(line.colour, line.width))?;
            self.text(&line.name, x + sample + 4.0, TOP - 6.0, HPos::Left)?;
            x += sample + 4.0 + self.width(&line.name, FONT_SIZE)? + 16.0;
        }
        Ok(x)
    }
}

/// Round numbers between two energies, at most ten intervals.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 10.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A number of the axis, with a real minus sign.
fn number(energy: f64) -> String {
    let rounded = (energy * 1e6).round() / 1e6 + 0.0;
    format!("{rounded}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(ticks(-20.0, 10.0), [-20.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0]);
        assert_eq!(ticks(-0.3, 0.35).len(), 7);
        assert_eq!(number(-0.30000000000000004), "−0.3");
        assert_eq!(number(-0.0), "0");
    }
}
