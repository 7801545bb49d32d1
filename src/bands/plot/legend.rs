//! Names of lines and groups above the frames.

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};

use super::Drawn;
use super::canvas::{Canvas, FONT_SIZE, width_of};
use super::style::{Shown, Stroke};
use crate::parsers::Error;

const SAMPLE: f64 = 18.0;
const SPACE: f64 = 4.0;
const GAP: f64 = 16.0;
/// Height of a row.
const ROW: f64 = 15.0;
/// Width of the sample of a group.
const BROAD: f64 = 4.0;

/// What stands where, relative to the left end of the last row.
#[derive(Debug, Default)]
pub(super) struct Legend {
    entries: Vec<Entry>,
    rows: usize,
    /// Where the last row ends.
    end: f64,
}

#[derive(Debug)]
struct Entry {
    name: String,
    stroke: Stroke,
    x: f64,
    row: usize,
}

impl Legend {
    /// Lines, if they are several, and groups, in rows of a width.
    pub fn new(lines: &[(String, Stroke)], groups: &[Shown], width: f64) -> Result<Self, Error> {
        let lines = lines.iter().filter(|_| lines.len() > 1).cloned();
        let groups = groups.iter().map(|group| (group.name.clone(), Stroke { colour: group.colour, width: BROAD }));
        let mut legend = Legend::default();
        for (name, stroke) in lines.chain(groups) {
            legend.add(name, stroke, width)?;
        }
        Ok(legend)
    }

    fn add(&mut self, name: String, stroke: Stroke, width: f64) -> Result<(), Error> {
        let length = SAMPLE + SPACE + width_of(&name, FONT_SIZE)?;
        if self.rows == 0 || (self.end > 0.0 && self.end + length > width) {
            self.rows += 1;
            self.end = 0.0;
        }
        self.entries.push(Entry { name, stroke, x: self.end, row: self.rows - 1 });
        self.end += length + GAP;
        Ok(())
    }

    /// How much higher than a single row.
    pub fn extra_height(&self) -> f64 {
        self.rows.saturating_sub(1) as f64 * ROW
    }

    /// Draws it above a point, the left top corner of a frame.
    pub fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, (left, top): (f64, f64)) -> Drawn {
        for entry in &self.entries {
            let x = left + entry.x;
            let y = top - (self.rows - 1 - entry.row) as f64 * ROW;
            canvas.line(&[(x, y - 11.0), (x + SAMPLE, y - 11.0)], entry.stroke)?;
            canvas.text(&entry.name, (x + SAMPLE + SPACE, y - 6.0), (HPos::Left, VPos::Bottom))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bands::plot::register_font;
    use crate::bands::plot::style::INK;

    #[test]
    fn names_do_not_run_into_each_other_nor_out_of_the_figure() {
        register_font().unwrap();
        let groups: Vec<Shown> =
            (0..8).map(|i| Shown { name: format!("Mo(1{i}) 4d zeta 2"), members: vec![i], colour: INK }).collect();
        let legend = Legend::new(&[], &groups, 310.0).unwrap();
        assert!(legend.rows >= 3 && legend.extra_height() > 0.0);
        for pair in legend.entries.windows(2) {
            let end = pair[0].x + SAMPLE + SPACE + width_of(&pair[0].name, FONT_SIZE).unwrap();
            assert!(end <= 310.0, "{end}");
            assert!(pair[1].row > pair[0].row && pair[1].x == 0.0 || pair[1].x > end);
        }
        let alone = Legend::new(&[("SCF".into(), Stroke { colour: INK, width: 1.0 })], &[], 310.0).unwrap();
        assert!(alone.entries.is_empty());
    }
}
