//! The error of H(k) against Bloch sums and eigenvalues in double precision.

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::blocks::{Blocks, Places};
use super::*;
use crate::bands::bloch::BlochSum;
use crate::bands::spectrum::{EigenProblem, SpectrumOptions};
use crate::model::network::config::{ModelConfig, TrainConfig, TrainingConfig};
use crate::model::network::data::Data;
use crate::model::network::network::Network;
use crate::model::network::tests::{prepared, run};
use crate::model::network::train::train_on;
use crate::model::network::training_tests::Recorder;
use crate::model::target::Target;
use crate::model::{Channels, synthetic, target};
use crate::parsers::{Calculation, Operator, Pair, SpinOperator};

const K: [f64; 3] = [0.13, -0.41, 0.27];
const CONFIG: KSpaceConfig = KSpaceConfig { weight: 1.0, points: 2, window_ev: 3.0, probes: 3, from: 0.0 };

fn small() -> ModelConfig {
    ModelConfig { channels: 3, unnatural_channels: 1, width: 8, layers: 1, envelope: 5.0, ..ModelConfig::default() }
}

/// `factor` S + 1, which is positive definite for a small factor; the Fermi level is the fourth state at Γ.
fn well_conditioned(run: &mut Calculation, factor: f64) {
    let overlap = run.overlap.as_mut().unwrap();
    overlap.values_mut().iter_mut().for_each(|s| *s *= factor);
    for atom in 0..run.structure.n_atoms() {
        let onsite = overlap.pairs().find(&Pair::onsite(atom)).unwrap();
        let n = run.basis.orbitals_of(atom).len();
        (0..n).for_each(|k| overlap.block_mut(onsite)[k * (n + 1)] += 1.0);
    }
    run.fermi_level = Some(energies_towards(run, hamiltonian(run), 0.0, [0.0; 3])[3] + 1e-3);
}

/// A run whose ΔH a network can say to the last digit, with its sample.
fn learnable() -> (Calculation, Sample, Preparation) {
    let mut run = synthetic::run(synthetic::structure(1));
    well_conditioned(&mut run, 0.1);
    let (sample, preparation) = prepared(&run, &small(), Kind::Double);
    (run, sample, preparation)
}

fn hamiltonian(run: &Calculation) -> &Operator<f64> {
    let Some(SpinOperator::Unpolarized(h)) = &run.hamiltonian else { panic!("a run without spin") };
    h
}

fn output(preparation: &Preparation, batch: &Batch) -> Output {
    let network = Network::new(preparation);
    let mut random = Random::new(5, 1);
    let values: Vec<f64> = network.table.initial(3).iter().map(|w| w + 0.1 * random.normal()).collect();
    network.forward(&network.table.split(&Tensor::from_slice(&values)), preparation, batch)
}

/// H⁽⁰⁾ + mean + output.
fn predicted(run: &Calculation, sample: &Sample, preparation: &Preparation, batch: &Batch) -> Operator<f64> {
    let mut channels = Channels::zeros(&sample.graph, preparation.slots.algebra().width());
    preparation.add_mean(sample, &mut channels);
    preparation.add(batch, &output(preparation, batch), &mut channels);
    let delta = sample.operator(&channels, &preparation.slots).unwrap();
    match target::apply(&run.basis, run.hamiltonian0.as_ref().unwrap(), std::slice::from_ref(&delta)).unwrap() {
        SpinOperator::Unpolarized(h) => h,
        _ => panic!("a run without spin"),
    }
}

/// The elements of a matrix over all slots that belong to orbitals of the run.
fn on_orbitals(matrix: &Tensor, sample: &Sample, preparation: &Preparation) -> Mat<c64> {
    let slots = preparation.slots.algebra().n_orbitals();
    let atoms = 0..sample.graph.n_nodes();
    let rows: Vec<usize> = atoms.flat_map(|a| sample.orbitals(a).iter().map(move |slot| a * slots + slot)).collect();
    let parts = matrix.view_as_real();
    let value = |i: usize, j: usize, part: i64| parts.double_value(&[rows[i] as i64, rows[j] as i64, part]);
    Mat::from_fn(rows.len(), rows.len(), |i, j| c64::new(value(i, j, 0), value(i, j, 1)))
}

