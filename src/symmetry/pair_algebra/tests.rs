use nalgebra::{DMatrix, Matrix3, Rotation3, Vector3};

use super::*;
use crate::symmetry::frame::{bond_frame, reversed};

const SHELLS: [u8; 6] = [0, 0, 1, 1, 2, 3];

fn block(n: usize) -> Vec<f64> {
    (0..n * n).map(|k| ((k * 37 + 11) % 101) as f64 / 50.0 - 1.0).collect()
}

fn algebras() -> [PairAlgebra; 2] {
    [PairAlgebra::new(&SHELLS), PairAlgebra::magnetic(&SHELLS)]
}

fn numbers(algebra: &PairAlgebra) -> Vec<f64> {
    (0..algebra.width()).map(|k| ((k * 37 + 11) % 101) as f64 / 50.0 - 1.0).collect()
}

fn transposed(algebra: &PairAlgebra, block: &[f64]) -> Vec<f64> {
    let n = algebra.n_orbitals();
    block.chunks(n * n).flat_map(|block| (0..n * n).map(|k| block[k % n * n + k / n])).collect()
}

fn framed(algebra: &PairAlgebra, block: &[f64], frame: &Matrix3<f64>) -> Vec<f64> {
    let (mut coupled, mut framed) = (vec![0.0; algebra.width()], vec![0.0; algebra.width()]);
    algebra.couple(block, &mut coupled);
    algebra.to_frame(&coupled, &algebra.wigner().matrices(frame), &mut framed);
    framed
}

fn difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |worst, (a, b)| (a - b).abs().max(worst))
}

#[test]
fn block_to_frame_and_back() {
    for algebra in algebras() {
        let block = numbers(&algebra);
        let d = algebra.wigner().matrices(&bond_frame(&Vector3::new(0.3, 1.0, -0.5)).unwrap());
        let mut buffers = [vec![0.0; block.len()], vec![0.0; block.len()], vec![0.0; block.len()]];
        let [coupled, framed, back] = &mut buffers;
        algebra.couple(&block, coupled);
        algebra.to_frame(coupled, &d, framed);
        coupled.fill(0.0);
        algebra.from_frame(framed, &d, coupled);
        algebra.uncouple(coupled, back);
        assert!(difference(&block, back) < 1e-13);
        let (norm, framed_norm) = [&block, framed].map(|v| v.iter().map(|x| x * x).sum::<f64>()).into();
        assert!((norm - framed_norm).abs() < 1e-12 * norm);
    }
}

#[test]
fn transposed_block_in_the_reversed_frame_is_the_exchange() {
    for algebra in algebras() {
        let frame = bond_frame(&Vector3::new(-0.2, 0.9, 0.5)).unwrap();
        let block = numbers(&algebra);
        let there = framed(&algebra, &block, &frame);
        let back = framed(&algebra, &transposed(&algebra, &block), &reversed(&frame));
        let mut exchanged = vec![0.0; block.len()];
        permute(algebra.exchange(), &back, &mut exchanged);
        assert!(difference(&there, &exchanged) < 1e-13);
    }
}

#[test]
fn coupled_transpose() {
    for algebra in algebras() {
        let block = numbers(&algebra);
        let width = algebra.width();
        let (mut coupled, mut wanted, mut found) = (vec![0.0; width], vec![0.0; width], vec![0.0; width]);
        algebra.couple(&block, &mut coupled);
        algebra.couple(&transposed(&algebra, &block), &mut wanted);
        permute(algebra.transpose(), &coupled, &mut found);
        assert!(difference(&wanted, &found) < 1e-13);
    }
}

