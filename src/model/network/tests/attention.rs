//! Attention of atoms to their bonds.

use tch::Kind;

use super::{Network, Preparation, Sample, tile_error};
use super::{difference, felt, noisy, operator_of, order_error, orthogonal_error, predicted, prepared, run, small};
use crate::model::network::config::{Aggregation, ModelConfig};
use crate::parsers::Operator;

fn attentive() -> ModelConfig {
    ModelConfig { aggregation: Aggregation::Attention, ..small() }
}

#[test]
fn attention_is_equivariant_and_blind_to_order_and_tiles() {
    for config in [attentive(), ModelConfig { passing: true, heads: 3, ..attentive() }] {
        let error = orthogonal_error(&config);
        println!("attention: {error:.1e}");
        assert!(error < 1e-12, "{error:e}");
        assert!(order_error(&config) < 1e-12);
        assert!(tile_error(&config) < 1e-13);
    }
}

#[test]
fn heads_weigh_apart() {
    // With equal scores of all heads, more heads would change nothing.
    let prediction = |heads: usize| {
        let config = ModelConfig { heads, ..attentive() };
        let (sample, preparation) = prepared(&run(5, 7.0), &config, Kind::Double);
        operator_of(&sample, &preparation, usize::MAX)
    };
    assert!(difference(&prediction(1), &prediction(3)) > 1e-3);
}

#[test]
fn attention_is_strictly_local() {
    assert_eq!(felt(&attentive(), 3), [3]);
    assert_eq!(felt(&ModelConfig { ends: false, ..attentive() }, 2), [2]);
    assert_eq!(felt(&ModelConfig { ends: false, passing: true, ..attentive() }, 2), [0, 1, 2, 3]);
}

#[test]
fn nothing_jumps_where_a_bond_leaves_the_envelope() {
    let (sample, _) = prepared(&run(5, 7.0), &attentive(), Kind::Double);
    let mut lengths: Vec<f64> = sample.graph.edges.iter().map(|edge| edge.distance).collect();
    lengths.sort_by(f64::total_cmp);
    let of_last = sample.graph.edges.iter().filter(|edge| edge.i == 3).map(|edge| edge.distance);
    let first_of_last = of_last.fold(f64::MAX, f64::min);
    for length in [lengths[0], lengths[lengths.len() / 2], first_of_last] {
        let change = |step: f64| difference(&at(&sample, length - step), &at(&sample, length + step));
        assert!(change(1e-1) > 1e-5, "the bond of {length} bohr is not felt");
        assert!(change(1e-6) < 1e-5, "a jump of {:e} at {length} bohr", change(1e-6));
    }
}

/// The prediction if the envelope ends here.
fn at(sample: &Sample, envelope: f64) -> Operator<f64> {
    let config = ModelConfig { envelope, ..attentive() };
    let (_, preparation): (_, Preparation) = prepared(&run(5, 7.0), &config, Kind::Double);
    let network = Network::new(&preparation);
    let flat = noisy(&network, Kind::Double);
    sample.operator(&predicted(&network, &flat, &preparation, sample, usize::MAX), &preparation.slots).unwrap()
}