fn largest(a: &Mat<c64>) -> f64 {
    a.norm_max()
}

#[test]
fn d_of_k_is_the_difference_of_the_bloch_sums() {
    let (run, sample, preparation) = learnable();
    let batch = preparation.batch(&sample, sample.target.as_ref(), 7).unwrap();
    let reference = KSpace::new(&CONFIG, (1, 10), &preparation, [(&sample, &batch, [].as_slice())]);
    let structure = &reference.structures[0];
    let d = structure.difference(&reference.blocks, &output(&preparation, &batch), K);
    let h = predicted(&run, &sample, &preparation, &batch);
    let at = |h: &Operator<f64>| BlochSum::new(h.pairs(), &run.basis).at(h, K);
    let wanted = at(&h) - at(hamiltonian(&run));
    assert!(largest(&wanted) > 1e-3, "the test compares zeros");
    assert!(largest(&(on_orbitals(&d, &sample, &preparation) - wanted)) < 1e-12);
}

#[test]
fn shells_up_to_d_and_several_tiles() {
    let (sample, preparation) = prepared(&run(1, 7.0), &small(), Kind::Double);
    let batch = preparation.batch(&sample, None, 4).unwrap();
    let output = output(&preparation, &batch);
    let rows = Tensor::cat(&output.pairs, 0);
    let tiles = batch.near.iter().chain(&batch.far);
    let bonds: Vec<i64> = tiles.flat_map(|tile| tile.bonds.iter().map(|&bond| bond as i64)).collect();
    let ordered = rows.index_select(0, &Tensor::from_slice(&bonds).argsort(0, false));
    let d = Blocks::new(&preparation).at(&ordered, &output.nodes, &Places::new(&sample, &preparation), K);
    let mut channels = Channels::zeros(&sample.graph, preparation.slots.algebra().width());
    preparation.add(&batch, &output, &mut channels);
    let operator = sample.operator(&channels, &preparation.slots).unwrap();
    let wanted = BlochSum::new(operator.pairs(), &run(1, 7.0).basis).at(&operator, K);
    assert!(largest(&wanted) > 1e-3, "the test compares zeros");
    assert!(largest(&(on_orbitals(&d, &sample, &preparation) - wanted)) < 1e-12);
}

#[test]
fn diagonal_is_the_first_order_change_of_the_energies() {
    let (run, sample, preparation) = learnable();
    let batch = preparation.batch(&sample, sample.target.as_ref(), usize::MAX).unwrap();
    let states = states(&run, &CONFIG, &mut Random::new(3, 3)).unwrap().remove(0);
    let k_space = KSpace::new(&CONFIG, (1, 10), &preparation, [(&sample, &batch, states.as_slice())]);
    let structure = &k_space.structures[0];
    let output = output(&preparation, &batch);
    let difference = predicted(&run, &sample, &preparation, &batch);
    for (point, states) in structure.points.iter().zip(&states) {
        let [window, _] = point.projections(&structure.difference(&k_space.blocks, &output, point.k), 0);
        let energies = |t: f64| energies_towards(&run, &difference, t, point.k);
        let (forwards, backwards) = (energies(1e-4), energies(-1e-4));
        assert!((2..forwards.len()).contains(&states.window.ncols()), "states below and above the top");
        for n in 0..states.window.ncols() {
            let slope = (forwards[n] - backwards[n]) / 2e-4;
            let found = window.view_as_real().double_value(&[n as i64, n as i64, 0]);
            assert!((found - slope).abs() < 1e-6 * (1.0 + slope.abs()), "state {n}: {found} against {slope}");
        }
    }
}

/// Energies of H + t (H' − H).
fn energies_towards(run: &Calculation, other: &Operator<f64>, t: f64, k: [f64; 3]) -> Vec<f64> {
    let h = hamiltonian(run);
    let values = h.values().iter().zip(other.values()).map(|(h, other)| h + t * (other - h)).collect();
    let h = SpinOperator::Unpolarized(Operator::new(Arc::clone(h.pairs()), values).unwrap());
    let problem = EigenProblem::new(&h, run.overlap.as_ref().unwrap(), &run.basis, 1, SpectrumOptions::default());
    problem.energies(k).unwrap().remove(0)
}

