//! States near an energy at many k points.

use faer::Par;
use rayon::prelude::*;

use super::factor::Analysis;
use super::matrix::SparseBloch;
use super::memory::available;
use super::nearest::{Pencil, Window};
use super::ordering::nested_dissection;
use super::scalar::Scalar;
use crate::bands::projection::Weighing;
use crate::bands::spectrum::{EigenProblem, SpectrumOptions};
use crate::parsers::{Basis, Error, Operator, SpinOperator, Structure, c64};

/// Up to this size of H(k) the whole spectrum by a dense solver takes less time than a few states by a sparse one.
const DENSE: usize = 600;

/// `windows[spin][k]`.
pub type Windows = Vec<Vec<Window>>;

/// Who finds the windows of a problem at k points, around an energy (hartree) and of so many states: threads of this process
/// ([`SparseProblem::windows`]), or many processes.
pub type WindowsAt<'a> = &'a dyn Fn(&SparseProblem<'_>, &[[f64; 3]], f64, usize) -> Result<Windows, Error>;

/// H(k) c = ε S(k) c of a large cell.
pub struct SparseProblem<'a> {
    hamiltonian: &'a SpinOperator,
    bloch: SparseBloch<'a>,
    analysis: Analysis,
    dense: EigenProblem<'a>,
    dense_up_to: usize,
    weighing: Option<&'a dyn Weighing>,
}

impl<'a> SparseProblem<'a> {
    /// Finds the pattern of H(k) and S(k), and that of their factors.
    ///
    /// # Errors
    /// `Unsupported` where the factor has more elements than memory has addresses.
    pub fn new(
        hamiltonian: &'a SpinOperator,
        overlap: &'a Operator<f64>,
        basis: &'a Basis,
        structure: &Structure,
    ) -> Result<Self, Error> {
        let bloch = SparseBloch::new(hamiltonian, overlap, basis);
        let order = nested_dissection(structure, bloch.pattern());
        let analysis = Analysis::cheapest(bloch.pattern().symbolic(), &order)?;
        let n_k = rayon::current_num_threads();
        let dense = EigenProblem::new(hamiltonian, overlap, basis, n_k, SpectrumOptions::default());
        Ok(SparseProblem { hamiltonian, bloch, analysis, dense, dense_up_to: DENSE, weighing: None })
    }

    /// Diagonalises up to this size of H(k) only.
    pub fn dense_up_to(self, dense_up_to: usize) -> Self {
        SparseProblem { dense_up_to, ..self }
    }

    /// Has the states of all windows weighed.
    pub fn weighed_by(self, weighing: Option<&'a dyn Weighing>) -> Self {
        SparseProblem { weighing, ..self }
    }

