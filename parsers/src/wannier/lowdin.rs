//! H between the orthonormal functions that lie nearest to the orbitals (P.-O. Löwdin, J. Chem. Phys. 18, 365 (1950)):
//! H̃(k) = S(k)^(−1/2) H(k) S(k)^(−1/2) on a mesh of k, then H̃(R).

use faer::{Mat, MatRef, Par};
use rayon::prelude::*;

use super::mesh::Mesh;
use super::real_space::{Cell, RealSpace};
use crate::bloch::BlochSum;
use crate::calculation::Calculation;
use crate::eigen::{OverlapFactor, hermitian, hermitian_eigenvalues, inverse_root};
use crate::error::{Error, Result};
use crate::ev::Ev;
use crate::operator::{Operator, SpinOperator, c64};
use crate::structure::Structure;

/// H and S of a run, to be summed at any k.
pub struct Lowdin<'a> {
    structure: &'a Structure,
    hamiltonian: &'a SpinOperator,
    overlap: &'a Operator<f64>,
    sum: BlochSum<'a>,
    sum_of_overlap: BlochSum<'a>,
    n_orbitals: usize,
    ev: Ev,
}

/// States up to so much above the Fermi level matter most, eV.
pub const ABOVE_FERMI: f64 = 3.0;

impl<'a> Lowdin<'a> {
    /// Prepares the sums over R.
    pub fn new(run: &'a Calculation, hamiltonian: &'a SpinOperator, overlap: &'a Operator<f64>) -> Self {
        Lowdin {
            structure: &run.structure,
            hamiltonian,
            overlap,
            sum: BlochSum::new(hamiltonian.pairs(), &run.basis),
            sum_of_overlap: BlochSum::new(overlap.pairs(), &run.basis),
            n_orbitals: run.basis.n_orbitals(),
            ev: Ev { per_hartree: run.origin.ev_per_hartree },
        }
    }

    /// The smallest mesh that tells all R of H and S apart.
    pub fn smallest_mesh(&self) -> [u32; 3] {
        let pairs = self.hamiltonian.pairs().as_slice().iter().chain(self.overlap.pairs().as_slice());
        let furthest =
            pairs.fold([0; 3], |most: [u32; 3], pair| [0, 1, 2].map(|a| most[a].max(pair.r[a].unsigned_abs())));
        furthest.map(|r| 2 * r + 1)
    }

    fn is_spinor(&self) -> bool {
        matches!(self.hamiltonian, SpinOperator::Spinor(_))
    }

    /// H̃(R) of every spin channel, eV: spinors as pairs up, down of each orbital.
    ///
    /// # Errors
    /// `Limit` where H̃ takes more than [`MOST_BYTES`], `Inconsistent` where S(k) is not positive definite.
    pub fn on(&self, mesh: Mesh) -> Result<Vec<RealSpace>> {
        let n_functions = if self.is_spinor() { 2 } else { 1 } * self.n_orbitals;
        require_memory(n_functions, self.hamiltonian.n_channels(), mesh)?;
        let is_needed = |index: usize| self.is_spinor() || index <= mesh.opposite(index);
        let at = |index: usize| is_needed(index).then(|| self.at(mesh.point(index))).transpose();
        let at_k = OnMesh { mesh, channels: (0..mesh.n_points()).into_par_iter().map(at).collect::<Result<_>>()? };
        Ok((0..self.hamiltonian.n_channels()).map(|channel| self.channel(&at_k, channel)).collect())
    }

    fn at(&self, k: [f64; 3]) -> Result<Vec<Mat<c64>>> {
        let root = inverse_root(self.sum_of_overlap.at(self.overlap, k).as_ref(), k, Par::Seq)?;
        let channels = self.sum.channels_at(self.hamiltonian, k).into_iter().map(|h| hermitian(h.as_ref()));
        Ok(channels.map(|h| between(&root, h.as_ref())).collect())
    }

