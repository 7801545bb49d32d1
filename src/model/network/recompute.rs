//! Gradients in bounded memory: the stages of the network are not recorded until the backward pass comes to them.

use tch::Tensor;

use super::batch::{Batch, Preparation};
use super::network::{Network, Output, State};

/// Adds the gradient of `loss` to that of `weights` (the flat vector), as `loss(&forward).backward()` would, but holds no more than
/// the states between the stages and the record of one stage at a time. All stages but the last run twice.
pub fn backward(
    network: &Network,
    weights: &Tensor,
    preparation: &Preparation,
    batch: &Batch,
    loss: impl FnOnce(&Output) -> Tensor,
) {
    let (mut before, last) = tch::no_grad(|| states(network, weights, preparation, batch));
    let split = || network.table.split(weights);
    let learns = network.pass.first_stage_learns;
    let mut after = if learns { leaf(&last) } else { last };
    loss(&network.read_out(&split(), preparation, batch, &after)).backward();
    if !learns {
        return;
    }
    while let Some(state) = before.pop() {
        let state = leaf(&state);
        pull_back(&network.layer(before.len(), &split(), preparation, batch, &state), &after);
        after = state;
    }
    pull_back(&network.embed(&split(), preparation, batch), &after);
}

/// What every layer starts from, and what the last stage does.
fn states(network: &Network, weights: &Tensor, preparation: &Preparation, batch: &Batch) -> (Vec<State>, State) {
    let w = network.table.split(weights);
    let mut state = network.embed(&w, preparation, batch);
    let mut before = Vec::new();
    for k in 0..network.n_layers() {
        let next = network.layer(k, &w, preparation, batch, &state);
        before.push(std::mem::replace(&mut state, next));
    }
    (before, state)
}

/// The same numbers, on which gradients are collected.
fn leaf(state: &State) -> State {
    state.map(|tensor| tensor.detach().set_requires_grad(true))
}

/// Sends the gradients collected on `leaf` back through the stage that made `state`, which holds the same numbers: the gradient of
/// Σ state · gradient, whose second factor is constant.
fn pull_back(state: &State, leaf: &State) {
    let (made, collected) = (tensors(state), tensors(leaf));
    let parts = made.iter().zip(&collected).map(|(tensor, leaf)| (tensor, leaf.grad()));
    let sum = |tensor: &Tensor, gradient: &Tensor| (tensor * gradient).sum(tensor.kind());
    let parts = parts.filter(|(_, gradient)| gradient.defined()).map(|(tensor, gradient)| sum(tensor, &gradient));
    if let Some(total) = parts.reduce(|total, part| total + part).filter(Tensor::requires_grad) {
        total.backward();
    }
}

fn tensors(state: &State) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    state.map(|tensor| {
        tensors.push(tensor.shallow_clone());
        tensor.shallow_clone()
    });
    tensors
}
