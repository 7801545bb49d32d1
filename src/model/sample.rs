//! One run, ready for the model.

use std::sync::Arc;

use rayon::prelude::*;

use super::graph::{Edge, Graph};
use super::slots::{Seat, Slots};
use super::target::{self, Quantity, Target};
use crate::parsers::{Calculation, Error, Operator, Pairs, Result, SpinOperator, Structure};
use crate::symmetry::PairAlgebra;
use crate::symmetry::pair_algebra::permute;

/// An operator on a graph, `width` = (orbitals of the slots)² numbers per bond and per atom (four times as many with an exchange
/// field), row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Channels {
    /// Numbers per row.
    pub width: usize,
    /// `[directed bonds, width]`: coupled in the frame of each bond, in frame order ([`PairAlgebra`]).
    pub edges: Vec<f64>,
    /// `[atoms, width]`: on-site blocks, coupled, in the axes of the run.
    pub nodes: Vec<f64>,
}

impl Channels {
    /// Zeros for every bond and atom of a graph.
    pub fn zeros(graph: &Graph, width: usize) -> Self {
        Channels { width, edges: vec![0.0; graph.edges.len() * width], nodes: vec![0.0; graph.n_nodes() * width] }
    }

    /// Adds another operator, times `factor`.
    pub fn add(&mut self, other: &Channels, factor: f64) {
        self.edges.iter_mut().zip(&other.edges).for_each(|(sum, x)| *sum += factor * x);
        self.nodes.iter_mut().zip(&other.nodes).for_each(|(sum, x)| *sum += factor * x);
    }

    /// The mean with another operator.
    pub fn average(&mut self, other: &Channels) {
        self.edges.iter_mut().zip(&other.edges).for_each(|(mean, x)| *mean = (*mean + x) / 2.0);
        self.nodes.iter_mut().zip(&other.nodes).for_each(|(mean, x)| *mean = (*mean + x) / 2.0);
    }

    /// After time reversal: the components of the exchange field change their sign.
    pub fn time_reversed(&self, algebra: &PairAlgebra) -> Self {
        let mut reversed = self.clone();
        let rows = [(&mut reversed.edges, algebra.frame_magnetic()), (&mut reversed.nodes, algebra.coupled_magnetic())];
        for (values, magnetic) in rows {
            for row in values.chunks_mut(self.width) {
                row.iter_mut()
                    .zip(&magnetic)
                    .filter(|(_, magnetic)| **magnetic)
                    .for_each(|(value, _)| *value = -*value);
            }
        }
        reversed
    }

    /// Row of bond `edge`.
    pub fn edge(&self, edge: usize) -> &[f64] {
        &self.edges[edge * self.width..(edge + 1) * self.width]
    }

    /// Row of atom `node`.
    pub fn node(&self, node: usize) -> &[f64] {
        &self.nodes[node * self.width..(node + 1) * self.width]
    }
}

/// One run as the model sees it: atoms, bonds, and its operators on them in hartree.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Lattice and atoms.
    pub structure: Structure,
    /// Species of each atom, an index into [`Slots::species`].
    pub species: Vec<usize>,
    /// Atoms and bonds.
    pub graph: Graph,
    /// H⁽⁰⁾ of this channel, where the run has it.
    pub h0: Option<Channels>,
    /// Half of what H⁽⁰⁾ of this spin has more than that of the other, where spins are collinear.
    pub exchange: Option<Channels>,
    /// S.
    pub overlap: Channels,
    /// What is learned, where the run has it: [`target::learned`].
    pub target: Option<Channels>,
    pairs: Arc<Pairs>,
    seats: Vec<Seat>,
}

impl Sample {
    /// Puts a run without collinear spin onto the slots of a model that learns ΔH. Needs S.
    ///
    /// # Errors
    /// As [`Sample::of_run`]; `Unsupported` for collinear spin, which makes two samples.
    pub fn new(run: &Calculation, slots: &Slots) -> Result<Self> {
        match <[Sample; 1]>::try_from(Sample::of_run(run, slots, Target::default())?) {
            Ok([sample]) => Ok(sample),
            Err(_) => Err(Error::unsupported("collinear spin (nspin 2) makes two samples of a run")),
        }
    }

