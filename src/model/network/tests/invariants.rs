//! Gradient-induced features and traces.

use tch::{Device, Kind, Tensor};

use super::{Network, Preparation, Sample, Slots, felt, in_old_order, noisy, order_error, orthogonal_error, prepared};
use super::{ORDER, reordered, rotation, run, small, tile_error};
use crate::model::network::batch::Batch;
use crate::model::network::config::{Aggregation, Gradient, ModelConfig};
use crate::model::network::layers::InvariantUnit;
use crate::model::network::network::Output;
use crate::model::network::traces::{Traces, trace_error};
use crate::model::network::weights::{WeightTable, Weights};
use crate::model::{synthetic, target};
use crate::parsers::{Calculation, Operator, Pair};
use crate::symmetry::rotate::rotated;

fn with(gradient: Gradient) -> ModelConfig {
    ModelConfig { gradient, invariants: 12, ..small() }
}

fn traced() -> ModelConfig {
    ModelConfig { trace: true, ..with(Gradient::None) }
}

/// A unit for two m = 0 classes (one of them empty) and one m > 0 class, its weights, and random features.
fn unit(gradient: Gradient) -> (InvariantUnit, Weights, Vec<Tensor>) {
    let mut table = WeightTable::default();
    let unit = InvariantUnit::new(&mut table, "unit", &[5, 0, 3], &with(gradient));
    let flat = Tensor::from_slice(&table.initial(1)).to_kind(Kind::Double);
    let noise = Tensor::randn(flat.size(), (Kind::Double, Device::Cpu)) * 0.2;
    let random = |shape: &[i64]| Tensor::randn(shape, (Kind::Double, Device::Cpu));
    let features = vec![random(&[7, 5]), random(&[7, 0]), random(&[7, 2, 3])];
    (unit, table.split(&(flat + noise)), features)
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

#[test]
fn the_gradient_is_that_of_automatic_differentiation() {
    super::init_torch();
    let (unit, weights, features) = unit(Gradient::Plain);
    let features: Vec<Tensor> = features.into_iter().map(|f| f.set_requires_grad(true)).collect();
    let (z, gradient) = unit.invariants(&weights, &features, true);
    z.sum(Kind::Double).backward();
    for part in [0, 2] {
        assert!(largest(&gradient[part]) > 1e-3);
        assert!(largest(&(features[part].grad() - &gradient[part])) < 1e-12);
    }
}

#[test]
fn plain_adds_the_gradient_and_scaled_a_fifth_of_the_features() {
    super::init_torch();
    for kind in [Gradient::None, Gradient::Plain, Gradient::Scaled] {
        let (unit, weights, mut features) = unit(kind);
        let before: Vec<Tensor> = features.iter().map(Tensor::copy).collect();
        let (_, gradient) = unit.invariants(&weights, &before, true);
        let z = unit.update(&weights, &mut features);
        assert_eq!(z.size(), [7, 16]);
        let norm = |parts: [Tensor; 2]| {
            let squares = parts.map(|x| x.flatten(1, -1).square().sum_dim_intlist(1, false, Kind::Double));
            (&squares[0] + &squares[1]).sqrt()
        };
        let added = [0, 2].map(|part| &features[part] - &before[part]);
        match kind {
            Gradient::None => assert!(added.iter().all(|x| largest(x) == 0.0)),
            Gradient::Plain => {
                assert!(added.iter().zip([0, 2]).all(|(x, part)| largest(&(x - &gradient[part])) < 1e-14))
            }
            Gradient::Scaled => {
                let share = norm(added) / norm([0, 2].map(|part| before[part].copy()));
                assert!(largest(&(share - 0.2)) < 1e-10);
            }
        }
    }
}

#[test]
fn gradient_features_are_equivariant_and_strictly_local() {
    for gradient in [Gradient::Plain, Gradient::Scaled] {
        let error = orthogonal_error(&with(gradient));
        println!("{gradient:?}: {error:.1e}");
        assert!(error < 1e-12, "{error:e}");
        assert!(order_error(&with(gradient)) < 1e-12);
        assert!(tile_error(&with(gradient)) < 1e-13);
        assert_eq!(felt(&with(gradient), 3), [3]);
        assert_eq!(felt(&ModelConfig { ends: false, ..with(gradient) }, 2), [2]);
    }
}

/// What a network with noisy weights says of a sample.
fn output(sample: &Sample, preparation: &Preparation, tile: usize) -> (Batch, Output) {
    let network = Network::new(preparation);
    let weights = network.table.split(&noisy(&network, Kind::Double));
    let batch = preparation.batch(sample, sample.target.as_ref(), tile).unwrap();
    let output = network.forward(&weights, preparation, &batch);
    (batch, output)
}

#[test]
fn one_backward_pass_gives_the_slope_of_everything() {
    // Along the direction of the gradient, by differences of outputs, with all axes on.
    let config =
        ModelConfig { aggregation: Aggregation::Attention, gradient: Gradient::Plain, trace: true, ..traced() };
    let (sample, preparation) = prepared(&run(7, 7.0), &config, Kind::Double);
    let network = Network::new(&preparation);
    let batch = preparation.batch(&sample, sample.target.as_ref(), usize::MAX).unwrap();
    let loss = |flat: &Tensor| {
        let output = network.forward(&network.table.split(flat), &preparation, &batch);
        let traces = trace_error(&preparation, &batch, &output).unwrap().mean();
        output.nodes.square().sum(Kind::Double) + output.pairs[0].square().sum(Kind::Double) + traces
    };
    let flat = noisy(&network, Kind::Double).set_requires_grad(true);
    loss(&flat).backward();
    let gradient = flat.grad();
    let direction = &gradient / gradient.norm();
    let slope = |step: f64| {
        let at = |step: f64| tch::no_grad(|| loss(&(&flat + &direction * step)).double_value(&[]));
        (at(step) - at(-step)) / (2.0 * step)
    };
    let wanted = gradient.norm().double_value(&[]);
    assert!((slope(1e-6) - wanted).abs() < 1e-5 * wanted, "{} against {wanted}", slope(1e-6));
    for name in ["layer0.invariant.bonds.left0", "layer1.invariant.atoms.right0", "layer0.attention.scores.weight0"] {
        let (_, shape, first) = network.table.named().find(|(known, ..)| *known == name).unwrap();
        assert!(largest(&gradient.narrow(0, first, shape.iter().product())) > 0.0, "{name} learns nothing");
    }
}

#[test]
fn traces_are_those_of_the_blocks() {
    let run = synthetic::run(synthetic::structure(1));
    let slots = Slots::of_runs([&run]).unwrap();
    let config = ModelConfig { envelope: 6.5, ..traced() };
    let (sample, preparation) = prepared(&run, &config, Kind::Double);
    let batch = preparation.batch(&sample, sample.target.as_ref(), usize::MAX).unwrap();
    let tile = &batch.near[0];
    let mean =
        preparation.output.mean_at(&Tensor::from_slice(&lengths(&sample, &tile.bonds)), &kinds(&sample, &tile.bonds));
    let columns: Vec<i64> = preparation.interface.pair_columns.iter().map(|&k| k as i64).collect();
    let whole = tile.target.as_ref().unwrap() + mean.index_select(1, &Tensor::from_slice(&columns));
    let found = crate::model::network::traces::pair_traces(&preparation, &whole);
    let delta: Operator<f64> = target::delta(&run).unwrap();
    // A has shells s and p, B s alone; slots are s and p.
    let shells = |species: usize| [0..1, 1..4][..2 - species].to_vec();
    let mut compared = 0;
    for (row, &bond) in tile.bonds.iter().enumerate() {
        let edge = &sample.graph.edges[bond];
        let [rows, columns] = [edge.i, edge.j].map(|atom| shells(sample.species[atom]));
        let block = delta.block(edge.block);
        let width = columns.last().unwrap().end;
        for (a, rows) in rows.iter().enumerate() {
            for (b, columns) in columns.iter().enumerate() {
                let squares = rows.clone().flat_map(|r| columns.clone().map(move |c| block[r * width + c].powi(2)));
                let (wanted, found) = (squares.sum::<f64>(), found.double_value(&[row as i64, (a * 2 + b) as i64]));
                assert!((wanted - found).abs() < 1e-13 * wanted.max(1e-3), "{wanted} against {found}");
                compared += 1;
            }
        }
    }
    assert!(compared > 20 && slots.shells().len() == 2);
}

fn lengths(sample: &Sample, bonds: &[usize]) -> Vec<f64> {
    bonds.iter().map(|&bond| sample.graph.edges[bond].distance).collect()
}

/// Pairs of the two species.
fn kinds(sample: &Sample, bonds: &[usize]) -> Tensor {
    let kind = |&bond: &usize| {
        let edge = &sample.graph.edges[bond];
        (2 * sample.species[edge.i] + sample.species[edge.j]) as i64
    };
    Tensor::from_slice(&bonds.iter().map(kind).collect::<Vec<_>>())
}

#[test]
fn traces_do_not_turn_and_do_not_depend_on_tiles() {
    let run = run(8, 7.0);
    let (sample, preparation) = prepared(&run, &traced(), Kind::Double);
    let all = |sample: &Sample, tile: usize| {
        let (_, output) = output(sample, &preparation, tile);
        let Traces { pairs, nodes } = output.traces.unwrap();
        (Tensor::cat(&pairs, 0), nodes)
    };
    let (pairs, nodes) = all(&sample, usize::MAX);
    assert!(largest(&pairs) > 1e-6 && largest(&nodes) > 1e-6);
    let turned = [rotation(), -rotation()].map(|r| Sample::new(&rotated(&run, &r), &preparation.slots).unwrap());
    let others = [all(&turned[0], usize::MAX), all(&turned[1], usize::MAX), all(&sample, 5)];
    for (other_pairs, other_nodes) in others {
        assert!(largest(&(other_pairs - &pairs)) < 1e-12 * largest(&pairs));
        assert!(largest(&(other_nodes - &nodes)) < 1e-12 * largest(&nodes));
    }
}

#[test]
fn traces_of_a_bond_are_the_same_from_both_ends() {
    let run = run(3, 7.0);
    let (sample, preparation) = prepared(&run, &traced(), Kind::Double);
    let reordered = reordered(&run, &ORDER);
    let other = Sample::new(&reordered, &preparation.slots).unwrap();
    let of = |run: &Calculation, sample: &Sample| {
        let (batch, output) = output(sample, &preparation, usize::MAX);
        let rows = output.traces.unwrap().pairs.remove(0);
        let blocks = run.overlap.as_ref().unwrap().pairs().as_slice();
        let pairs: Vec<Pair> = batch.near[0].bonds.iter().map(|&bond| blocks[sample.graph.edges[bond].block]).collect();
        (pairs, rows)
    };
    let n = preparation.interface.n_shells;
    let ((pairs, rows), (other_pairs, other_rows)) = (of(&run, &sample), of(&reordered, &other));
    let mut turned_round = 0;
    for (k, pair) in other_pairs.iter().map(in_old_order).enumerate() {
        let other_row = other_rows.get(k as i64).view([n, n]);
        let straight = pairs.iter().position(|p| *p == pair);
        turned_round += usize::from(straight.is_none());
        let row = match straight {
            Some(row) => rows.get(row as i64).view([n, n]),
            None => rows.get(pairs.iter().position(|p| *p == pair.reversed()).unwrap() as i64).view([n, n]).tr(),
        };
        assert!(largest(&(row - other_row)) < 1e-12 * largest(&rows));
    }
    assert!(turned_round > 0, "no bond changed its direction");
}

#[test]
fn the_error_of_traces_vanishes_for_the_true_ones() {
    let (sample, preparation) = prepared(&run(8, 7.0), &traced(), Kind::Double);
    let (batch, mut output) = output(&sample, &preparation, 5);
    let error = |output: &Output| trace_error(&preparation, &batch, output).unwrap().mean().double_value(&[]);
    assert!(error(&output) > 0.1);
    use crate::model::network::traces::{node_traces, pair_traces};
    output.traces = Some(Traces {
        pairs: batch.near.iter().map(|tile| pair_traces(&preparation, tile.target.as_ref().unwrap())).collect(),
        nodes: node_traces(&preparation, batch.nodes.target.as_ref().unwrap()),
    });
    assert_eq!(error(&output), 0.0);
    output.traces = None;
    assert!(trace_error(&preparation, &batch, &output).is_none());
}