#[test]
fn a_turn_about_the_bond_is_a_phase_per_class() {
    for algebra in algebras() {
        let block = numbers(&algebra);
        let frame = bond_frame(&Vector3::new(0.6, 0.1, 0.5)).unwrap();
        let angle = 0.7;
        let turn = Rotation3::from_axis_angle(&Vector3::z_axis(), angle).into_inner();
        let (before, after) = (framed(&algebra, &block, &frame), framed(&algebra, &block, &(turn * frame)));
        let fixed = algebra.unnatural0().end;
        assert!(difference(&before[..fixed], &after[..fixed]) < 1e-13);
        for class in algebra.classes() {
            let (sin, cos) = (class.m as f64 * angle).sin_cos();
            for (c, s) in class.cos.clone().zip(class.sin.clone()) {
                assert!((after[c] - (cos * before[c] - sin * before[s])).abs() < 1e-13, "m = {}", class.m);
                assert!((after[s] - (sin * before[c] + cos * before[s])).abs() < 1e-13, "m = {}", class.m);
            }
        }
    }
}

#[test]
fn a_turn_of_space_and_spin_turns_every_channel() {
    // B is an axial vector: (B_x, B_y, B_z) turn by the proper part of r, orbitals by D(r).
    let algebra = PairAlgebra::magnetic(&[0, 1, 2]);
    let n = algebra.n_orbitals();
    let turn = Rotation3::from_euler_angles(0.3, -1.2, 2.5).into_inner();
    let numbers = numbers(&algebra);
    for (r, inverted) in [(turn, false), (-turn, true)] {
        let matrices = algebra.wigner().matrices(&r);
        let mut d = DMatrix::zeros(n, n);
        for (l, start) in [(0, 0), (1, 1), (2, 4)] {
            let size = 2 * l + 1;
            d.view_mut((start, start), (size, size)).copy_from(&DMatrix::from_row_slice(size, size, matrices.block(l)));
        }
        let blocks: Vec<DMatrix<f64>> =
            numbers.chunks(n * n).map(|block| &d * DMatrix::from_row_slice(n, n, block) * d.transpose()).collect();
        let field = |k: usize| (0..3).map(|c| &blocks[1 + c] * turn[(k, c)]).sum::<DMatrix<f64>>();
        let turned = [blocks[0].clone(), field(0), field(1), field(2)].map(|block| block.transpose());
        let turned: Vec<f64> = turned.iter().flat_map(|block| block.as_slice().to_vec()).collect();
        let (mut coupled, mut wanted) = (vec![0.0; algebra.width()], vec![0.0; algebra.width()]);
        algebra.couple(&numbers, &mut coupled);
        algebra.couple(&turned, &mut wanted);
        let proper = algebra.wigner().matrices(&turn);
        for channel in algebra.channels() {
            let range = channel.offset..channel.offset + 2 * channel.l + 1;
            let mut found = vec![0.0; range.len()];
            multiply(proper.block(channel.l), &coupled[range.clone()], &mut found);
            let parity = if channel.natural == channel.l.is_multiple_of(2) || !inverted { 1.0 } else { -1.0 };
            found.iter_mut().for_each(|x| *x *= parity);
            assert!(difference(&found, &wanted[range]) < 1e-13, "{channel:?}");
        }
    }
}

#[test]
fn inversion_changes_natural_and_unnatural_against_each_other() {
    // A mirror y -> -y through the bond keeps natural cos and turns unnatural cos (and natural sin) round.
    let algebra = PairAlgebra::new(&[1, 2]);
    let n = algebra.n_orbitals();
    let parity: Vec<f64> = [-1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0].to_vec();
    let mirror = DMatrix::from_diagonal(&parity.into());
    let block = DMatrix::from_row_slice(n, n, &block(n));
    let mirrored = &mirror * &block * &mirror;
    let identity = Matrix3::identity();
    let before = framed(&algebra, block.transpose().as_slice(), &identity);
    let after = framed(&algebra, mirrored.transpose().as_slice(), &identity);
    for (k, &channel) in algebra.frame_channel().iter().enumerate() {
        let natural = algebra.channels()[channel].natural;
        let is_sin = algebra.classes().iter().any(|class| class.sin.contains(&k));
        let sign = if is_sin || (!natural && algebra.unnatural0().contains(&k)) { -1.0 } else { 1.0 };
        assert!((after[k] - sign * before[k]).abs() < 1e-14, "component {k}");
    }
}
