//! Symmetry of the whole network, with weights far from zero, on random Hermitian operators.

use std::sync::Arc;

use nalgebra::{Matrix3, Rotation3, Vector3};
use tch::{Device, Kind, Tensor};

use super::batch::{Batch, Preparation};
use super::config::{Input, ModelConfig};
use super::features::NodeFeatures;
use super::network::Network;
use super::random::Random;
use super::statistics::Statistics;
use super::{init_torch, set_threads};
use crate::model::{Channels, Sample, Slots};
use crate::parsers::basis::parse_shells;
use crate::parsers::{Basis, Calculation, Operator, Origin, Pair, Pairs, Species, SpinOperator, Structure};
use crate::symmetry::rotate::rotated;

mod attention;
mod density;
mod domains;
mod fine_tuning;
mod gates;
mod invariants;
mod locality;
mod mixing;
mod refine;
mod several_codes;
mod shells;
mod tiles;

/// A run of four atoms of two species in a small cell, all bonds up to `reach` bohr, random Hermitian S, H0 and H.
pub fn run(seed: u64, reach: f64) -> Calculation {
    run_with(seed, reach, ["2s1p", "2s1p1d"])
}

/// As [`run`], with these shells of H and C.
fn run_with(seed: u64, reach: f64, shells: [&str; 2]) -> Calculation {
    let mut random = Random::new(seed, 1);
    let mut shift = || Vector3::from_fn(|_, _| 0.6 * (random.uniform() - 0.5));
    let positions: Vec<Vector3<f64>> = [[0.0, 0.0, 0.0], [2.6, 0.3, 0.1], [0.4, 2.8, 0.2], [2.7, 2.9, 6.2]]
        .map(|x| Vector3::from(x) + shift())
        .to_vec();
    let lattice = Matrix3::new(5.3, 0.2, 0.0, -0.3, 5.6, 0.1, 0.0, 0.2, 12.0);
    let structure = Structure { lattice, positions, species: vec![1, 0, 1, 1] };
    let species = |label: &str, shells: &str| Species {
        label: label.into(),
        z: None,
        shells: parse_shells(shells).unwrap(),
        cutoff: None,
    };
    let basis = Basis::new(vec![species("H", shells[0]), species("C", shells[1])], &structure.species).unwrap();
    let pairs = Arc::new(Pairs::new(pairs_within(&structure, reach), &basis).unwrap());
    let mut operator = |size: f64| hermitian(&structure, &basis, &pairs, &mut random, size);
    let (overlap, h0, delta) = (operator(1.0), operator(0.5), operator(0.05));
    let h = h0.values().iter().zip(delta.values()).map(|(h0, delta)| h0 + delta).collect();
    Calculation {
        overlap: Some(overlap),
        hamiltonian: Some(SpinOperator::Unpolarized(Operator::new(pairs.clone(), h).unwrap())),
        hamiltonian0: Some(SpinOperator::Unpolarized(h0)),
        ..Calculation::new(structure, basis, Origin::default())
    }
}

fn pairs_within(structure: &Structure, reach: f64) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (i, j) in (0..4).flat_map(|i| (0..4).map(move |j| (i, j))) {
        for (x, y) in (-2..=2).flat_map(|x| (-2..=2).map(move |y| (x, y))) {
            let pair = Pair { i, j, r: [x, y, 0] };
            if structure.displacement(&pair).norm() < reach {
                pairs.push(pair);
            }
        }
    }
    pairs
}

/// A random Hermitian operator on the pairs of a run.
pub fn random_operator(run: &Calculation, seed: u64, size: f64) -> Operator<f64> {
    let pairs = run.overlap.as_ref().unwrap().pairs();
    hermitian(&run.structure, &run.basis, pairs, &mut Random::new(seed, 2), size)
}

fn hermitian(
    structure: &Structure,
    basis: &Basis,
    pairs: &Arc<Pairs>,
    random: &mut Random,
    size: f64,
) -> Operator<f64> {
    let mut operator = Operator::zeros(pairs.clone());
    for (k, pair) in pairs.as_slice().iter().enumerate() {
        let partner = pairs.find(&pair.reversed()).unwrap();
        if k > partner {
            continue;
        }
        let (rows, columns) = (basis.orbitals_of(pair.i as usize).len(), basis.orbitals_of(pair.j as usize).len());
        let decay = size * (-0.4 * structure.displacement(pair).norm()).exp();
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let value = decay * random.normal();
            operator.block_mut(k)[row * columns + column] = value;
            operator.block_mut(partner)[column * rows + row] = value;
        }
    }
    operator
}

