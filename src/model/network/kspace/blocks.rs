//! From the columns of a network's output to an operator at k, differentiably.

use tch::Tensor;

use crate::model::Sample;
use crate::model::network::batch::Preparation;
use crate::symmetry::{PairAlgebra, Signed};

/// What turns rows of a network's output into blocks of slots: constant tensors of a model.
#[derive(Debug)]
pub struct Blocks {
    degrees: Vec<Degree>,
    /// Coupled numbers by degree to blocks, `[width, slots²]`.
    uncouple: Tensor,
    /// Columns of on-site outputs to blocks, `[node columns, slots²]`.
    uncouple_nodes: Tensor,
    /// Orbitals of the slots.
    slots: i64,
}

/// All channels of one L.
#[derive(Debug)]
struct Degree {
    size: i64,
    /// For each channel and m the output column, the one after the last where the network has none.
    columns: Tensor,
    /// Of the same.
    signs: Tensor,
}

/// Where the bonds of one structure are, in the order of its canonical bonds.
#[derive(Debug)]
pub struct Places {
    n_atoms: i64,
    /// Atoms of each bond as `i · atoms + j`.
    pairs: Tensor,
    /// The same for on-site blocks.
    onsite: Tensor,
    /// Lattice vectors, `[bonds, 3]`, double precision.
    cells: Tensor,
    /// D^L of the frames by L, `[bonds, 2L+1, 2L+1]`.
    rotations: Vec<Tensor>,
}

impl Blocks {
    /// The tables of a model.
    pub fn new(preparation: &Preparation) -> Self {
        let algebra = preparation.slots.algebra();
        let place = |tensor: Tensor| tensor.to_kind(preparation.kind).to_device(preparation.device);
        let columns = output_columns(algebra, &preparation.interface.pair_columns);
        let l_max = algebra.channels().iter().map(|channel| channel.l).max().unwrap_or(0);
        let by_degree: Vec<Vec<usize>> = (0..=l_max).map(|l| coupled_numbers(algebra, l)).collect();
        let degree = |(l, numbers): (usize, &Vec<usize>)| Degree {
            size: 2 * l as i64 + 1,
            columns: index(numbers.iter().map(|&k| columns[k].index)).to_device(preparation.device),
            signs: place(Tensor::from_slice(&numbers.iter().map(|&k| columns[k].sign).collect::<Vec<_>>())),
        };
        Blocks {
            degrees: by_degree.iter().enumerate().map(degree).collect(),
            uncouple: place(uncoupling(algebra, &by_degree.concat())),
            uncouple_nodes: place(uncoupling(algebra, &preparation.interface.node_columns())),
            slots: algebra.n_orbitals() as i64,
        }
    }

    /// Blocks of all bonds, `[bonds, slots²]`, out of their rows `[bonds, pair columns]`.
    fn of_bonds(&self, rows: &Tensor, places: &Places) -> Tensor {
        let padded = rows.constant_pad_nd([0, 1]);
        let turned = self.degrees.iter().zip(&places.rotations).map(|(degree, rotation)| {
            let framed = padded.index_select(1, &degree.columns) * &degree.signs;
            framed.view([rows.size()[0], -1, degree.size]).bmm(rotation).flatten(1, 2)
        });
        Tensor::cat(&turned.collect::<Vec<_>>(), 1).mm(&self.uncouple)
    }

    /// O(k) = Σ_R e^{2πi k·R} O(R) of the operator that is `bonds [canonical bonds, pair columns]` and `nodes [atoms, node columns]`:
    /// complex and Hermitian, `[orbitals, orbitals]` with all slots of every atom (zero where a species lacks them).
    pub fn at(&self, bonds: &Tensor, nodes: &Tensor, places: &Places, k: [f64; 3]) -> Tensor {
        let blocks = self.of_bonds(bonds, places);
        let phase = places.cells.matmul(&Tensor::from_slice(&k).to_device(blocks.device())) * std::f64::consts::TAU;
        let times = |factor: Tensor| &blocks * factor.to_kind(blocks.kind()).unsqueeze(1);
        let zeros = Tensor::zeros([places.n_atoms.pow(2), self.slots.pow(2)], (blocks.kind(), blocks.device()));
        let onsite = nodes.mm(&self.uncouple_nodes) * 0.5;
        let real = zeros.index_add(0, &places.pairs, &times(phase.cos())).index_add(0, &places.onsite, &onsite);
        let imaginary = zeros.index_add(0, &places.pairs, &times(phase.sin()));
        let [real, imaginary] = [real, imaginary].map(|half| self.matrix(&half, places.n_atoms));
        Tensor::complex(&(&real + real.tr()), &(&imaginary - imaginary.tr()))
    }

