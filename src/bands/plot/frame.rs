//! A frame: energies along one side, something else along the other; border, ticks and names of axes.

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};

use super::Drawn;
use super::canvas::{Canvas, FONT_SIZE, NUDGE, Word};
use super::style::{GUIDE, INK, Stroke};

const TICK: f64 = 4.0;
const BORDER: Stroke = Stroke { colour: INK, width: 0.8 };
const THIN: Stroke = Stroke { colour: INK, width: 0.6 };

/// Where a panel is, and what of its axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    /// Lowest and highest energy, eV.
    pub energies: [f64; 2],
    /// The ends of the other axis.
    pub others: [f64; 2],
    /// Do energies run upwards (else to the right)?
    pub upright: bool,
}

impl Frame {
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    pub fn place(&self, other: f64, energy: f64) -> (f64, f64) {
        let part = |value: f64, [low, high]: [f64; 2]| if high > low { (value - low) / (high - low) } else { 0.0 };
        let (energy, other) = (part(energy, self.energies), part(other, self.others));
        let (right, up) = if self.upright { (other, energy) } else { (energy, other) };
        (self.left + self.width * right, self.top + self.height * (1.0 - up))
    }

    /// Both ends of the line of one energy, or of one value of the other axis.
    fn at_energy(&self, energy: f64) -> [(f64, f64); 2] {
        self.others.map(|other| self.place(other, energy))
    }

    fn at_other(&self, other: f64) -> [(f64, f64); 2] {
        self.energies.map(|energy| self.place(other, energy))
    }

    /// A grey line across.
    pub fn guide<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, other: f64) -> Drawn {
        canvas.line(&self.at_other(other), Stroke { colour: GUIDE, width: 0.6 })
    }

    /// The Fermi level.
    pub fn zero<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn {
        let [low, high] = self.energies;
        if !(low..=high).contains(&0.0) {
            return Ok(());
        }
        let [from, to] = self.at_energy(0.0);
        canvas.dashes(from, to, THIN)
    }

    pub fn border<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn {
        let (left, top, right, bottom) = (self.left, self.top, self.right(), self.bottom());
        canvas.line(&[(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], BORDER)
    }

    /// Ticks of the energies, and with `labelled` their numbers and the axis' name.
    pub fn energy_axis<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, labelled: bool, relative: bool) -> Drawn {
        for energy in ticks(self.energies, 10) {
            self.ticks_at(canvas, self.at_energy(energy), self.upright)?;
            if labelled {
                self.number(canvas, energy, self.at_energy(energy)[0], self.upright)?;
            }
        }
        let small = 0.7 * FONT_SIZE;
        let name: &[Word<'_>] = match relative {
            true => &[
                Word::of("E − E"),
                Word { size: small, drop: 2.5, ..Word::of("F") },
                Word { gap: 3.5, ..Word::of("(eV)") },
            ],
            false => &[Word::of("E (eV)")],
        };
        if labelled { self.name(canvas, name, self.upright) } else { Ok(()) }
    }

    /// Ticks and numbers of densities, those of spin down without a sign.
    pub fn density_axis<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn {
        let most = if self.upright { 4 } else { 6 };
        for density in ticks(self.others, most) {
            self.ticks_at(canvas, self.at_other(density), !self.upright)?;
            self.number(canvas, density.abs(), self.at_other(density)[0], !self.upright)?;
        }
        self.name(canvas, &[Word::of("states / eV")], !self.upright)
    }

    /// Short lines inwards at both borders.
    fn ticks_at<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, ends: [(f64, f64); 2], at_sides: bool) -> Drawn {
        for ((x, y), inwards) in ends.into_iter().zip([TICK, -TICK]) {
            let to = if at_sides { (x + inwards, y) } else { (x, y - inwards) };
            canvas.line(&[(x, y), to], BORDER)?;
        }
        Ok(())
    }

    fn number<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, value: f64, at: (f64, f64), at_side: bool) -> Drawn {
        let (at, anchor) = match at_side {
            true => ((at.0 - 5.0, at.1 + NUDGE), (HPos::Right, VPos::Center)),
            false => ((at.0, at.1 + 6.0), (HPos::Center, VPos::Top)),
        };
        canvas.text(&number(value), at, anchor)
    }

    /// The name of an axis: along the left side, or below.
    fn name<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, words: &[Word<'_>], at_side: bool) -> Drawn {
        let middle = match at_side {
            true => (self.left - 33.0, self.top + 0.5 * self.height),
            false => (self.left + 0.5 * self.width, self.bottom() + 33.0),
        };
        canvas.words(words, middle, at_side)
    }

    /// Labels of the path below the frame.
    pub fn corner<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, label: &str, distance: f64) -> Drawn {
        let (x, _) = self.place(distance, self.energies[0]);
        canvas.text(label, (x, self.bottom() + 6.0), (HPos::Center, VPos::Top))
    }
}

/// Round numbers between two values, at most so many intervals.
fn ticks([low, high]: [f64; 2], most: usize) -> Vec<f64> {
    let rough = (high - low) / most as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A number of the axis, with a real minus sign.
fn number(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6 + 0.0;
    format!("{rounded}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(ticks([-20.0, 10.0], 10), [-20.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0]);
        assert_eq!(ticks([-0.3, 0.35], 10).len(), 7);
        assert_eq!(number(-0.30000000000000004), "−0.3");
        assert_eq!(number(-0.0), "0");
    }

    #[test]
    fn energies_run_upwards_or_to_the_right() {
        let frame = Frame {
            left: 10.0,
            top: 20.0,
            width: 100.0,
            height: 50.0,
            energies: [-1.0, 3.0],
            others: [0.0, 2.0],
            upright: true,
        };
        assert_eq!(frame.place(0.5, 0.0), (35.0, 57.5));
        assert_eq!(Frame { upright: false, ..frame }.place(0.5, 0.0), (35.0, 57.5));
        assert_eq!(Frame { upright: false, ..frame }.place(2.0, 3.0), (110.0, 20.0));
        assert_eq!(frame.place(2.0, -1.0), (110.0, 70.0));
    }
}
