//! A panel of densities of states.

use plotters::prelude::DrawingBackend;

use super::Drawn;
use super::canvas::Canvas;
use super::clip::{inside, value_at};
use super::frame::Frame;
use super::style::{Shown, Stroke};
use crate::bands::dos::{Dos, DosCurve};

/// How dark the area of a group is.
const SHADE: f64 = 0.15;

/// One frame with its lines; spin down is drawn to the other side.
pub(super) struct Panel<'a> {
    pub frame: Frame,
    pub dos: &'a Dos,
    /// Lines of each Hamiltonian, by spin.
    pub strokes: Vec<[Stroke; 2]>,
}

impl Panel<'_> {
    /// Gives the axis of densities its ends.
    pub fn fitted(mut self) -> Self {
        let shown = self.positions();
        let spins = self.dos.curves.iter().flat_map(|curve| &curve.total);
        let most = |total: &Vec<f64>| shown.iter().map(|&at| value_at(total, at)).fold(0.0, f64::max);
        let most = spins.map(most).fold(0.0, f64::max) * 1.05 / self.dos.ev_per_hartree;
        let high = if most > 0.0 { most } else { 1.0 };
        let is_mirrored = self.dos.curves.iter().any(|curve| curve.total.len() == 2);
        self.frame.others = [if is_mirrored { -high } else { 0.0 }, high];
        self
    }

    /// Where on the axis of energies the frame is.
    fn positions(&self) -> Vec<f64> {
        inside(&self.dos.energies_ev(), self.frame.energies).concat()
    }

    pub fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, groups: &[Shown]) -> Drawn {
        if self.frame.others[0] < 0.0 {
            self.frame.guide(canvas, 0.0)?;
        }
        if self.dos.relative {
            self.frame.zero(canvas)?;
        }
        let last = self.dos.curves.len().saturating_sub(1);
        for (i, curve) in self.dos.curves.iter().enumerate() {
            for spin in 0..curve.total.len() {
                if i == last {
                    self.groups(canvas, curve, spin, groups)?;
                }
                canvas.line(&self.points(&curve.total[spin], spin), self.strokes[i][spin])?;
            }
        }
        self.frame.density_axis(canvas)?;
        self.frame.border(canvas)
    }

    fn groups<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        curve: &DosCurve,
        spin: usize,
        groups: &[Shown],
    ) -> Drawn {
        let Some(projected) = &curve.projected else { return Ok(()) };
        for group in groups {
            let sum = |i: usize| group.members.iter().map(|&member| projected[spin][member][i]).sum();
            let density: Vec<f64> = (0..self.dos.energies.len()).map(sum).collect();
            let points = self.points(&density, spin);
            let zero = |at: Option<&f64>| at.map(|&at| self.place(0.0, at));
            let shown = self.positions();
            let border = points.iter().copied().chain(zero(shown.last())).chain(zero(shown.first()));
            canvas.area(&border.collect::<Vec<_>>(), group.colour, SHADE)?;
            canvas.line(&points, Stroke { colour: group.colour, width: 1.0 })?;
        }
        Ok(())
    }

    /// The line of a density (states per hartree).
    fn points(&self, density: &[f64], spin: usize) -> Vec<(f64, f64)> {
        let sign = if spin == 1 { -1.0 } else { 1.0 };
        let density = |at: f64| sign * value_at(density, at) / self.dos.ev_per_hartree;
        self.positions().into_iter().map(|at| self.place(density(at), at)).collect()
    }

    /// Where a density (states per eV) is at a position on the axis of energies.
    fn place(&self, density: f64, at: f64) -> (f64, f64) {
        self.frame.place(density, value_at(&self.dos.energies, at) * self.dos.ev_per_hartree)
    }
}
