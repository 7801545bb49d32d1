//! Symmetry of the whole network, with weights far from zero, on random Hermitian operators.

use std::sync::Arc;

use nalgebra::{Matrix3, Rotation3, Vector3};
use tch::{Device, Kind, Tensor};

use super::batch::{Batch, Preparation};
use super::config::{Input, ModelConfig};
use super::init_torch;
use super::network::Network;
use super::random::Random;
use super::statistics::Statistics;
use crate::model::{Channels, Sample, Slots};
use crate::parsers::basis::parse_shells;
use crate::parsers::{Basis, Calculation, Operator, Origin, Pair, Pairs, Species, SpinOperator, Structure};
use crate::symmetry::rotate::rotated;

/// A run of four atoms of two species in a small cell, all bonds up to `reach` bohr, random Hermitian S, H0 and H.
pub fn run(seed: u64, reach: f64) -> Calculation {
    let mut random = Random::new(seed, 1);
    let mut shift = || Vector3::from_fn(|_, _| 0.6 * (random.uniform() - 0.5));
    let positions: Vec<Vector3<f64>> = [[0.0, 0.0, 0.0], [2.6, 0.3, 0.1], [0.4, 2.8, 0.2], [2.7, 2.9, 1.0]]
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
    let basis = Basis::new(vec![species("H", "2s1p"), species("C", "2s1p1d")], &structure.species).unwrap();
    let pairs = Arc::new(Pairs::new(pairs_within(&structure, reach), &basis).unwrap());
    let mut operator = |size: f64| hermitian(&structure, &basis, &pairs, &mut random, size);
    let (overlap, h0, delta) = (operator(1.0), operator(0.5), operator(0.05));
    let h = h0.values().iter().zip(delta.values()).map(|(h0, delta)| h0 + delta).collect();
    Calculation {
        overlap: Some(overlap),
        hamiltonian: Some(SpinOperator::Unpolarized(Operator::new(pairs.clone(), h).unwrap())),
        hamiltonian0: Some(SpinOperator::Unpolarized(h0)),
        density_matrix: None,
        fermi_level: None,
        n_electrons: None,
        smearing: None,
        k_grid: None,
        k_path: None,
        printed: Vec::new(),
        native: None,
        origin: Origin::default(),
        structure,
        basis,
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
    let slots = Slots::of_runs([&run.basis]).unwrap();
    let sample = Sample::new(run, &slots).unwrap();
    let statistics = |operator: &Channels| Statistics::measure(&[&sample], &[operator], &slots);
    let measured = [statistics(&sample.h0), statistics(sample.delta.as_ref().unwrap())];
    let preparation = Preparation::new(config, &slots, measured, kind, Device::Cpu);
    (sample, preparation)
}

fn small() -> ModelConfig {
    let inputs = vec![Input::H0, Input::S];
    ModelConfig { inputs, channels: 6, unnatural_channels: 3, width: 16, envelope: 5.5, ..ModelConfig::default() }
}

/// Weights with noise added, so that no output is small by its start.
fn noisy(network: &Network, kind: Kind) -> Tensor {
    let mut random = Random::new(11, 5);
    let values: Vec<f64> = network.table.initial(3).iter().map(|w| w + 0.1 * random.normal()).collect();
    Tensor::from_slice(&values).to_kind(kind)
}

fn predicted(network: &Network, flat: &Tensor, preparation: &Preparation, sample: &Sample, tile: usize) -> Channels {
    let weights = network.table.split(flat);
    let batch = preparation.batch(sample, None, tile);
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

/// |rotate(predict(x)) − predict(rotate(x))| for an O(3) matrix.
fn equivariance_error(kind: Kind, r: &Matrix3<f64>) -> f64 {
    let run = run(1, 7.0);
    let (sample, preparation) = prepared(&run, &small(), kind);
    let network = Network::new(&preparation);
    let flat = noisy(&network, kind);
    let slots = &preparation.slots;
    let there = sample.operator(&predicted(&network, &flat, &preparation, &sample, usize::MAX), slots).unwrap();
    let turned = rotated(&run, r).unwrap();
    let sample = Sample::new(&turned, slots).unwrap();
    let after = sample.operator(&predicted(&network, &flat, &preparation, &sample, usize::MAX), slots).unwrap();
    let carrier = Calculation { overlap: Some(there), ..run };
    difference(&after, rotated(&carrier, r).unwrap().overlap.as_ref().unwrap())
}

fn rotation() -> Matrix3<f64> {
    *Rotation3::from_euler_angles(0.7, -1.2, 2.3).matrix()
}

#[test]
fn equivariant_in_double_precision() {
    for r in [rotation(), -Matrix3::identity(), -rotation()] {
        let error = equivariance_error(Kind::Double, &r);
        println!("f64: {error:.1e}");
        assert!(error < 1e-12, "{error:e}");
    }
}

#[test]
fn equivariant_in_single_precision() {
    for r in [rotation(), -Matrix3::identity(), -rotation()] {
        let error = equivariance_error(Kind::Float, &r);
        println!("f32: {error:.1e}");
        assert!(error < 1e-5, "{error:e}");
    }
}