    fn channel(&self, at_k: &OnMesh, channel: usize) -> RealSpace {
        let spin = if self.is_spinor() { 2 } else { 1 };
        let n_orbitals = self.n_orbitals;
        let n = spin * n_orbitals;
        let place = |function: usize| function % spin * n_orbitals + function / spin;
        let elements = (0..n * n).into_par_iter().map(|element| {
            let mut values = at_k.element(channel, place(element / n), place(element % n));
            at_k.mesh.to_cells(&mut values);
            values
        });
        let elements: Vec<Vec<c64>> = elements.collect();
        let cells = at_k.mesh.wigner_seitz(self.structure);
        let of_cell = |cell: &Cell| {
            let index = at_k.mesh.index(cell.r);
            elements.iter().map(move |values| self.ev_of(values[index]))
        };
        let values = cells.iter().flat_map(of_cell).collect();
        RealSpace::new(n, cells, values)
    }

    /// H(R) of real H and S is real.
    fn ev_of(&self, hartree: c64) -> c64 {
        let im = if self.is_spinor() { self.ev.to_ev(hartree.im) } else { 0.0 };
        c64::new(self.ev.to_ev(hartree.re), im)
    }

    /// How far the energies of H̃(R) lie from those of H and S, at points as far from the mesh as possible.
    ///
    /// # Errors
    /// As [`Lowdin::on`].
    pub fn truncation(&self, mesh: Mesh, models: &[RealSpace], fermi_level: Option<f64>) -> Result<Truncation> {
        let points = between_points(mesh, if self.is_spinor() { 2 } else { 1 } * self.n_orbitals);
        let n_points = points.len();
        let found: Vec<Truncation> =
            points.into_par_iter().map(|k| self.truncation_at(k, models, fermi_level)).collect::<Result<_>>()?;
        let worst = |a: Truncation, b: Truncation| a.joined(b);
        Ok(Truncation { n_points, ..found.into_iter().reduce(worst).unwrap_or_default() })
    }

    fn truncation_at(&self, k: [f64; 3], models: &[RealSpace], fermi_level: Option<f64>) -> Result<Truncation> {
        let s = self.sum_of_overlap.overlap_at(self.overlap, self.is_spinor(), k);
        let factor = OverlapFactor::new(s.as_ref(), k, None, Par::Seq)?;
        let mut truncation = Truncation { k, ..Truncation::default() };
        for (h, model) in self.sum.channels_at(self.hamiltonian, k).iter().zip(models) {
            let exact = factor.energies(h.as_ref())?;
            let interpolated = hermitian_eigenvalues(hermitian(at(model, k).as_ref()).as_ref(), Par::Seq)
                .ok_or_else(|| Error::inconsistent(format!("no eigenvalues of the interpolated H at k = {k:?}")))?;
            for (band, (&exact, interpolated)) in exact.iter().zip(interpolated).enumerate() {
                let is_low = fermi_level.is_some_and(|level| self.ev.to_ev(exact - level) <= ABOVE_FERMI);
                truncation.take(band, (self.ev.to_ev(exact) - interpolated).abs(), is_low);
            }
        }
        Ok(truncation)
    }
}

/// H̃ of all points of a mesh may take so much; H̃(R), made of it, takes as much again.
pub const MOST_BYTES: u64 = 8 << 30;

fn require_memory(n_functions: usize, n_channels: usize, mesh: Mesh) -> Result<()> {
    let counts = [n_functions, n_functions, n_channels, mesh.n_points(), size_of::<c64>()];
    let bytes = counts.iter().fold(1_u64, |product, &count| product.saturating_mul(count as u64));
    match bytes > MOST_BYTES {
        true => {
            let [a, b, c] = mesh.divisions;
            let what =
                format!("{n_functions} functions on {a} x {b} x {c} k points (set fewer by --mesh): memory in bytes");
            Err(Error::limit(what, bytes, MOST_BYTES))
        }
        false => Ok(()),
    }
}

/// H̃(k) of every channel on a mesh. Of k and −k one is there where H(R) is real: the other is its complex conjugate.
struct OnMesh {
    mesh: Mesh,
    channels: Vec<Option<Vec<Mat<c64>>>>,
}

