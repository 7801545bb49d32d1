//! Paths through reciprocal space for band structures.

use nalgebra::Matrix3;

use super::bravais::Bravais;
use crate::parsers::{Error, PathNode};

/// Points along a path, with distances and labelled corners.
#[derive(Debug, Clone, PartialEq)]
pub struct KPath {
    /// Reduced coordinates.
    pub points: Vec<[f64; 3]>,
    /// Length of the path up to each point, 1/bohr with 2π; a jump has no length.
    pub distances: Vec<f64>,
    /// The corners, in order.
    pub corners: Vec<Corner>,
    /// Reciprocal vectors of the reduced coordinates, as rows with 2π, 1/bohr.
    pub reciprocal: Matrix3<f64>,
}

/// A corner of the sampled path.
#[derive(Debug, Clone, PartialEq)]
pub struct Corner {
    /// Index of the point.
    pub index: usize,
    /// `Γ`, `K`, …; empty where unknown.
    pub label: String,
    /// Does the path end or jump after this corner?
    pub ends: bool,
}

impl KPath {
    /// Samples the path with about `total` points, spread by length; corners are among them. Of the numbers of points of
    /// the corners only 1 matters: the path ends or jumps there.
    ///
    /// # Errors
    /// `Inconsistent` where there is no corner.
    pub fn new(nodes: &[PathNode], lattice: &Bravais, total: usize) -> Result<Self, Error> {
        if nodes.is_empty() {
            return Err(Error::inconsistent("a path needs at least one k point"));
        }
        let steps = |node: &PathNode, next: &PathNode| lattice.length([0, 1, 2].map(|a| next.k[a] - node.k[a]));
        let legs = || nodes.windows(2).filter(|pair| pair[0].points > 1);
        let length: f64 = legs().map(|pair| steps(&pair[0], &pair[1])).sum();
        let reciprocal = *lattice.reciprocal();
        let mut path = KPath { points: Vec::new(), distances: Vec::new(), corners: Vec::new(), reciprocal };
        let mut distance = 0.0;
        for (i, node) in nodes.iter().enumerate() {
            let next = nodes.get(i + 1).filter(|_| node.points > 1);
            path.corners.push(Corner { index: path.points.len(), label: label(node, lattice), ends: next.is_none() });
            let leg = next.map_or(0.0, |next| steps(node, next));
            let count = if length > 0.0 { ((total as f64 * leg / length).round() as usize).max(1) } else { 1 };
            path.add_leg(node.k, next.map_or(node.k, |next| next.k), count, distance, leg);
            distance += leg;
        }
        Ok(path)
    }

    /// Corners from text such as `G-M-K-G` or `G-X|U-G` (a bar is a jump); labels of the lattice, `G` or `Gamma` for Γ.
    ///
    /// # Errors
    /// `Unsupported` where the lattice has no point of that name; lists those it has.
    pub fn parse(text: &str, lattice: &Bravais) -> Result<Vec<PathNode>, Error> {
        let mut nodes = Vec::new();
        for stretch in text.split('|') {
            let labels: Vec<&str> = stretch.split('-').map(str::trim).collect();
            for (i, label) in labels.iter().enumerate() {
                let points = if i + 1 == labels.len() { 1 } else { 2 };
                nodes.push(PathNode { points, ..special_point(label, lattice)? });
            }
        }
        Ok(nodes)
    }

    /// Ranges of points between jumps.
    pub fn stretches(&self) -> Vec<std::ops::Range<usize>> {
        let mut start = 0;
        let ends = self.corners.iter().filter(|corner| corner.ends).map(|corner| corner.index + 1);
        ends.map(|end| std::mem::replace(&mut start, end)..end).collect()
    }

