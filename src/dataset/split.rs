//! Dividing a set into what is learned from, what is watched and what is kept for tests: whole shapes of cells on one side, and the
//! same structure never on two.

use std::collections::BTreeMap;

use super::member::Member;
use super::shape::classes;
use crate::parsers::{Error, Result};
use crate::random::Random;

/// Which shape is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidationShape {
    /// One that training can do without.
    Auto,
    /// By its number, from 1, as `hzero dataset stats` counts.
    Number(usize),
}

/// Indices of runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    /// To learn from.
    pub train: Vec<usize>,
    /// To watch the error on.
    pub validate: Vec<usize>,
    /// For later tests.
    pub test: Vec<usize>,
    /// Number of the shape that is watched, from 1; `None` where there is one shape only and single runs were drawn.
    pub shape: Option<usize>,
}

/// The stream of random numbers.
const PURPOSE: u64 = 11;
/// Part of the runs that is watched where there is a choice.
const WATCHED: f64 = 0.15;

/// Divides the runs; `test` is the part of all runs that is kept for tests, `seed` decides what is drawn.
///
/// # Errors
/// `Unsupported` where a shape of that number does not exist, or nothing is left to learn from.
pub fn split(members: &[Member], shape: ValidationShape, test: f64, seed: u64) -> Result<Split> {
    let class_of = classes(&members.iter().map(|member| &member.shape).collect::<Vec<_>>());
    let mut shapes: BTreeMap<usize, Vec<Vec<usize>>> = BTreeMap::new();
    for group in groups(members) {
        shapes.entry(class_of[group[0]]).or_default().push(group);
    }
    let mut split = Split { shape: watched(&shapes, shape, members.len())?.map(|class| class + 1), ..Split::default() };
    let mut random = Random::new(seed, PURPOSE);
    if let Some(class) = split.shape {
        split.validate = shapes.remove(&(class - 1)).unwrap_or_default().concat();
    } else {
        split.validate = drawn(&mut shapes, (WATCHED * members.len() as f64).ceil() as usize, &mut random);
    }
    let n_test = (test * members.len() as f64).round() as usize;
    split.test = whole_shapes(&mut shapes, n_test, &mut random);
    let rest = n_test.saturating_sub(split.test.len());
    split.test.extend(drawn(&mut shapes, rest, &mut random));
    split.train = shapes.into_values().flatten().flatten().collect();
    [&mut split.train, &mut split.validate, &mut split.test].into_iter().for_each(|part| part.sort_unstable());
    if split.train.is_empty() {
        return Err(Error::unsupported(format!("of {} runs none is left to learn from", members.len())));
    }
    Ok(split)
}

/// Runs of the same structure together.
fn groups(members: &[Member]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (k, member) in members.iter().enumerate() {
        match groups.iter_mut().find(|group| members[group[0]].fingerprint.is_same(&member.fingerprint)) {
            Some(group) => group.push(k),
            None => groups.push(vec![k]),
        }
    }
    groups
}

/// The wanted shape; else, of several, one that is not the most frequent, with about [`WATCHED`] of the runs, the larger cell of two.
fn watched(shapes: &BTreeMap<usize, Vec<Vec<usize>>>, wanted: ValidationShape, n: usize) -> Result<Option<usize>> {
    let size = |class: &usize| shapes[class].iter().map(Vec::len).sum::<usize>();
    match wanted {
        ValidationShape::Number(number) if number >= 1 && shapes.contains_key(&(number - 1)) && shapes.len() > 1 => {
            Ok(Some(number - 1))
        }
        ValidationShape::Number(number) => {
            let message = format!("shape {number} cannot be watched: there are {} shapes", shapes.len());
            Err(Error::unsupported(message))
        }
        ValidationShape::Auto => {
            let frequent = shapes.keys().copied().max_by_key(|class| (size(class), std::cmp::Reverse(*class)));
            let others = shapes.keys().copied().filter(|class| Some(*class) != frequent);
            let distance = |class: &usize| (size(class) as f64 - WATCHED * n as f64).abs();
            Ok(others.rev().min_by(|a, b| distance(a).total_cmp(&distance(b))))
        }
    }
}

/// Shapes that fit into `most` runs, drawn while at least two others stay.
fn whole_shapes(shapes: &mut BTreeMap<usize, Vec<Vec<usize>>>, most: usize, random: &mut Random) -> Vec<usize> {
    let mut taken = Vec::new();
    let mut order: Vec<usize> = shapes.keys().copied().collect();
    random.shuffle(&mut order);
    for class in order {
        let n = shapes[&class].iter().map(Vec::len).sum::<usize>();
        if shapes.len() > 2 && taken.len() + n <= most {
            taken.extend(shapes.remove(&class).unwrap_or_default().concat());
        }
    }
    taken
}

/// Single structures, until there are `n` runs.
fn drawn(shapes: &mut BTreeMap<usize, Vec<Vec<usize>>>, n: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<Vec<usize>> = shapes.values().flatten().cloned().collect();
    random.shuffle(&mut order);
    let mut taken = Vec::new();
    for group in order {
        if taken.len() >= n {
            break;
        }
        shapes.values_mut().for_each(|groups| groups.retain(|other| *other != group));
        taken.extend(group);
    }
    taken
}
