//! Twisted bilayer graphene with one p_z orbital per atom: hopping after Trambly de Laissardière, Mayou and Magaud,
//! Nano Lett. 10, 804 (2010), and an overlap of the same form.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use hzero::parsers::units::{BOHR_IN_ANGSTROM, HARTREE_IN_EV};
use hzero::parsers::{Basis, Calculation, Operator, Origin, Pair, Pairs, Shell, Species, SpinOperator, Structure};
use nalgebra::{Matrix3, Vector3};

/// Å: lattice constant, bond, distance of the layers, decay length, and the distance beyond which nothing is left.
const LATTICE: f64 = 2.46;
const BOND: f64 = 1.42;
const LAYERS: f64 = 3.35;
const DECAY: f64 = 0.45;
const CUTOFF: f64 = 7.0;
/// Of neighbours in a layer and of atoms on top of each other: hopping in eV, and overlap.
const HOPPING: [f64; 2] = [-2.7, 0.48];
const OVERLAP: [f64; 2] = [0.1, -0.02];
/// Empty space above the layers, Å.
const VACUUM: f64 = 20.0;

/// The commensurate cell (m, m + 1) of 4(3m² + 3m + 1) atoms; the single orbital of an atom is listed as an s shell.
pub fn twisted_bilayer(m: usize) -> Result<Calculation, Box<dyn Error>> {
    let structure = structure(m as f64);
    let n_atoms = structure.n_atoms();
    assert_eq!(n_atoms, 4 * (3 * m * m + 3 * m + 1));
    let shells = vec![Shell { l: 0, zeta: 1, n: None }];
    let basis = Basis::new(vec![Species { label: "C".into(), z: Some(6), shells, cutoff: None }], &structure.species)?;
    let pairs = Arc::new(Pairs::new(neighbours(&structure), &basis)?);
    let operator = |parts: [f64; 2], on_site: f64| {
        let element = |pair: &Pair| match pair.is_onsite() {
            true => on_site,
            false => slater_koster(parts, structure.displacement(pair) * BOHR_IN_ANGSTROM),
        };
        Operator::new(pairs.clone(), pairs.as_slice().iter().map(element).collect())
    };
    let hamiltonian = SpinOperator::Unpolarized(operator(HOPPING.map(|v| v / HARTREE_IN_EV), 0.0)?);
    let overlap = Some(operator(OVERLAP, 1.0)?);
    let n_electrons = Some(n_atoms as f64);
    let run = Calculation::new(structure, basis, Origin::default());
    Ok(Calculation { hamiltonian: Some(hamiltonian), overlap, n_electrons, ..run })
}

/// (pppi, ppsigma) at distance d, Å: V_pi e^((a − |d|)/δ) (1 − (z/|d|)²) + V_sigma e^((c − |d|)/δ) (z/|d|)².
fn slater_koster([pi, sigma]: [f64; 2], d: Vector3<f64>) -> f64 {
    let (length, cosine) = (d.norm(), d.z / d.norm());
    let decayed = |from: f64| ((from - length) / DECAY).exp();
    pi * decayed(BOND) * (1.0 - cosine * cosine) + sigma * decayed(LAYERS) * cosine * cosine
}

/// Layer 2 is layer 1 turned by the angle between m a1 + (m+1) a2 and (m+1) a1 + m a2, which both are lattice vectors of it.
fn structure(m: f64) -> Structure {
    let root3 = 3f64.sqrt();
    let [a1, a2] = [[0.5 * root3, -0.5], [0.5 * root3, 0.5]].map(|[x, y]| Vector3::new(x, y, 0.0) * LATTICE);
    let long = |n1: f64, n2: f64| n1 * a1 + n2 * a2;
    let [first, other] = [long(m, m + 1.0), long(m + 1.0, m)];
    let angle = first.angle(&other);
    let turn = |degrees: f64| nalgebra::Rotation3::from_axis_angle(&Vector3::z_axis(), degrees.to_radians());
    let back = nalgebra::Rotation3::from_axis_angle(&Vector3::z_axis(), angle);
    let height = Vector3::new(0.0, 0.0, LAYERS);
    let up = Vector3::new(0.0, 0.0, LAYERS + VACUUM);
    let cell = Matrix3::from_columns(&[first, turn(60.0) * first, up]).transpose();
    let layer = |vectors: [Vector3<f64>; 3]| {
        let reach = 3 * m as i32 + 2;
        let sites = (-reach..=reach).flat_map(move |i| (-reach..=reach).map(move |j| (i, j)));
        sites.flat_map(move |(i, j)| {
            let corner = f64::from(i) * vectors[0] + f64::from(j) * vectors[1];
            [corner, corner + vectors[2]]
        })
    };
    let bond = (a1 + a2) / 3.0;
    let to_reduced = cell.transpose().try_inverse().unwrap_or_default();
    let inside = |x: &Vector3<f64>| (to_reduced * x).xy().iter().all(|&x| (-1e-6..1.0 - 1e-6).contains(&x));
    let lower = layer([a1, a2, bond]).filter(inside);
    let upper = layer([a1, a2, bond].map(|a| back * a)).filter(inside).map(|x| x + height);
    let positions: Vec<_> = lower.chain(upper).map(|x| x / BOHR_IN_ANGSTROM).collect();
    Structure { lattice: cell / BOHR_IN_ANGSTROM, species: vec![0; positions.len()], positions }
}

/// All pairs within the cutoff, found among the atoms of boxes that are no smaller than it, unless the cell itself is.
fn neighbours(structure: &Structure) -> Vec<Pair> {
    let cutoff = CUTOFF / BOHR_IN_ANGSTROM;
    let widths = [0, 1].map(|a| structure.lattice.row(a).norm() * 0.75f64.sqrt());
    let n_boxes = widths.map(|width| ((width / cutoff) as i32).max(1));
    let [reach_x, reach_y] = [0, 1].map(|a| (cutoff * f64::from(n_boxes[a]) / widths[a]).ceil() as i32);
    let reduced = |x: &Vector3<f64>| structure.to_reduced(x).unwrap_or_default();
    let box_of = |x: &Vector3<f64>| [0, 1].map(|a| (reduced(x)[a] * f64::from(n_boxes[a]) + 1e-9).floor() as i32);
    let mut boxes: BTreeMap<[i32; 2], Vec<u32>> = BTreeMap::new();
    for (atom, position) in structure.positions.iter().enumerate() {
        boxes.entry(box_of(position)).or_default().push(atom as u32);
    }
    let mut pairs = Vec::new();
    for (home, atoms) in &boxes {
        for (x, y) in (-reach_x..=reach_x).flat_map(|x| (-reach_y..=reach_y).map(move |y| (x, y))) {
            let there = [home[0] + x, home[1] + y];
            let r = [there[0].div_euclid(n_boxes[0]), there[1].div_euclid(n_boxes[1]), 0];
            let Some(others) = boxes.get(&[there[0].rem_euclid(n_boxes[0]), there[1].rem_euclid(n_boxes[1])]) else {
                continue;
            };
            let all = atoms.iter().flat_map(|&i| others.iter().map(move |&j| Pair { i, j, r }));
            pairs.extend(all.filter(|pair| structure.displacement(pair).norm() < cutoff));
        }
    }
    pairs
}
