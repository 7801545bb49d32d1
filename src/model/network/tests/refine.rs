//! The second stage.

use super::*;
use crate::model::network::config::Refine;
use crate::model::network::layers::refine::{Turn, fixed_turns, random_turn};

fn refined(refine: Refine) -> ModelConfig {
    ModelConfig { refine, refine_width: 12, refine_heads: 3, ..small() }
}

/// What a network with these weights says, with or without its second stage.
fn stages_of(config: &ModelConfig, noise: bool) -> [Operator<f64>; 2] {
    let (sample, preparation) = prepared(&run(1, 7.0), config, Kind::Double);
    let mut network = Network::new(&preparation);
    let start = || Tensor::from_slice(&network.table.initial(3));
    let flat = if noise { noisy(&network, Kind::Double) } else { start() };
    [false, true].map(|refine| {
        network.pass.refine = refine;
        let channels = predicted(&network, &flat, &preparation, &sample, usize::MAX);
        sample.operator(&channels, &preparation.slots).unwrap()
    })
}

#[test]
fn the_correction_starts_at_zero_and_can_become_large() {
    for refine in [Refine::Frame, Refine::Free] {
        let [first, both] = stages_of(&refined(refine), false);
        assert_eq!(first, both);
        let [first, both] = stages_of(&refined(refine), true);
        assert!(difference(&first, &both) > 0.1);
        let without = stages_of(&ModelConfig { refine: Refine::None, ..small() }, false);
        assert_eq!(without[1], stages_of(&refined(refine), false)[0], "the first stage starts otherwise");
    }
}

#[test]
fn neither_frames_nor_orders_nor_tiles_matter() {
    for refine in [Refine::Frame, Refine::Free] {
        let config = refined(refine);
        assert!(frame_error(&config) < 1e-12 && order_error(&config) < 1e-12 && tile_error(&config) < 1e-13);
    }
}

#[test]
fn the_refinement_in_frames_is_exact() {
    for passing in [false, true] {
        let error = orthogonal_error(&ModelConfig { passing, ..refined(Refine::Frame) });
        assert!(error < 1e-12, "{error:e}");
    }
}

#[test]
fn the_free_refinement_is_equivariant_under_the_axes_that_it_averages_over() {
    let error = |refine_turns: usize, r: &Matrix3<f64>| {
        equivariance_error(Kind::Double, r, &ModelConfig { refine_turns, ..refined(Refine::Free) })
    };
    let (any, third) = (rotation(), fixed_turns(12)[7]);
    assert!(error(1, &any) > 1e-2 && error(1, &third) > 1e-2);
    assert!(error(12, &third) < 1e-12);
    let errors = [1, 4, 24].map(|n| error(n, &any));
    println!("1, 4 and 24 axes: {errors:?}");
    assert!(errors[2] < 0.3 * errors[0], "{errors:?}");
}

#[test]
fn turned_axes_of_the_refinement_are_turned_axes_of_the_run() {
    let (run, config) = (run(1, 7.0), refined(Refine::Free));
    for r in [random_turn(5, 1), -random_turn(5, 1)] {
        let (sample, preparation) = prepared(&run, &config, Kind::Double);
        let mut network = Network::new(&preparation);
        let flat = noisy(&network, Kind::Double);
        let operator = |network: &Network, sample: &Sample| {
            let channels = predicted(network, &flat, &preparation, sample, usize::MAX);
            sample.operator(&channels, &preparation.slots).unwrap()
        };
        let wanted = operator(&network, &Sample::new(&rotated(&run, &r), &preparation.slots).unwrap());
        network.pass.turns = vec![Turn::new(&preparation.tables.hidden, &r, Kind::Double, Device::Cpu)];
        let carrier = Calculation { overlap: Some(operator(&network, &sample)), ..run.clone() };
        let error = difference(&wanted, rotated(&carrier, &r).overlap.as_ref().unwrap());
        assert!(error < 1e-11, "{error:e}");
    }
}