/// Slots, sample and a preparation whose statistics are those of this one run.
pub fn prepared(run: &Calculation, config: &ModelConfig, kind: Kind) -> (Sample, Preparation) {
    init_torch();
    set_threads(1); // tests run side by side
    let slots = Slots::of_runs([run]).unwrap();
    let sample = Sample::new(run, &slots).unwrap();
    let statistics = |operator: &Channels| Statistics::measure(&[&sample], &[operator], &slots);
    let measured = [statistics(sample.h0.as_ref().unwrap()), statistics(sample.target.as_ref().unwrap())];
    let preparation = Preparation::new(config, &slots, measured, kind, Device::Cpu);
    (sample, preparation)
}

pub fn small() -> ModelConfig {
    let inputs = vec![Input::H0, Input::S];
    ModelConfig {
        inputs,
        passing: false,
        channels: 6,
        unnatural_channels: 3,
        width: 16,
        envelope: 5.5,
        ..ModelConfig::default()
    }
}

/// Weights with noise added, so that no output is small by its start.
fn noisy(network: &Network, kind: Kind) -> Tensor {
    let mut random = Random::new(11, 5);
    let values: Vec<f64> = network.table.initial(3).iter().map(|w| w + 0.1 * random.normal()).collect();
    Tensor::from_slice(&values).to_kind(kind)
}

fn predicted(network: &Network, flat: &Tensor, preparation: &Preparation, sample: &Sample, tile: usize) -> Channels {
    let weights = network.table.split(flat);
    let batch = preparation.batch(sample, None, tile).unwrap();
    let output = tch::no_grad(|| network.forward(&weights, preparation, &batch));
    scattered(&batch, &output, preparation, sample)
}

fn scattered(batch: &Batch, output: &super::network::Output, preparation: &Preparation, sample: &Sample) -> Channels {
    let mut channels = Channels::zeros(&sample.graph, preparation.slots.algebra().width());
    preparation.add(batch, output, &mut channels);
    channels
}

/// Largest difference of two predictions as blocks, over the largest element.
fn difference(a: &Operator<f64>, b: &Operator<f64>) -> f64 {
    let largest = a.values().iter().fold(0.0f64, |m, x| m.max(x.abs()));
    assert!(largest > 1e-4, "the test compares zeros");
    a.values().iter().zip(b.values()).fold(0.0f64, |m, (x, y)| m.max((x - y).abs())) / largest
}

fn operator_of(sample: &Sample, preparation: &Preparation, tile: usize) -> Operator<f64> {
    let network = Network::new(preparation);
    let flat = noisy(&network, Kind::Double);
    sample.operator(&predicted(&network, &flat, preparation, sample, tile), &preparation.slots).unwrap()
}

/// |rotate(predict(x)) − predict(rotate(x))| for an O(3) matrix.
fn equivariance_error(kind: Kind, r: &Matrix3<f64>, config: &ModelConfig) -> f64 {
    let run = run(1, 7.0);
    let (sample, preparation) = prepared(&run, config, kind);
    equivariance_error_of(run, &sample, &preparation, r)
}

fn equivariance_error_of(run: Calculation, sample: &Sample, preparation: &Preparation, r: &Matrix3<f64>) -> f64 {
    let network = Network::new(preparation);
    let flat = noisy(&network, preparation.kind);
    let slots = &preparation.slots;
    let there = sample.operator(&predicted(&network, &flat, preparation, sample, usize::MAX), slots).unwrap();
    let turned = rotated(&run, r);
    let sample = Sample::new(&turned, slots).unwrap();
    let after = sample.operator(&predicted(&network, &flat, preparation, &sample, usize::MAX), slots).unwrap();
    let carrier = Calculation { overlap: Some(there), ..run };
    difference(&after, rotated(&carrier, r).overlap.as_ref().unwrap())
}

fn rotation() -> Matrix3<f64> {
    *Rotation3::from_euler_angles(0.7, -1.2, 2.3).matrix()
}

/// The largest error over a rotation, inversion, and both.
fn orthogonal_error(config: &ModelConfig) -> f64 {
    let all = [rotation(), -Matrix3::identity(), -rotation()];
    all.iter().map(|r| equivariance_error(Kind::Double, r, config)).fold(0.0, f64::max)
}

