//! Bounded gates: what is far from training gets an output that grows with it, not with its powers.

use super::*;

/// By what factor the largest output grows when H⁽⁰⁾ of a structure far from training is ten times as far.
fn growth(gate_bound: f64) -> f64 {
    let config = ModelConfig { gate_bound, passing: true, ..small() };
    let run = run(1, 7.0);
    let (_, preparation) = prepared(&run, &config, Kind::Double);
    let network = Network::new(&preparation);
    let flat = noisy(&network, Kind::Double);
    let largest = |factor: f64| {
        let Some(SpinOperator::Unpolarized(h0)) = &run.hamiltonian0 else { unreachable!("runs of tests have no spin") };
        let values = h0.values().iter().map(|value| value * factor).collect();
        let h0 = SpinOperator::Unpolarized(Operator::new(h0.pairs().clone(), values).unwrap());
        let sample = Sample::new(&Calculation { hamiltonian0: Some(h0), ..run.clone() }, &preparation.slots).unwrap();
        let output = predicted(&network, &flat, &preparation, &sample, usize::MAX);
        let most = |most: f64, value: &f64| if value.is_nan() { f64::NAN } else { most.max(value.abs()) };
        output.edges.iter().chain(&output.nodes).fold(0.0, most)
    };
    largest(100.0) / largest(10.0)
}

#[test]
fn bounded_gates_bound_what_is_far() {
    let [bounded, free] = [4.0, 0.0].map(growth);
    println!("ten times as far: {bounded:.3} times as large with bounded gates, {free:.1} without");
    assert!(bounded > 1.0 && bounded < 20.0);
    // It overflows.
    assert!(free.is_nan() || free > 1000.0);
}