    /// Puts a run onto the slots of a model, one sample for every channel that is learned apart: up and down for collinear spin
    /// (so that exchanging the spins exchanges what is predicted), else one; one also where the slots have an exchange field.
    /// Needs S.
    ///
    /// # Errors
    /// `Unsupported` for species that the model does not know and missing operators; `Inconsistent` where spins differ, and as
    /// [`Graph::new`].
    pub fn of_run(run: &Calculation, slots: &Slots, target: Target) -> Result<Vec<Self>> {
        let seats = slots.seats(run)?;
        let atoms = 0..run.basis.n_atoms();
        let seats: Vec<Seat> = atoms.map(|atom| seats[run.basis.species_index(atom)].clone()).collect();
        let species: Vec<usize> = seats.iter().map(|seat| seat.species).collect();
        let overlap = target::overlap(run)?;
        let graph = Graph::new(&run.structure, overlap, &species)?;
        let target = Target { magnetic: slots.is_magnetic(), ..target };
        require_known_field(run, target)?;
        let channels = |operators: &[Operator<f64>]| channels(operators, &graph, &seats, slots.algebra());
        let n = slots.algebra().n_components();
        let samples = |operators: Vec<Operator<f64>>| operators.chunks(n).map(channels).collect::<Vec<_>>();
        let h0 = target::h0_on_overlap(run, target)?.map(samples);
        let learned = target::learned(run, target)?.map(samples);
        let n_channels = match target.quantity {
            Quantity::Overlap => 1,
            _ => h0.as_ref().or(learned.as_ref()).map_or(1, Vec::len),
        };
        let exchanges = (0..n_channels).map(|channel| h0.as_ref().and_then(|h0| exchange(h0, channel)));
        let exchanges: Vec<Option<Channels>> = exchanges.collect();
        let first = Sample {
            structure: run.structure.clone(),
            h0: None,
            exchange: None,
            overlap: channels(std::slice::from_ref(overlap)),
            target: None,
            pairs: overlap.pairs().clone(),
            species,
            graph,
            seats,
        };
        let (mut h0, mut learned) = (h0.into_iter().flatten(), learned.into_iter().flatten());
        // What all channels share is copied for all but the last.
        let alike = std::iter::repeat_n(first, n_channels).zip(exchanges);
        let own = |(sample, exchange)| Sample { h0: h0.next(), target: learned.next(), exchange, ..sample };
        Ok(alike.map(own).collect())
    }

    /// H⁽⁰⁾.
    ///
    /// # Errors
    /// `Unsupported` where the run has none.
    pub fn require_h0(&self) -> Result<&Channels> {
        self.h0.as_ref().ok_or_else(|| Error::unsupported("the model needs H0, which the run does not have"))
    }

    /// What is learned.
    ///
    /// # Errors
    /// `Unsupported` where the run does not have it.
    pub fn require_target(&self) -> Result<&Channels> {
        self.target.as_ref().ok_or_else(|| Error::unsupported("the run has no converged operator to learn from"))
    }

    /// Numbers per row of its [`Channels`].
    pub fn width(&self) -> usize {
        self.overlap.width
    }

    /// Orbitals of the slots that an atom has, in the order of the run.
    pub fn orbitals(&self, atom: usize) -> &[usize] {
        &self.seats[atom].orbitals
    }

    /// Lattice vector R of a directed bond, in units of the lattice vectors.
    pub fn cell(&self, edge: usize) -> [i32; 3] {
        self.pairs.as_slice()[self.graph.edges[edge].block].r
    }

    /// The real symmetric operator with these channels, on the blocks of S: what (i, j) and (j, i) say is averaged, and so is
    /// an on-site block with its transpose. Of channels with an exchange field it is the spinless part.
    pub fn operator(&self, channels: &Channels, slots: &Slots) -> Result<Operator<f64>> {
        Ok(self.operators(channels, slots)?.swap_remove(0))
    }

    /// The operators of all components ([`PairAlgebra::n_components`]).
    pub fn operators(&self, channels: &Channels, slots: &Slots) -> Result<Vec<Operator<f64>>> {
        let algebra = slots.algebra();
        let (half, _) = self.graph.edges.split_at(self.graph.n_canonical());
        let bonds: Vec<Vec<f64>> =
            (0..half.len()).into_par_iter().map(|edge| self.bond_block(channels, edge, algebra)).collect();
        let atoms: Vec<Vec<f64>> =
            (0..self.graph.n_nodes()).map(|atom| onsite_block(channels.node(atom), algebra)).collect();
        let n = algebra.n_orbitals();
        let component = |which: usize| {
            let mut operator = Operator::zeros(self.pairs.clone());
            let part = |block: &Vec<f64>| -> Vec<f64> { block[which * n * n..(which + 1) * n * n].to_vec() };
            for (k, block) in bonds.iter().map(part).enumerate() {
                let (edge, reverse) = (&self.graph.edges[k], &self.graph.edges[self.graph.reverse(k)]);
                let (rows, columns) = (&self.seats[edge.i].orbitals, &self.seats[edge.j].orbitals);
                gather(&block, n, rows, columns, operator.block_mut(edge.block));
                gather_transposed(&block, n, columns, rows, operator.block_mut(reverse.block));
            }
            for (atom, block) in atoms.iter().map(part).enumerate() {
                let orbitals = &self.seats[atom].orbitals;
                gather(&block, n, orbitals, orbitals, operator.block_mut(self.graph.onsite[atom]));
            }
            operator
        };
        Ok((0..algebra.n_components()).map(component).collect())
    }