#[test]
fn gradient_is_that_of_finite_differences() {
    let (run, sample, preparation) = learnable();
    let batch = preparation.batch(&sample, sample.target.as_ref(), 6).unwrap();
    let states = states(&run, &CONFIG, &mut Random::new(3, 3)).unwrap().remove(0);
    let k_space = KSpace::new(&CONFIG, (1, 10), &preparation, [(&sample, &batch, states.as_slice())]);
    let Output { pairs, nodes, .. } = output(&preparation, &batch);
    let shift = Tensor::from(0.01).to_kind(Kind::Double);
    let loss = |rows: &Tensor, nodes: &Tensor| {
        let pairs =
            pairs.iter().enumerate().map(|(k, tile)| if k == 0 { rows } else { tile }.shallow_clone()).collect();
        k_space.loss(0, 1, &Output { pairs, nodes: nodes.shallow_clone(), traces: None }, &shift).unwrap().loss
    };
    let leaves = [&pairs[0], &nodes].map(|t| t.detach().copy().set_requires_grad(true));
    loss(&leaves[0], &leaves[1]).backward();
    for leaf in 0..2 {
        let gradient = leaves[leaf].grad();
        for (row, column) in [(0, 0), (1, 1), (3, 2)] {
            let moved = |step: f64| {
                let moved = [0, 1].map(|k| leaves[k].detach().copy());
                let _ = moved[leaf].get(row).get(column).g_add_scalar_(step);
                loss(&moved[0], &moved[1]).double_value(&[])
            };
            let slope = (moved(1e-7) - moved(-1e-7)) / 2e-7;
            let found = gradient.double_value(&[row, column]);
            assert!((found - slope).abs() < 1e-6 * (0.1 + slope.abs()), "{found} against {slope}");
        }
        assert!(gradient.abs().max().double_value(&[]) > 1e-3);
    }
}

/// A run whose second atom has two orbitals that overlap alike with all others, and by 1 − `distance` with each other; their
/// difference is high in energy.
fn nearly_dependent(distance: f64) -> Calculation {
    let mut run = run(1, 7.0);
    well_conditioned(&mut run, 0.02);
    let overlap = run.overlap.as_mut().unwrap();
    for (k, pair) in overlap.pairs().clone().as_slice().iter().enumerate() {
        let n = run.basis.orbitals_of(pair.j as usize).len();
        let block = overlap.block_mut(k);
        if pair.i == 1 {
            block.copy_within(0..n, n);
        }
        if pair.j == 1 {
            block.chunks_mut(n).for_each(|row| row[1] = row[0]);
        }
        if *pair == Pair::onsite(1) {
            (block[0], block[n + 1]) = (1.0, 1.0);
            (block[1], block[n]) = (1.0 - distance, 1.0 - distance);
        }
    }
    let Some(SpinOperator::Unpolarized(h)) = &mut run.hamiltonian else { panic!("a run without spin") };
    let onsite = h.pairs().find(&Pair::onsite(1)).unwrap();
    h.block_mut(onsite)[0] += 3.0;
    run
}

#[test]
fn probes_see_errors_where_s_is_ill_conditioned() {
    let sizes = |distance: f64| {
        let run = nearly_dependent(distance);
        let (sample, preparation) = prepared(&run, &small(), Kind::Double);
        let batch = preparation.batch(&sample, sample.target.as_ref(), usize::MAX).unwrap();
        let states = states(&run, &CONFIG, &mut Random::new(3, 3)).unwrap().remove(0);
        let k_space = KSpace::new(&CONFIG, (1, 10), &preparation, [(&sample, &batch, states.as_slice())]);
        let structure = &k_space.structures[0];
        let point = &structure.points[0];
        let output = output(&preparation, &batch);
        let sizes = point.projections(&structure.difference(&k_space.blocks, &output, point.k), 0);
        (states[0].window.ncols() + states[0].probes.ncols(), sizes.map(|x| mean_size(&x).double_value(&[])))
    };
    let (_, [window, probes]) = sizes(1e-2);
    let (_, [same_window, more]) = sizes(1e-6);
    assert!((same_window - window).abs() < 0.5 * window, "{same_window} against {window}");
    assert!(more > 10.0 * probes, "{more} against {probes}");
    // Beyond what digits of S can tell the combination is left out.
    let (_, [_, left_out]) = sizes(1e-9);
    assert!(left_out < probes * 2.0, "{left_out} against {probes}");
}

