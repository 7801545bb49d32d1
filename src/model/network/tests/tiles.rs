//! A prediction in tiles is that of all bonds at once, to the last bit.

use tch::Kind;

use super::*;
use crate::model::network::batch::EdgeTile;
use crate::model::network::config::{Aggregation, Gradient, Mixing};
use crate::model::network::padding::{ROWS, padded};
use crate::model::network::tiles::{Tiles, automatic_size};
use crate::parsers::tile;

/// Whole vector registers: see `layers::product`.
fn aligned() -> ModelConfig {
    ModelConfig { channels: 8, unnatural_channels: 4, ..small() }
}

fn configs() -> Vec<ModelConfig> {
    let passing = ModelConfig { passing: true, layers: 3, ..aligned() };
    vec![
        aligned(),
        ModelConfig { aggregation: Aggregation::Attention, heads: 2, ..passing.clone() },
        ModelConfig { gradient: Gradient::Scaled, invariants: 8, trace: true, ..passing.clone() },
        ModelConfig { mixing: Mixing::Free, ends: false, ..passing },
    ]
}

fn in_tiles(network: &Network, flat: &Tensor, preparation: &Preparation, sample: &Sample, size: usize) -> Channels {
    let weights = network.table.split(flat);
    let tiles = Tiles::new(preparation, sample, Some(size)).unwrap();
    let mut channels = Channels::zeros(&sample.graph, sample.width());
    let put = |tile: &EdgeTile, rows: &Tensor| preparation.add_bonds(&tile.bonds, rows, &mut channels);
    let atoms = tch::no_grad(|| network.stream(&weights, preparation, &tiles, put));
    preparation.add_atoms(&atoms, &mut channels);
    channels
}

#[test]
fn tiles_of_any_size_on_any_threads_give_the_bits_of_all_bonds_at_once() {
    let run = tile(&run(3, 9.0), [2, 2, 1]).unwrap();
    for config in configs() {
        for kind in [Kind::Float, Kind::Double] {
            let (sample, preparation) = prepared(&run, &config, kind);
            let network = Network::new(&preparation);
            let flat = noisy(&network, kind);
            let weights = network.table.split(&flat);
            let batch = padded(preparation.batch(&sample, None, usize::MAX).unwrap());
            assert!(batch.near[0].bonds.len() > ROWS && batch.far[0].bonds.len() > ROWS);
            let output = tch::no_grad(|| network.forward(&weights, &preparation, &batch));
            let whole = scattered(&batch, &output, &preparation, &sample);
            assert!(whole.edges.iter().any(|x| x.abs() > 1e-3) && whole.nodes.iter().any(|x| x.abs() > 1e-3));
            for (size, threads) in [(1, 3), (7, 1), (7, 2), (ROWS, 4), (50, 1), (usize::MAX, 2)] {
                set_threads(threads);
                let found = in_tiles(&network, &flat, &preparation, &sample, size);
                assert_eq!(tch::get_num_threads(), threads as i32);
                assert!(found == whole, "tiles of {size} bonds on {threads} threads, {kind:?}, {config:?}");
            }
            set_threads(1);
        }
    }
}

/// The more features a bond has, the fewer bonds make a tile.
#[test]
fn the_size_of_a_tile_follows_from_its_features() {
    let size = |config: &ModelConfig, kind: Kind| automatic_size(&prepared(&run(3, 9.0), config, kind).1);
    let usual = ModelConfig::default();
    let wide = ModelConfig { channels: 128, unnatural_channels: 64, ..usual.clone() };
    let [few, some, many] = [size(&wide, Kind::Double), size(&wide, Kind::Float), size(&usual, Kind::Float)];
    assert!(few < some && some < many, "{few} {some} {many}");
    assert!(few >= ROWS && [few, some, many].iter().all(|size| size.is_multiple_of(ROWS)));
}
