use super::*;
use crate::model::{synthetic, target};
use crate::parsers::SpinOperator;

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |worst, (a, b)| (a - b).abs().max(worst))
}

#[test]
fn operator_to_channels_and_back() {
    let run = synthetic::run(synthetic::structure(1));
    let slots = Slots::of_runs([&run]).unwrap();
    let sample = Sample::new(&run, &slots).unwrap();
    let delta = target::delta(&run).unwrap();
    let back = sample.operator(sample.target.as_ref().unwrap(), &slots).unwrap();
    assert!(largest_difference(delta.values(), back.values()) < 1e-14);
    let h = target::apply(&run.basis, run.hamiltonian0.as_ref().unwrap(), &[back]).unwrap();
    let (SpinOperator::Unpolarized(h), Some(SpinOperator::Unpolarized(wanted))) = (&h, &run.hamiltonian) else {
        panic!("spins differ")
    };
    assert!(largest_difference(h.values(), wanted.values()) < 1e-14);
}

#[test]
fn exchange_fields_to_channels_and_back() {
    let run = crate::parsers::read(
        concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/siesta/fe2_nc").as_ref(),
        &Default::default(),
    )
    .unwrap();
    let slots = Slots::of_runs([&run.basis]).unwrap().with_field(true);
    let sample = Sample::of_run(&run, &slots, Target::default()).unwrap().remove(0);
    let deltas = sample.operators(sample.target.as_ref().unwrap(), &slots).unwrap();
    let h = target::apply(&run.basis, run.hamiltonian0.as_ref().unwrap(), &deltas).unwrap();
    let [found, wanted] = [&h, run.hamiltonian.as_ref().unwrap()].map(crate::model::exchange_field::parts);
    for (part, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        let bonded = found.pairs().as_slice().iter().filter(|pair| run.overlap.as_ref().unwrap().get(pair).is_some());
        for pair in bonded {
            let error = largest_difference(found.get(pair).unwrap(), wanted.get(pair).unwrap());
            assert!(error < 1e-7, "part {part} of {pair:?}: {error}");
        }
    }
    assert!(largest_difference(wanted[1].values(), &vec![0.0; wanted[1].values().len()]) > 1e-3, "no moment");
    let twice = sample.time_reversed(&slots).time_reversed(&slots);
    assert_eq!(twice.target, sample.target);
    assert_ne!(sample.time_reversed(&slots).target, sample.target);
}

#[test]
fn atoms_that_hardly_overlap_are_not_bonded() {
    let mut run = synthetic::run(synthetic::structure(1));
    let slots = Slots::of_runs([&run]).unwrap();
    let n_bonds = |run: &Calculation| Sample::new(run, &slots).unwrap().graph.edges.len();
    let before = n_bonds(&run);
    let overlap = run.overlap.as_mut().unwrap();
    let pairs = overlap.pairs().clone();
    let apart = *pairs.as_slice().iter().find(|pair| !pair.is_onsite()).unwrap();
    for pair in [apart, apart.reversed()] {
        overlap.block_mut(pairs.find(&pair).unwrap()).iter_mut().for_each(|s| *s *= 1e-7);
    }
    assert_eq!(n_bonds(&run), before - 2);
    let sample = Sample::new(&run, &slots).unwrap();
    let delta = sample.operator(sample.target.as_ref().unwrap(), &slots).unwrap();
    assert_eq!(delta.pairs().len(), pairs.len(), "the block stays, and is H0's");
    assert!(delta.get(&apart).unwrap().iter().all(|&d| d == 0.0));
}

#[test]
fn two_centre_integrals_are_natural_and_m0_in_the_bond_frame() {
    let run = synthetic::run(synthetic::structure(2));
    let slots = Slots::of_runs([&run]).unwrap();
    let sample = Sample::new(&run, &slots).unwrap();
    let beyond = slots.algebra().natural0().end;
    for k in 0..sample.graph.edges.len() {
        assert!(sample.overlap.edge(k)[beyond..].iter().all(|x| x.abs() < 1e-14));
        assert!(sample.target.as_ref().unwrap().edge(k)[slots.algebra().unnatural0()].iter().all(|x| x.abs() < 1e-14));
    }
}

#[test]
fn overlap_of_a_real_run_is_two_centre() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/abacus/graphene");
    let run = crate::parsers::read(folder.as_ref(), &Default::default()).unwrap();
    let slots = Slots::of_runs([&run]).unwrap();
    let sample = Sample::new(&run, &slots).unwrap();
    let beyond = slots.algebra().natural0().end;
    let rows = || (0..sample.graph.edges.len()).map(|k| sample.overlap.edge(k));
    let worst = |part: &dyn Fn(&[f64]) -> Vec<f64>| rows().flat_map(part).fold(0.0, |w: f64, x| w.max(x.abs()));
    assert!(worst(&|row| row[..beyond].to_vec()) > 0.1);
    // Eight printed digits.
    assert!(worst(&|row| row[beyond..].to_vec()) < 3e-8);
}

#[test]
fn shift_is_recovered() {
    let run = synthetic::run(synthetic::structure(3));
    let overlap = run.overlap.as_ref().unwrap();
    let mut shifted = target::delta(&run).unwrap();
    let before = target::gauge_shift(&shifted, overlap);
    shifted.values_mut().iter_mut().zip(overlap.values()).for_each(|(d, s)| *d += 0.25 * s);
    assert!((target::gauge_shift(&shifted, overlap) - before - 0.25).abs() < 1e-14);
}
