//! A panel of bands: lines, ribbons of weights, or points of unfolded states.

use plotters::prelude::DrawingBackend;

use super::Drawn;
use super::canvas::Canvas;
use super::clip::{inside, value_at};
use super::frame::Frame;
use super::style::{Shown, Stroke};
use crate::bands::structure::{BandStructure, Curve};

/// Width of a band of weight 1.
const RIBBON: f64 = 5.0;
/// Weights below this are not seen.
const FAINT: f64 = 0.01;

/// One frame with its lines.
pub(super) struct Panel<'a> {
    pub title: &'static str,
    pub frame: Frame,
    pub bands: &'a BandStructure,
    pub series: Vec<Series<'a>>,
}

/// All bands of one Hamiltonian and spin.
pub(super) struct Series<'a> {
    pub curve: &'a Curve,
    pub spin: usize,
    pub stroke: Stroke,
}

/// Points of a band without a gap: positions on the path, and indices of its k points.
struct Run {
    distances: Vec<f64>,
    kpoints: Vec<usize>,
}

impl Panel<'_> {
    pub fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, groups: &[Shown], is_first: bool) -> Drawn {
        for (distance, _) in self.bands.path.ticks() {
            self.frame.guide(canvas, distance)?;
        }
        if self.bands.relative {
            self.frame.zero(canvas)?;
        }
        for series in &self.series {
            match self.bands.unfolded {
                true => self.points(canvas, series)?,
                false => self.lines(canvas, series, groups)?,
            }
        }
        self.frame.energy_axis(canvas, is_first, self.bands.relative)?;
        self.frame.border(canvas)?;
        self.corners(canvas)
    }

    fn corners<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn {
        let middle = 0.5 * self.frame.others[1];
        let is_single = self.bands.path.points.len() == 1;
        let ticks = self.bands.path.ticks().into_iter();
        ticks
            .map(|(at, label)| (if is_single { middle } else { at }, label))
            .try_for_each(|(at, label)| self.frame.corner(canvas, &label, at))
    }

    fn lines<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, series: &Series<'_>, groups: &[Shown]) -> Drawn {
        let is_fat = self.series.last().is_some_and(|last| std::ptr::eq(last.curve, series.curve));
        for band in series.curve.band_range(series.spin) {
            for run in self.runs(series, band) {
                let energies = self.energies(series, band, &run);
                for piece in inside(&energies, self.frame.energies) {
                    let place = |&at: &f64| self.frame.place(value_at(&run.distances, at), value_at(&energies, at));
                    let points: Vec<_> = piece.iter().map(place).collect();
                    canvas.line(&points, series.stroke)?;
                    if is_fat {
                        let weights = |group: &Shown| {
                            let weights = self.weights(series, band, &run, group);
                            piece.iter().map(|&at| value_at(&weights, at)).collect()
                        };
                        ribbon(canvas, &points, groups, &groups.iter().map(weights).collect::<Vec<_>>())?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The parts of a band whose states follow one another; a single k point becomes a level across the frame.
    fn runs(&self, series: &Series<'_>, band: usize) -> Vec<Run> {
        let path = &self.bands.path;
        let parts = series.curve.parts(path, series.spin, band).into_iter();
        let is_single = path.points.len() == 1;
        let run = |kpoints: Vec<usize>| match is_single {
            true => Run { distances: self.frame.others.to_vec(), kpoints: vec![0, 0] },
            false => Run { distances: kpoints.iter().map(|&k| path.distances[k]).collect(), kpoints },
        };
        parts.map(run).collect()
    }

    /// Energies of a run, eV.
    fn energies(&self, series: &Series<'_>, band: usize, run: &Run) -> Vec<f64> {
        let energy = |&k: &usize| series.curve.energy(series.spin, k, band).unwrap_or(f64::NAN);
        run.kpoints.iter().map(|k| self.bands.relative_ev(series.curve, energy(k))).collect()
    }

    fn weights(&self, series: &Series<'_>, band: usize, run: &Run, group: &Shown) -> Vec<f64> {
        let at = |&k: &usize| group.weight(series.curve.weights(series.spin, k, band).unwrap_or_default());
        run.kpoints.iter().map(at).collect()
    }

    /// Unfolded states: the more of a state belongs to this k, the larger and darker its point.
    fn points<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, series: &Series<'_>) -> Drawn {
        let [low, high] = self.frame.energies;
        for band in series.curve.band_range(series.spin) {
            for run in self.runs(series, band) {
                let energies = self.energies(series, band, &run);
                for (i, &k) in run.kpoints.iter().enumerate() {
                    let weights = series.curve.weights(series.spin, k, band).unwrap_or_default();
                    let weight = weights.first().map_or(0.0, |weight| weight.min(1.0));
                    if weight > FAINT && (low..=high).contains(&energies[i]) {
                        let centre = self.frame.place(run.distances[i], energies[i]);
                        canvas.dot(centre, 0.5 + 1.2 * weight.sqrt(), series.stroke.colour, weight)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A band whose width is shared by the groups as the state is: `weights[group][point]`.
fn ribbon<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    points: &[(f64, f64)],
    groups: &[Shown],
    weights: &[Vec<f64>],
) -> Drawn {
    let normals = normals(points);
    let shifted = |i: usize, by: f64| (points[i].0 + by * normals[i].0, points[i].1 + by * normals[i].1);
    let total = |i: usize| weights.iter().map(|of_group| of_group[i]).sum::<f64>();
    let mut edge: Vec<f64> = (0..points.len()).map(|i| -0.5 * RIBBON * total(i)).collect();
    for (group, of_group) in groups.iter().zip(weights) {
        let next: Vec<f64> = edge.iter().zip(of_group).map(|(edge, weight)| edge + RIBBON * weight).collect();
        if of_group.iter().any(|&weight| weight > FAINT) {
            let there = (0..points.len()).map(|i| shifted(i, edge[i]));
            let back = (0..points.len()).rev().map(|i| shifted(i, next[i]));
            canvas.area(&there.chain(back).collect::<Vec<_>>(), group.colour, 1.0)?;
        }
        edge = next;
    }
    Ok(())
}

/// Unit vectors across a line, at each of its points.
fn normals(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let normal = |i: usize| {
        let (from, to) = (points[i.saturating_sub(1)], points[(i + 1).min(points.len() - 1)]);
        let length = (to.0 - from.0).hypot(to.1 - from.1).max(f64::MIN_POSITIVE);
        ((from.1 - to.1) / length, (to.0 - from.0) / length)
    };
    (0..points.len()).map(normal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_stand_across_a_line() {
        let diagonal = normals(&[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]);
        assert!(diagonal.iter().all(|(x, y)| (x + 0.5f64.sqrt()).abs() < 1e-12 && (y - 0.5f64.sqrt()).abs() < 1e-12));
        assert_eq!(normals(&[(0.0, 0.0), (2.0, 0.0)]), [(0.0, 1.0); 2]);
    }
}
