//! Shells of high angular momentum.

use nalgebra::Matrix3;
use tch::Kind;

use super::{Network, equivariance_error_of, noisy, prepared, rotation, run_with, small};

const WITH_G: [&str; 2] = ["1s1p", "1s1g"];

#[test]
fn g_shells_couple_to_rank_eight_equivariantly() {
    for r in [rotation(), -Matrix3::identity()] {
        let run = run_with(1, 7.0, WITH_G);
        let (sample, preparation) = prepared(&run, &small(), Kind::Double);
        let error = equivariance_error_of(run, &sample, &preparation, &r);
        assert!(error < 1e-12, "{error:e}");
    }
}

#[test]
fn g_shells_can_be_learned() {
    let (sample, preparation) = prepared(&run_with(1, 7.0, WITH_G), &small(), Kind::Double);
    assert_eq!(preparation.slots.algebra().classes().len(), 8);
    let network = Network::new(&preparation);
    let flat = noisy(&network, Kind::Double).set_requires_grad(true);
    let batch = preparation.batch(&sample, sample.target.as_ref(), usize::MAX).unwrap();
    let output = network.forward(&network.table.split(&flat), &preparation, &batch);
    let squares = output.pairs.iter().chain([&output.nodes]).map(|rows| rows.square().sum(Kind::Double));
    squares.reduce(|sum, square| sum + square).unwrap().backward();
    let gradient = flat.grad();
    let named = network.table.named().filter(|(name, ..)| name.starts_with("readout.1.map"));
    let mut classes = 0;
    for (name, shape, first) in named {
        let size = gradient.narrow(0, first, shape.iter().product()).norm().double_value(&[]);
        assert!(size.is_finite() && size > 0.0, "{name}: {size}");
        classes += 1;
    }
    assert!(classes > 9, "{classes} maps");
    assert!(gradient.norm().double_value(&[]).is_finite());
}