#[test]
fn equivariant_in_double_precision() {
    for r in [rotation(), -Matrix3::identity(), -rotation()] {
        for passing in [false, true] {
            let error = equivariance_error(Kind::Double, &r, &ModelConfig { passing, ..small() });
            println!("f64: {error:.1e}");
            assert!(error < 1e-12, "{error:e}");
        }
    }
}

#[test]
fn equivariant_in_single_precision() {
    for r in [rotation(), -Matrix3::identity(), -rotation()] {
        for passing in [false, true] {
            let error = equivariance_error(Kind::Float, &r, &ModelConfig { passing, ..small() });
            println!("f32: {error:.1e}");
            assert!(error < 1e-5, "{error:e}");
        }
    }
}

#[test]
fn other_shapes_are_equivariant_too() {
    let shapes = [
        ModelConfig { unnatural_channels: 0, ..small() },
        ModelConfig { inputs: Vec::new(), ends: false, ..small() },
        ModelConfig { l_max: 2, unnatural_l_max: 2, layers: 1, ..small() },
        ModelConfig { l_max: 0, unnatural_l_max: 0, layers: 3, envelope: 1.0, ..small() },
    ];
    for config in shapes {
        let error = equivariance_error(Kind::Double, &rotation(), &config);
        assert!(error < 1e-12, "{error:e} for {config:?}");
    }
}

#[test]
fn the_turn_of_the_frames_does_not_matter() {
    assert!(frame_error(&small()) < 1e-12);
}

/// Change of the prediction with the turn of the frames.
fn frame_error(config: &ModelConfig) -> f64 {
    let (sample, preparation) = prepared(&run(2, 7.0), config, Kind::Double);
    let wanted = operator_of(&sample, &preparation, usize::MAX);
    let found = operator_of(&turned_frames(&sample, &preparation.slots), &preparation, usize::MAX);
    difference(&wanted, &found)
}

/// The same sample with every frame turned about its bond.
fn turned_frames(sample: &Sample, slots: &Slots) -> Sample {
    let algebra = slots.algebra();
    let mut turned = sample.clone();
    for (k, edge) in turned.graph.edges.iter_mut().enumerate() {
        let old = algebra.wigner().matrices(&edge.frame);
        let bond = k % sample.graph.n_canonical();
        // A bond and its reverse stay half a turn about y apart if they turn the opposite way.
        let angle = if k == bond { 0.3 + bond as f64 } else { -0.3 - bond as f64 };
        edge.frame = Rotation3::from_axis_angle(&Vector3::z_axis(), angle).matrix() * edge.frame;
        let new = algebra.wigner().matrices(&edge.frame);
        for channels in [turned.h0.as_mut().unwrap(), &mut turned.overlap] {
            let row = &mut channels.edges[k * channels.width..(k + 1) * channels.width];
            let mut common = vec![0.0; row.len()];
            algebra.from_frame(row, &old, &mut common);
            algebra.to_frame(&common, &new, row);
        }
    }
    turned
}

#[test]
fn the_order_of_atoms_does_not_matter() {
    assert!(order_error(&small()) < 1e-12);
}

/// An order of the atoms in which some bonds change their canonical direction.
const ORDER: [u32; 4] = [2, 0, 3, 1];

/// Change of the prediction with the order of the atoms, and so with the canonical direction of bonds.
fn order_error(config: &ModelConfig) -> f64 {
    let run = run(3, 7.0);
    let (sample, preparation) = prepared(&run, config, Kind::Double);
    let wanted = operator_of(&sample, &preparation, usize::MAX);
    let sample = Sample::new(&reordered(&run, &ORDER), &preparation.slots).unwrap();
    let found = operator_of(&sample, &preparation, usize::MAX);
    let mut back = Operator::zeros(wanted.pairs().clone());
    for (pair, block) in found.blocks() {
        let k = wanted.pairs().find(&in_old_order(pair)).unwrap();
        back.block_mut(k).copy_from_slice(block);
    }
    difference(&wanted, &back)
}

fn in_old_order(pair: &Pair) -> Pair {
    Pair { i: ORDER[pair.i as usize], j: ORDER[pair.j as usize], r: pair.r }
}

