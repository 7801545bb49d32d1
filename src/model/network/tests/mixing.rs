//! Free SO(2) maps.

use nalgebra::Matrix3;
use tch::Kind;

use super::{equivariance_error, frame_error, order_error, rotation, small, tile_error};
use crate::model::network::config::{Mixing, ModelConfig};

fn free() -> ModelConfig {
    ModelConfig { mixing: Mixing::Free, ..small() }
}

#[test]
fn free_mixing_respects_rotations_but_not_inversion() {
    let natural_only = ModelConfig { unnatural_channels: 0, ..free() };
    for config in [free(), ModelConfig { passing: true, ..free() }, natural_only] {
        let turned = equivariance_error(Kind::Double, &rotation(), &config);
        let inverted = equivariance_error(Kind::Double, &-Matrix3::identity(), &config);
        println!("free: rotation {turned:.1e}, inversion {inverted:.1e}");
        assert!(turned < 1e-12, "{turned:e}");
        assert!(inverted > 1e-3, "{inverted:e}");
    }
}

#[test]
fn frames_order_of_atoms_and_tiles_do_not_matter_to_free_mixing() {
    assert!(frame_error(&free()) < 1e-12);
    assert!(order_error(&free()) < 1e-12);
    assert!(tile_error(&free()) < 1e-13);
}