    /// From `[atoms², slots²]` to `[orbitals, orbitals]`.
    fn matrix(&self, blocks: &Tensor, atoms: i64) -> Tensor {
        let n = atoms * self.slots;
        blocks.view([atoms, atoms, self.slots, self.slots]).permute([0, 2, 1, 3]).reshape([n, n])
    }
}

impl Places {
    /// Those of a structure.
    pub fn new(sample: &Sample, preparation: &Preparation) -> Self {
        let (n_atoms, n_bonds) = (sample.graph.n_nodes(), sample.graph.n_canonical());
        let bonds = &sample.graph.edges[..n_bonds];
        let algebra = preparation.slots.algebra();
        let wigner: Vec<_> = bonds.iter().map(|bond| algebra.wigner().matrices(&bond.frame)).collect();
        let l_max = algebra.channels().iter().map(|channel| channel.l).max().unwrap_or(0);
        let rotation = |l: usize| {
            let values: Vec<f64> = wigner.iter().flat_map(|d| d.block(l)).copied().collect();
            let tensor = Tensor::from_slice(&values).view([n_bonds as i64, 2 * l as i64 + 1, 2 * l as i64 + 1]);
            tensor.to_kind(preparation.kind).to_device(preparation.device)
        };
        let cells: Vec<f64> = (0..n_bonds).flat_map(|bond| sample.cell(bond).map(f64::from)).collect();
        Places {
            n_atoms: n_atoms as i64,
            pairs: index(bonds.iter().map(|bond| bond.i * n_atoms + bond.j)).to_device(preparation.device),
            onsite: index((0..n_atoms).map(|atom| atom * n_atoms + atom)).to_device(preparation.device),
            cells: Tensor::from_slice(&cells).view([-1, 3]).to_device(preparation.device),
            rotations: (0..=l_max).map(rotation).collect(),
        }
    }
}

/// For each coupled number, turned into the frame, the output column that it is.
fn output_columns(algebra: &PairAlgebra, outputs: &[usize]) -> Vec<Signed> {
    let mut columns = vec![Signed { index: outputs.len(), sign: 0.0 }; algebra.width()];
    for (column, &component) in outputs.iter().enumerate() {
        let Signed { index, sign } = algebra.frame()[component];
        columns[index] = Signed { index: column, sign };
    }
    columns
}

/// Coupled numbers of all channels of one L, m fastest.
fn coupled_numbers(algebra: &PairAlgebra, l: usize) -> Vec<usize> {
    let channels = algebra.channels().iter().filter(|channel| channel.l == l);
    channels.flat_map(|channel| channel.offset..channel.offset + 2 * l + 1).collect()
}

/// Blocks of the given coupled numbers, `[numbers, slots²]`.
fn uncoupling(algebra: &PairAlgebra, numbers: &[usize]) -> Tensor {
    let width = algebra.width();
    let mut blocks = vec![0.0; numbers.len() * width];
    for (&number, block) in numbers.iter().zip(blocks.chunks_mut(width)) {
        let mut unit = vec![0.0; width];
        unit[number] = 1.0;
        algebra.uncouple(&unit, block);
    }
    Tensor::from_slice(&blocks).view([numbers.len() as i64, width as i64])
}

fn index(values: impl Iterator<Item = usize>) -> Tensor {
    Tensor::from_slice(&values.map(|value| value as i64).collect::<Vec<_>>())
}
