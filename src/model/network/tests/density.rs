//! Outputs of models of the density matrix, which is no local operator.

use nalgebra::Matrix3;
use tch::Kind;

use super::{Network, equivariance_error_of, noisy, predicted, prepared, rotation, run, small};
use crate::model::network::config::ModelConfig;
use crate::model::target::Quantity;

#[test]
fn a_density_matrix_has_all_channels_and_turns_with_the_run() {
    for r in [rotation(), -Matrix3::identity(), -rotation()] {
        let run = run(1, 7.0);
        let config = ModelConfig { trace: true, ..small() };
        let (sample, preparation) = prepared(&run, &config, Kind::Double);
        let preparation = preparation.of_quantity(Quantity::DensityMatrix);
        assert_eq!(preparation.interface.pair_columns.len(), preparation.slots.algebra().width());
        assert_eq!(preparation.interface.node_columns().len(), preparation.slots.algebra().width());
        let error = equivariance_error_of(run, &sample, &preparation, &r);
        assert!(error < 1e-12, "{error:e}");
    }
}

#[test]
fn only_a_density_matrix_has_unnatural_outputs() {
    let largest = |quantity: Quantity| {
        let (sample, preparation) = prepared(&run(1, 7.0), &small(), Kind::Double);
        let preparation = preparation.of_quantity(quantity);
        let network = Network::new(&preparation);
        let flat = noisy(&network, Kind::Double);
        let channels = predicted(&network, &flat, &preparation, &sample, usize::MAX);
        let algebra = preparation.slots.algebra();
        let pairs = (0..sample.graph.edges.len()).flat_map(|k| channels.edge(k)[algebra.unnatural0()].to_vec());
        let unnatural = algebra.channels().iter().filter(|c| !c.natural).flat_map(|c| c.offset..c.offset + 2 * c.l + 1);
        let columns: Vec<usize> = unnatural.collect();
        let nodes = (0..4).flat_map(|atom| columns.iter().map(|&k| channels.node(atom)[k]).collect::<Vec<_>>());
        let size = |values: Vec<f64>| values.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        [size(pairs.collect()), size(nodes.collect())]
    };
    assert_eq!(largest(Quantity::Hamiltonian), [0.0, 0.0]);
    assert!(largest(Quantity::DensityMatrix).iter().all(|&size| size > 1e-4));
}