#[test]
fn windows_follow_the_energy_and_probes_are_orthonormal_to_them() {
    let (run, ..) = learnable();
    let overlap = run.overlap.as_ref().unwrap();
    for states in states(&run, &CONFIG, &mut Random::new(8, 3)).unwrap().remove(0) {
        let s = BlochSum::new(overlap.pairs(), &run.basis).at(overlap, states.k);
        let energies = energies_towards(&run, hamiltonian(&run), 0.0, states.k);
        let top = run.fermi_level.unwrap() + 3.0 / run.origin.ev_per_hartree;
        assert_eq!(states.window.ncols(), energies.iter().filter(|&&energy| energy <= top).count());
        let unit = states.window.adjoint() * &s * &states.window;
        assert!(largest(&(unit - Mat::<c64>::identity(states.window.ncols(), states.window.ncols()))) < 1e-10);
        assert!(largest(&(states.window.adjoint() * &s * &states.probes)) < 1e-10);
        let norms = states.probes.adjoint() * &s * &states.probes;
        assert!((0..norms.nrows()).all(|n| (norms[(n, n)].re - 1.0).abs() < 1e-10) && norms.nrows() == 12);
    }
}

#[test]
fn steps_draw_points_by_seed_and_start_when_told() {
    let (run, sample, preparation) = learnable();
    let batch = preparation.batch(&sample, sample.target.as_ref(), usize::MAX).unwrap();
    let states = states(&run, &CONFIG, &mut Random::new(3, 3)).unwrap().remove(0);
    let late = KSpaceConfig { from: 0.5, ..CONFIG };
    let k_space = KSpace::new(&late, (1, 20), &preparation, [(&sample, &batch, states.as_slice())]);
    let output = output(&preparation, &batch);
    let shift = Tensor::zeros([], (Kind::Double, Device::Cpu));
    let loss = |step: usize| k_space.loss(0, step, &output, &shift).map(|l| l.loss.double_value(&[]));
    assert!(loss(9).is_none() && loss(10).is_some());
    assert_eq!(loss(12), loss(12));
    let different: std::collections::BTreeSet<_> = (10..20).map(|step| loss(step).unwrap().to_bits()).collect();
    assert!(different.len() > 2, "both points and several sets of probes");
    assert!(k_space.loss(1, 12, &output, &shift).is_none(), "no such structure");
}

/// First-order errors of the energies, and losses, of all steps of a training run on one structure.
fn curve(k_space: &KSpaceConfig) -> Vec<(Option<f64>, f64)> {
    let (run, ..) = learnable();
    let sampling = Sampling { config: k_space, seed: 0 };
    let data = Data::with_states(vec![run], Vec::new(), Target::default(), &sampling).unwrap();
    let config = TrainConfig {
        model: small(),
        training: TrainingConfig { steps: 80, warmup: 5, threads: 1, ..TrainingConfig::default() },
        k_space: k_space.clone(),
        ..TrainConfig::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder { lines: Vec::new(), last: usize::MAX };
    train_on(data, &config, folder.path(), Device::Cpu, &mut recorder).unwrap();
    recorder.lines.iter().map(|line| (line.loss.k_band_mae, line.loss.real)).collect()
}

#[test]
fn errors_of_bands_fall_with_the_weight_and_without_it_nothing_changes() {
    let late = |curve: &[(Option<f64>, f64)]| curve[60..].iter().map(|line| line.0.unwrap()).sum::<f64>() / 20.0;
    let negligible = curve(&KSpaceConfig { weight: 1e-9, ..CONFIG });
    let weighed = curve(&KSpaceConfig { weight: 1.0, ..CONFIG });
    let (without, with) = (late(&negligible), late(&weighed));
    println!("band error {without:.2e} without and {with:.2e} with weight");
    assert!(with < 0.8 * without, "{with} against {without}");
    let [off, default] = [KSpaceConfig { weight: 0.0, ..CONFIG }, KSpaceConfig::default()].map(|config| curve(&config));
    assert_eq!(off, default);
    assert!(off.iter().all(|line| line.0.is_none()));
}
