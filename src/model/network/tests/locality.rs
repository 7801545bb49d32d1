//! What is out of a block's range does not change a bit of it.

use nalgebra::{Matrix3, Vector3};
use tch::Kind;

use super::{noisy, operator_of, prepared, scattered, small};
use crate::model::network::config::{Aggregation, Gradient, Input, Mixing, ModelConfig, Refine};
use crate::model::network::network::Network;
use crate::model::network::padding::{ROWS, padded};
use crate::model::network::set_threads;
use crate::model::{Sample, synthetic};
use crate::parsers::{Calculation, Operator, Pair, SpinOperator, Structure};
use crate::random::Random;

/// Bohr. Orbitals of [`synthetic`] reach farther (6.5), so bonds beyond the envelope are tested too.
const ENVELOPE: f64 = 4.2;
const MOVED: usize = 4;
const N_ATOMS: usize = 13;

/// A zigzag chain of atoms A and B, periodic along x, of which every atom has two neighbours within the envelope.
fn chain() -> Structure {
    let mut random = Random::new(23, 1);
    let mut noise = || 0.7 * (random.uniform() - 0.5);
    let site =
        |k: usize, shift: Vector3<f64>| Vector3::new(3.1 * k as f64, (k % 2) as f64, 0.5 * (k % 3) as f64) + shift;
    Structure {
        lattice: Matrix3::new(3.1 * N_ATOMS as f64, 0.0, 0.0, 0.0, 20.0, 0.0, 0.0, 0.0, 20.0),
        positions: (0..N_ATOMS).map(|k| site(k, Vector3::from_fn(|_, _| noise()))).collect(),
        species: (0..N_ATOMS).map(|k| usize::from(k % 3 == 1)).collect(),
    }
}

fn moved(structure: &Structure) -> Structure {
    let mut moved = structure.clone();
    moved.positions[MOVED] += Vector3::new(0.4, -0.9, 2.5);
    moved
}

/// `after`, but with the blocks of `before` between atoms that did not move: as if S and H⁽⁰⁾ were functions of the two atoms alone.
fn two_centre(before: &Calculation, after: Calculation) -> Calculation {
    let kept = |old: &Operator<f64>, mut new: Operator<f64>| {
        for (k, pair) in new.pairs().clone().as_slice().iter().enumerate() {
            if ![pair.i, pair.j].contains(&(MOVED as u32)) {
                new.block_mut(k).copy_from_slice(old.get(pair).unwrap());
            }
        }
        new
    };
    let (Some(SpinOperator::Unpolarized(old)), Some(SpinOperator::Unpolarized(new))) =
        (&before.hamiltonian0, &after.hamiltonian0)
    else {
        unreachable!("the run of this test has no spin")
    };
    let h0 = Some(SpinOperator::Unpolarized(kept(old, new.clone())));
    let overlap = Some(kept(before.overlap.as_ref().unwrap(), after.overlap.clone().unwrap()));
    Calculation { hamiltonian0: h0, overlap, ..after }
}

/// What noisy weights say of a run; statistics are those of `reference`.
fn blocks(run: &Calculation, reference: &Calculation, config: &ModelConfig, kind: Kind, tile: usize) -> Operator<f64> {
    let (_, preparation) = prepared(reference, config, kind);
    let sample = Sample::new(run, &preparation.slots).unwrap();
    let network = Network::new(&preparation);
    let weights = network.table.split(&noisy(&network, kind));
    let batch = padded(preparation.batch(&sample, None, tile).unwrap());
    let output = tch::no_grad(|| network.forward(&weights, &preparation, &batch));
    sample.operator(&scattered(&batch, &output, &preparation, &sample), &preparation.slots).unwrap()
}

/// Distance of the nearest image of an atom, in both structures.
fn nearest(structures: [&Structure; 2], from: usize, to: usize) -> f64 {
    let images = (-1..=1).map(|x| Pair { i: from as u32, j: to as u32, r: [x, 0, 0] });
    let distances = images.flat_map(|image| structures.map(|structure| structure.displacement(&image).norm()));
    distances.fold(f64::INFINITY, f64::min)
}

/// Moves an atom; returns (blocks out of range, blocks in range that do not touch the atom, how many of each changed).
fn changes(config: &ModelConfig, kind: Kind, tile: usize) -> [[usize; 2]; 2] {
    let (before, after) = (synthetic::run(chain()), synthetic::run(moved(&chain())));
    let after = two_centre(&before, after);
    let [old, new] = [&before, &after].map(|run| blocks(run, &before, config, kind, tile));
    let range = config.reach();
    let far = |atom: u32| nearest([&before.structure, &after.structure], atom as usize, MOVED) > range;
    let mut counts = [[0; 2]; 2];
    for (pair, block) in new.blocks().filter(|(pair, _)| ![pair.i, pair.j].contains(&(MOVED as u32))) {
        let side = usize::from(!(far(pair.i) && far(pair.j)));
        let equal = old.get(pair).unwrap().iter().zip(block).all(|(a, b)| a.to_bits() == b.to_bits());
        counts[side][0] += 1;
        counts[side][1] += usize::from(!equal);
    }
    counts
}