    /// H(R).
    pub fn hamiltonian(&self) -> &'a SpinOperator {
        self.hamiltonian
    }

    /// H(k) and S(k).
    pub fn bloch(&self) -> &SparseBloch<'a> {
        &self.bloch
    }

    /// Is it so small that it is solved by diagonalisation?
    pub fn is_small(&self) -> bool {
        self.bloch.size() <= self.dense_up_to
    }

    /// The `n_states` nearest to `centre` (hartree) at each of `kpoints`, several points at a time as memory allows. Calls
    /// `done` after each point.
    ///
    /// # Errors
    /// `Limit` where there are not so many states, `Unsupported` where memory does not suffice, else as [`Pencil::nearest`].
    pub fn windows(
        &self,
        kpoints: &[[f64; 3]],
        centre: f64,
        n_states: usize,
        done: &(dyn Fn() + Sync),
    ) -> Result<Windows, Error> {
        if n_states > self.bloch.size() {
            return Err(Error::limit("the number of states", n_states as u64, self.bloch.size() as u64));
        }
        let threads = self.concurrent(kpoints, n_states)?;
        // One thread of faer's pool still waits for others.
        let alone = threads == 1 && rayon::current_num_threads() > 1;
        let par = if alone { Par::rayon(0) } else { Par::Seq };
        let at = |&k: &[f64; 3]| {
            let windows = self.at(k, centre, n_states, par);
            done();
            windows
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let by_k: Vec<Vec<Window>> = match pool {
            Ok(pool) if threads > 1 => pool.install(|| kpoints.par_iter().map(at).collect::<Result<_, _>>())?,
            _ => kpoints.iter().map(at).collect::<Result<_, _>>()?,
        };
        let mut windows: Windows = vec![Vec::with_capacity(kpoints.len()); self.bloch.n_channels()];
        for channels in by_k {
            windows.iter_mut().zip(channels).for_each(|(spin, window)| spin.push(window));
        }
        Ok(windows)
    }

    /// Bytes that one k point takes.
    pub fn memory(&self, kpoints: &[[f64; 3]], n_states: usize) -> usize {
        match kpoints.iter().all(|&k| self.bloch.is_real_at(k)) {
            true => self.memory_of::<f64>(n_states),
            false => self.memory_of::<c64>(n_states),
        }
    }

    fn memory_of<T: Scalar>(&self, n_states: usize) -> usize {
        // Q and SQ in a space as large as most states need, a copy of one of them while it grows, and what is made of them.
        let vectors = self.bloch.size() * (20 * n_states + 300);
        self.analysis.memory::<T>() + size_of::<T>() * (2 * self.bloch.n_values() + vectors)
    }

    /// Number of k points at a time.
    fn concurrent(&self, kpoints: &[[f64; 3]], n_states: usize) -> Result<usize, Error> {
        let wanted = rayon::current_num_threads().min(kpoints.len()).max(1);
        let (needed, Some(there)) = (self.memory(kpoints, n_states), available()) else { return Ok(wanted) };
        if !self.is_small() && needed > there {
            let [needed, there] = [needed, there].map(|bytes| bytes as f64 * 1e-9);
            return Err(Error::unsupported(format!(
                "{} states of {} orbitals at one k point take about {needed:.1} GB of memory, of which {there:.1} GB are free",
                n_states,
                self.bloch.size()
            )));
        }
        Ok(wanted.min(there / needed.max(1)).max(1))
    }

    /// One window for each spin channel.
    fn at(&self, k: [f64; 3], centre: f64, n_states: usize, par: Par) -> Result<Vec<Window>, Error> {
        if self.is_small() || 3 * n_states > self.bloch.size() {
            let all = self.dense_at(k)?.into_iter();
            return Ok(all.map(|window| window.narrowed(centre, n_states)).collect());
        }
        match self.bloch.is_real_at(k) {
            true => self.sparse_at::<f64>(k, centre, n_states, par),
            false => self.sparse_at::<c64>(k, centre, n_states, par),
        }
    }

    /// All states of each spin channel.
    fn dense_at(&self, k: [f64; 3]) -> Result<Vec<Window>, Error> {
        let Some(weighing) = self.weighing else {
            return Ok(self.dense.energies(k)?.into_iter().map(|energies| Window::whole(energies, None)).collect());
        };
        let (energies, weights) = self.dense.weighed(k, weighing)?;
        Ok(energies
            .into_iter()
            .zip(weights)
            .map(|(energies, weights)| Window::whole(energies, Some(weights)))
            .collect())
    }

    fn sparse_at<T: Scalar>(&self, k: [f64; 3], centre: f64, n: usize, par: Par) -> Result<Vec<Window>, Error> {
        let s = self.bloch.overlap::<T>(k);
        self.analysis.check_overlap(&s, k, par)?;
        let channel = |channel| {
            let (h, analysis, weighing) = (self.bloch.hamiltonian(channel, k), &self.analysis, self.weighing);
            Pencil { h, s: &s, k, analysis, weighing, par }.nearest(centre, n)
        };
        (0..self.bloch.n_channels()).map(channel).collect()
    }
}