/// New atom k is the old atom `order[k]`.
fn reordered(run: &Calculation, order: &[u32; 4]) -> Calculation {
    let mut new = run.clone();
    new.structure.positions = order.iter().map(|&k| run.structure.positions[k as usize]).collect();
    new.structure.species = order.iter().map(|&k| run.structure.species[k as usize]).collect();
    new.basis = Basis::new(run.basis.species().to_vec(), &new.structure.species).unwrap();
    let place = |old: u32| order.iter().position(|&k| k == old).unwrap() as u32;
    let moved = |operator: &Operator<f64>| {
        let renamed = |pair: &Pair| Pair { i: place(pair.i), j: place(pair.j), r: pair.r };
        let pairs = operator.pairs().as_slice().iter().map(renamed).collect();
        let mut new = Operator::zeros(Arc::new(Pairs::new(pairs, &new.basis).unwrap()));
        for (pair, block) in operator.blocks() {
            let k = new.pairs().find(&renamed(pair)).unwrap();
            new.block_mut(k).copy_from_slice(block);
        }
        new
    };
    let spin = |operator: &Option<SpinOperator>| match operator {
        Some(SpinOperator::Unpolarized(o)) => Some(SpinOperator::Unpolarized(moved(o))),
        _ => unreachable!("the run of this test has no spin"),
    };
    new.overlap = run.overlap.as_ref().map(&moved);
    new.hamiltonian = spin(&run.hamiltonian);
    new.hamiltonian0 = spin(&run.hamiltonian0);
    new
}

#[test]
fn tiles_change_nothing() {
    assert!(tile_error(&small()) < 1e-13);
}

/// Change of the prediction with the size of the tiles.
fn tile_error(config: &ModelConfig) -> f64 {
    let (sample, preparation) = prepared(&run(4, 7.0), config, Kind::Double);
    let [whole, tiles] = [usize::MAX, 5].map(|tile| operator_of(&sample, &preparation, tile));
    difference(&whole, &tiles)
}

#[test]
fn an_atom_is_felt_within_the_envelope_only() {
    // The last atom is farther than the envelope from all others, yet has bonds with them.
    assert_eq!(felt(&small(), 3), [3]);
    assert_eq!(felt(&small(), 2), [0, 1, 2, 3]); // 3 through its bonds with 0 and 1
    assert_eq!(felt(&ModelConfig { ends: false, ..small() }, 2), [2]);
    assert_eq!(felt(&ModelConfig { ends: false, passing: true, ..small() }, 2), [0, 1, 2, 3]);
}

/// Atoms with on-site blocks or bonds to other atoms than `atom` that change with the on-site H0 of `atom`.
fn felt(config: &ModelConfig, atom: u32) -> Vec<u32> {
    let (mut sample, preparation) = prepared(&run(5, 7.0), config, Kind::Double);
    let before = operator_of(&sample, &preparation, usize::MAX);
    let h0 = sample.h0.as_mut().unwrap();
    let row = atom as usize * h0.width..(atom as usize + 1) * h0.width;
    h0.nodes[row].iter_mut().for_each(|x| *x *= 1.5);
    let after = operator_of(&sample, &preparation, usize::MAX);
    let changed = |pair: &Pair| before.get(pair).unwrap() != after.get(pair).unwrap();
    let pairs = before.pairs().as_slice().iter();
    for pair in pairs.clone().filter(|pair| pair.i == atom || pair.j == atom) {
        assert!(changed(pair), "{pair:?}");
    }
    let others = |i: u32| pairs.clone().any(|pair| pair.i == i && (i == atom || pair.j != atom) && changed(pair));
    (0..4).filter(|&i| others(i)).collect()
}

#[test]
fn features_go_into_the_frame_and_back() {
    let (sample, preparation) = prepared(&run(6, 7.0), &small(), Kind::Double);
    let hidden = preparation.tables.hidden;
    let batch = preparation.batch(&sample, None, usize::MAX).unwrap();
    let tile = &batch.near[0];
    let n = tile.first.size()[0];
    let random = |rows: i64, channels: i64| Tensor::randn([n, rows, channels], (Kind::Double, Device::Cpu));
    let natural = random(hidden.natural_rows(), hidden.channels);
    let unnatural = random(hidden.unnatural_rows(), hidden.unnatural_channels);
    let features = NodeFeatures { natural, unnatural };
    let back =
        hidden.from_frame(&hidden.to_frame(&features, &tile.rotations, preparation.interface.m_max), &tile.rotations);
    let error = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
    assert!(error(&back.natural, &features.natural) < 1e-13 && error(&back.unnatural, &features.unnatural) < 1e-13);
}