fn strictly_local(layers: usize) -> ModelConfig {
    ModelConfig { passing: false, layers, envelope: ENVELOPE, channels: 8, unnatural_channels: 4, ..small() }
}

fn require_local(config: &ModelConfig, kind: Kind, tile: usize) {
    let [[n_far, far_changed], [n_near, near_changed]] = changes(config, kind, tile);
    assert!(n_far > 20 && n_near > 4, "{n_far} blocks out of range, {n_near} within");
    assert_eq!(far_changed, 0, "of {n_far} blocks out of range; {config:?}, {kind:?}");
    assert!(near_changed > n_near / 2, "only {near_changed} of {n_near} blocks in range: {config:?}");
}

#[test]
fn strictly_local_at_every_depth_to_the_last_bit() {
    for layers in [1, 2, 4] {
        for ends in [false, true] {
            for kind in [Kind::Float, Kind::Double] {
                require_local(&ModelConfig { ends, ..strictly_local(layers) }, kind, 2 * ROWS);
            }
        }
    }
}

#[test]
fn structure_and_overlap_alone_are_as_local() {
    for inputs in [vec![], vec![Input::S]] {
        for ends in [false, true] {
            require_local(&ModelConfig { inputs: inputs.clone(), ends, ..strictly_local(4) }, Kind::Float, 2 * ROWS);
        }
    }
}

#[test]
fn every_axis_is_as_local() {
    let local = strictly_local(2);
    let axes = [
        ModelConfig { aggregation: Aggregation::Attention, ..local.clone() },
        ModelConfig { mixing: Mixing::Free, ..local.clone() },
        ModelConfig { gradient: Gradient::Scaled, invariants: 8, trace: true, ..local.clone() },
    ];
    for config in axes {
        assert_eq!(config.reach(), ENVELOPE);
        require_local(&config, Kind::Float, 2 * ROWS);
    }
}

#[test]
fn a_refinement_reaches_one_envelope_more_per_layer() {
    for refine in [Refine::Frame, Refine::Free] {
        let config = ModelConfig { refine, refine_layers: 1, refine_width: 16, ..strictly_local(2) };
        assert_eq!(config.reach(), 2.0 * ENVELOPE);
        require_local(&config, Kind::Float, 2 * ROWS);
    }
}

#[test]
fn passing_reaches_one_envelope_per_layer() {
    let passing = |layers| ModelConfig { passing: true, ..strictly_local(layers) };
    assert_eq!([1, 2, 4].map(|layers| passing(layers).reach()), [1.0, 2.0, 4.0].map(|layers| layers * ENVELOPE));
    require_local(&passing(2), Kind::Double, 2 * ROWS);
    let local = strictly_local(2).reach();
    assert_eq!(local, ENVELOPE);
    // Else nothing would tell the two apart.
    let [_, [_, changed]] = changes(&passing(2), Kind::Double, 2 * ROWS);
    let [_, [_, strictly]] = changes(&strictly_local(2), Kind::Double, 2 * ROWS);
    assert!(changed > strictly, "{changed} blocks hear of the atom with passing, {strictly} without");
}

#[test]
fn tiles_and_threads_change_no_bit() {
    let run = synthetic::run(chain());
    for kind in [Kind::Float, Kind::Double] {
        let config = strictly_local(2);
        let whole = blocks(&run, &run, &config, kind, ROWS * 100);
        assert_eq!(whole, blocks(&run, &run, &config, kind, 7), "{kind:?}");
        set_threads(2);
        let threads = blocks(&run, &run, &config, kind, ROWS * 100);
        set_threads(1);
        assert_eq!(whole, threads, "{kind:?}");
    }
}

#[test]
fn a_single_number_of_h0_is_felt_as_far_as_said() {
    // Atom MOVED + 1 is within the envelope of MOVED: with `ends` its blocks see the on-site H0 of MOVED.
    for (ends, felt) in [(true, true), (false, false)] {
        let config = ModelConfig { ends, ..strictly_local(2) };
        let run = synthetic::run(chain());
        let (mut sample, preparation) = prepared(&run, &config, Kind::Double);
        let before = operator_of(&sample, &preparation, usize::MAX);
        let row = MOVED * sample.width()..(MOVED + 1) * sample.width();
        sample.h0.as_mut().unwrap().nodes[row].iter_mut().for_each(|x| *x *= 1.5);
        let after = operator_of(&sample, &preparation, usize::MAX);
        let neighbour = Pair::onsite(MOVED + 1);
        assert_eq!(before.get(&neighbour) != after.get(&neighbour), felt, "ends = {ends}");
    }
}