    /// The same run after time reversal, which turns the exchange field round.
    pub fn time_reversed(&self, slots: &Slots) -> Self {
        let reversed = |channels: &Option<Channels>| channels.as_ref().map(|c| c.time_reversed(slots.algebra()));
        Sample { h0: reversed(&self.h0), target: reversed(&self.target), ..self.clone() }
    }

    /// Block of slots of one bond, averaged with its reverse.
    fn bond_block(&self, channels: &Channels, edge: usize, algebra: &PairAlgebra) -> Vec<f64> {
        let mut mean = averaged(channels.edge(edge), channels.edge(self.graph.reverse(edge)), algebra.exchange());
        let d = algebra.wigner().matrices(&self.graph.edges[edge].frame);
        let mut coupled = vec![0.0; algebra.width()];
        algebra.from_frame(&mean, &d, &mut coupled);
        algebra.uncouple(&coupled, &mut mean);
        mean
    }
}

/// ABACUS writes V_ud = B_x + iB_y, against the sign of its spin–orbit coupling: its field is no axial vector.
fn require_known_field(run: &Calculation, target: Target) -> Result<()> {
    let spinor = matches!(run.hamiltonian0.as_ref().or(run.hamiltonian.as_ref()), Some(SpinOperator::Spinor(_)));
    if target.magnetic && spinor && run.origin.code == "ABACUS" {
        return Err(Error::unsupported(
            "exchange fields of ABACUS's spinors: their B_y has the opposite sign of an axial vector's",
        ));
    }
    Ok(())
}

/// (own − other)/2 of two spins; `None` without spin.
fn exchange(h0: &[Channels], channel: usize) -> Option<Channels> {
    let other = h0.get(1 - channel.min(1)).filter(|_| h0.len() == 2)?;
    let mut exchange = h0[channel].clone();
    exchange.add(other, -1.0);
    exchange.edges.iter_mut().chain(&mut exchange.nodes).for_each(|x| *x *= 0.5);
    Some(exchange)
}

fn onsite_block(coupled: &[f64], algebra: &PairAlgebra) -> Vec<f64> {
    let mean = averaged(coupled, coupled, algebra.transpose());
    let mut block = vec![0.0; algebra.width()];
    algebra.uncouple(&mean, &mut block);
    block
}

/// (v + T w)/2.
fn averaged(v: &[f64], w: &[f64], exchange: &[crate::symmetry::Signed]) -> Vec<f64> {
    let mut mean = vec![0.0; v.len()];
    permute(exchange, w, &mut mean);
    mean.iter_mut().zip(v).for_each(|(mean, v)| *mean = (*mean + v) / 2.0);
    mean
}

/// Of one operator per component; those that are not given are zero.
fn channels(operators: &[Operator<f64>], graph: &Graph, seats: &[Seat], algebra: &PairAlgebra) -> Channels {
    let mut channels = Channels::zeros(graph, algebra.width());
    let n = algebra.n_orbitals();
    let coupled = |i: usize, j: usize, block: usize, coupled: &mut [f64]| {
        let mut slots = vec![0.0; algebra.width()];
        for (operator, slots) in operators.iter().zip(slots.chunks_mut(n * n)) {
            scatter(operator.block(block), n, &seats[i].orbitals, &seats[j].orbitals, slots);
        }
        algebra.couple(&slots, coupled);
    };
    let framed = |(edge, row): (&Edge, &mut [f64])| {
        let mut common = vec![0.0; algebra.width()];
        coupled(edge.i, edge.j, edge.block, &mut common);
        algebra.to_frame(&common, &algebra.wigner().matrices(&edge.frame), row);
    };
    let width = channels.width;
    graph.edges.par_iter().zip(channels.edges.par_chunks_mut(width)).for_each(framed);
    for (atom, row) in channels.nodes.chunks_mut(width).enumerate() {
        coupled(atom, atom, graph.onsite[atom], row);
    }
    channels
}

fn scatter(block: &[f64], n: usize, rows: &[usize], columns: &[usize], slots: &mut [f64]) {
    for (row, values) in rows.iter().zip(block.chunks_exact(columns.len())) {
        for (column, value) in columns.iter().zip(values) {
            slots[row * n + column] = *value;
        }
    }
}

fn gather(slots: &[f64], n: usize, rows: &[usize], columns: &[usize], block: &mut [f64]) {
    for (row, values) in rows.iter().zip(block.chunks_exact_mut(columns.len())) {
        for (column, value) in columns.iter().zip(values) {
            *value = slots[row * n + column];
        }
    }
}

fn gather_transposed(slots: &[f64], n: usize, rows: &[usize], columns: &[usize], block: &mut [f64]) {
    for (row, values) in rows.iter().zip(block.chunks_exact_mut(columns.len())) {
        for (column, value) in columns.iter().zip(values) {
            *value = slots[column * n + row];
        }
    }
}

#[cfg(test)]
mod tests;