impl OnMesh {
    /// One element at every point.
    fn element(&self, channel: usize, row: usize, column: usize) -> Vec<c64> {
        let at = |index: usize| self.channels[index].as_ref().map(|channels| channels[channel][(row, column)]);
        let conjugated = |index: usize| at(self.mesh.opposite(index)).unwrap_or_default().conj();
        (0..self.mesh.n_points()).map(|index| at(index).unwrap_or_else(|| conjugated(index))).collect()
    }
}

/// What interpolation costs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Truncation {
    /// Points that were looked at.
    pub n_points: usize,
    /// Largest error of an eigenvalue, eV.
    pub worst: f64,
    /// Where.
    pub k: [f64; 3],
    /// Which, from 0.
    pub band: usize,
    /// Largest one of the states up to [`ABOVE_FERMI`], eV; 0 where no Fermi level is known.
    pub worst_low: f64,
}

impl Truncation {
    fn take(&mut self, band: usize, error: f64, is_low: bool) {
        if error > self.worst {
            (self.worst, self.band) = (error, band);
        }
        if is_low {
            self.worst_low = self.worst_low.max(error);
        }
    }

    fn joined(self, other: Truncation) -> Truncation {
        let worst_low = self.worst_low.max(other.worst_low);
        Truncation { worst_low, ..if other.worst > self.worst { other } else { self } }
    }
}

/// S^(−1/2) H S^(−1/2), with the same S for both spins of a spinor.
fn between(root: &Mat<c64>, h: MatRef<'_, c64>) -> Mat<c64> {
    let n = root.nrows();
    let mut whole = Mat::zeros(h.nrows(), h.ncols());
    for row in (0..h.nrows()).step_by(n.max(1)) {
        for column in (0..h.ncols()).step_by(n.max(1)) {
            let block = root * h.submatrix(row, column, n, n) * root;
            whole.as_mut().submatrix_mut(row, column, n, n).copy_from(&block);
        }
    }
    whole
}

/// H(k) as users of the files interpolate it.
pub fn at(model: &RealSpace, k: [f64; 3]) -> Mat<c64> {
    let n = model.n_functions();
    let mut sum = Mat::zeros(n, n);
    for (cell, &place) in model.cells().iter().enumerate() {
        let phase = crate::bloch::phase(k, place.r) / f64::from(place.degeneracy);
        for (element, value) in model.block(cell).iter().enumerate() {
            sum[(element / n, element % n)] += phase * value;
        }
    }
    sum
}

/// So many points are looked at, fewer where each takes long.
const MOST_POINTS: usize = 128;
const FEWEST_POINTS: usize = 8;
/// Above so many elements of H(k) there are fewer points.
const ELEMENTS_OF_ALL_POINTS: usize = 1_000_000;

/// Points in the middle between those of the mesh, spread over the zone.
fn between_points(mesh: Mesh, n_functions: usize) -> Vec<[f64; 3]> {
    let n_axes = mesh.divisions.iter().filter(|&&n| n > 1).count().max(1);
    let n_points = (ELEMENTS_OF_ALL_POINTS / n_functions.pow(2).max(1)).clamp(FEWEST_POINTS, MOST_POINTS);
    let per_axis = (n_points as f64).powf(1.0 / n_axes as f64).round() as usize;
    let along = |axis: usize| -> Vec<f64> {
        let n = mesh.divisions[axis];
        let m = n.min(per_axis);
        (0..m).map(|place| (((2 * place + 1) * n / (2 * m)) as f64 + 0.5) / n as f64).collect()
    };
    let [x, y, z] = [along(0), along(1), along(2)];
    let planes = x.iter().flat_map(|&x| y.iter().map(move |&y| (x, y)));
    planes.flat_map(|(x, y)| z.iter().map(move |&z| [x, y, z])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_fits_in_memory_is_refused() {
        let refused =
            |n, channels, mesh| require_memory(n, channels, Mesh::new(mesh).unwrap()).map_err(|e| e.to_string());
        let message = "1000 functions on 11 x 11 x 11 k points (set fewer by --mesh): memory in bytes of 21296000000 exceeds the limit \
                       of 8589934592";
        assert_eq!(refused(1000, 1, [11; 3]), Err(message.to_owned()));
        assert_eq!(refused(1000, 1, [8; 3]), Ok(()));
        assert!(refused(1000, 2, [8; 3]).is_err());
    }
}