    /// Labels of the axis and where they stand: corners at the same place (a jump) are joined, as in `U|K`.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let mut ticks: Vec<(f64, String)> = Vec::new();
        let mut after_jump = false;
        for corner in &self.corners {
            let distance = self.distances[corner.index];
            match ticks.last_mut().filter(|_| after_jump) {
                Some((_, text)) if *text != corner.label => *text = format!("{text}|{}", corner.label),
                Some(_) => {}
                None => ticks.push((distance, corner.label.clone())),
            }
            after_jump = corner.ends;
        }
        ticks
    }

    /// `count` points from `from`, `to` not included.
    fn add_leg(&mut self, from: [f64; 3], to: [f64; 3], count: usize, distance: f64, length: f64) {
        for step in 0..count {
            let t = step as f64 / count as f64;
            self.points.push([0, 1, 2].map(|a| from[a] + (to[a] - from[a]) * t));
            self.distances.push(distance + length * t);
        }
    }
}

fn special_point(label: &str, lattice: &Bravais) -> Result<PathNode, Error> {
    let name = match label.to_uppercase().as_str() {
        "GAMMA" | "Γ" => "G".to_owned(),
        other => other.to_owned(),
    };
    let k = lattice.point(&name).ok_or_else(|| {
        let known = lattice.labels().join(", ");
        Error::unsupported(format!("no point `{label}` in this {} lattice, which has {known}", lattice.name()))
    })?;
    Ok(PathNode { k, points: 1, label: Some(name) })
}

/// The label that the run gives, else the lattice's name of the point; Γ as a Greek letter.
fn label(node: &PathNode, lattice: &Bravais) -> String {
    let label = node.label.as_deref().or_else(|| lattice.label(node.k)).unwrap_or("");
    match label.to_uppercase().as_str() {
        "G" | "GAMMA" | "\\GAMMA" | "GM" => "Γ".to_owned(),
        _ => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::Matrix3;

    use super::*;
    use crate::parsers::Structure;

    fn fcc() -> Bravais {
        let lattice = Matrix3::new(0.0, 5.0, 5.0, 5.0, 0.0, 5.0, 5.0, 5.0, 0.0);
        Bravais::new(&Structure { lattice, positions: vec![], species: vec![] }, [true; 3]).unwrap()
    }

    #[test]
    fn labels_make_a_path_with_a_jump() {
        let lattice = fcc();
        let nodes = KPath::parse("Γ-X-U|K-gamma", &lattice).unwrap();
        let path = KPath::new(&nodes, &lattice, 100).unwrap();
        let ticks = path.ticks();
        let labels: Vec<&str> = ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["Γ", "X", "U|K", "Γ"]);
        assert_eq!(path.stretches().len(), 2);
        let stretches = path.stretches();
        assert_eq!(
            (stretches[0].start, stretches[0].end, stretches[1].end),
            (0, stretches[1].start, path.points.len())
        );
        assert!((95..=105).contains(&path.points.len()));
        assert!(path.distances.windows(2).all(|pair| pair[1] >= pair[0]));
        let unit = std::f64::consts::TAU / 10.0;
        let expected = [0.0, 1.0, 1.0 + 0.125f64.sqrt(), 1.0 + 0.125f64.sqrt() + 1.125f64.sqrt()];
        assert!(ticks.iter().zip(expected).all(|((x, _), length)| (x - length * unit).abs() < 1e-9), "{ticks:?}");
    }

    #[test]
    fn corners_of_a_run_are_named() {
        let lattice = fcc();
        let node = |k, points| PathNode { k, points, label: None };
        let nodes = [node([0.5; 3], 4), node([0.0; 3], 2), node([0.5, 0.0, 0.5], 1), node([0.375, 0.375, 0.75], 1)];
        let path = KPath::new(&nodes, &lattice, 8).unwrap();
        assert_eq!(path.points.len(), 10);
        assert_eq!(path.points[2], [0.25; 3]);
        let labels: Vec<&str> = path.corners.iter().map(|corner| corner.label.as_str()).collect();
        assert_eq!(labels, ["L", "Γ", "X", "K"]);
        assert_eq!(path.stretches(), [0..9, 9..10]);
    }

    #[test]
    fn an_unknown_label_lists_the_known_ones() {
        let error = KPath::parse("G-Q", &fcc()).unwrap_err().to_string();
        assert_eq!(error, "no point `Q` in this face-centred cubic lattice, which has G, K, L, U, W, X");
    }
}
