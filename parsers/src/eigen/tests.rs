use super::*;

/// Deterministic numbers in −1 … 1 (a linear congruential generator).
fn noise(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn random_hermitian(n: usize, seed: &mut u64) -> Mat<c64> {
    let a: Mat<c64> = Mat::from_fn(n, n, |_, _| c64::new(noise(seed), noise(seed)));
    Mat::from_fn(n, n, |i, j| (a[(i, j)] + a[(j, i)].conj()) * 0.5)
}

fn random_positive(n: usize, seed: &mut u64) -> Mat<c64> {
    let a = random_hermitian(n, seed);
    let square = &a * a.adjoint();
    Mat::from_fn(n, n, |i, j| square[(i, j)] / n as f64 + if i == j { c64::new(0.1, 0.0) } else { c64::ZERO })
}

fn largest(a: &Mat<c64>) -> f64 {
    a.col_iter().flat_map(|column| column.iter().map(|x| x.norm()).collect::<Vec<_>>()).fold(0.0, f64::max)
}

fn residual(h: &Mat<c64>, s: &Mat<c64>, states: &States) -> f64 {
    let c = &states.vectors;
    let scaled = Mat::from_fn(c.nrows(), c.ncols(), |i, j| c[(i, j)] * states.energies[j]);
    largest(&(h * c - s * scaled))
}

#[test]
fn random_pencil_is_solved() {
    let mut seed = 1;
    let (h, s) = (random_hermitian(60, &mut seed), random_positive(60, &mut seed));
    for null_space in [None, Some(1e-8)] {
        let factor = OverlapFactor::new(s.as_ref(), [0.0; 3], null_space, Par::Seq).unwrap();
        let states = factor.states(h.as_ref()).unwrap();
        assert_eq!(states.energies.len(), 60);
        assert!(residual(&h, &s, &states) < 1e-11);
        let metric = states.vectors.adjoint() * &s * &states.vectors - Mat::<c64>::identity(60, 60);
        assert!(largest(&metric) < 1e-11);
        let energies = factor.energies(h.as_ref()).unwrap();
        assert!(energies.iter().zip(&states.energies).all(|(a, b)| (a - b).abs() < 1e-11));
    }
}

#[test]
fn dependent_orbitals_are_reported_or_left_out() {
    let s = Mat::from_fn(2, 2, |i, j| c64::new(if i == j { 1.0 } else { 1.5 }, 0.0));
    let h = Mat::from_fn(2, 2, |_, _| c64::new(-1.0, 0.0));
    let error = OverlapFactor::new(s.as_ref(), [0.5, 0.0, 0.25], None, Par::Seq).err().unwrap().to_string();
    assert!(error.contains("-5.000e-1") && error.contains("[0.5, 0.0, 0.25]"), "{error}");
    let factor = OverlapFactor::new(s.as_ref(), [0.0; 3], Some(1e-6), Par::Seq).unwrap();
    let energies = factor.energies(h.as_ref()).unwrap();
    assert_eq!(energies.len(), 1);
    assert!((energies[0] + 2.0 / 2.5).abs() < 1e-14);
}

#[test]
fn numbers_that_are_not_finite_are_an_error() {
    let s: Mat<c64> = Mat::identity(2, 2);
    let h = Mat::from_fn(2, 2, |_, _| c64::new(f64::NAN, 0.0));
    let factor = OverlapFactor::new(s.as_ref(), [0.0; 3], None, Par::Seq).unwrap();
    assert!(factor.energies(h.as_ref()).is_err());
    assert!(OverlapFactor::new(h.as_ref(), [0.0; 3], None, Par::Seq).is_err());
}

/// Sizes at and across the borders of the recursion, against faer's own eigenvalues of L⁻¹ H L⁻†.
#[test]
fn large_pencils_are_solved() {
    for n in [1, 2, 64, 65, 150, 301] {
        let mut seed = n as u64;
        let (h, s) = (random_hermitian(n, &mut seed), random_positive(n, &mut seed));
        let factor = OverlapFactor::new(s.as_ref(), [0.0; 3], None, Par::Seq).unwrap();
        let states = factor.states(h.as_ref()).unwrap();
        assert!(residual(&h, &s, &states) < 1e-11 * n as f64, "{n}: {}", residual(&h, &s, &states));
        let energies = factor.energies(h.as_ref()).unwrap();
        let scale = energies.iter().fold(1.0, |scale: f64, e| scale.max(e.abs()));
        assert!(energies.iter().zip(&states.energies).all(|(a, b)| (a - b).abs() < 1e-13 * scale), "{n}");
    }
}

/// Of the lower triangles nothing is read, whether numbers are real or complex.
#[test]
fn upper_triangles_say_it_all() {
    for imaginary in [0.0, 1.0] {
        let mut seed = 3;
        let part = |a: Mat<c64>| Mat::from_fn(80, 80, |i, j| c64::new(a[(i, j)].re, imaginary * a[(i, j)].im));
        let (h, s) = (part(random_hermitian(80, &mut seed)), part(random_positive(80, &mut seed)));
        let upper = |a: &Mat<c64>| Mat::from_fn(80, 80, |i, j| if i > j { c64::new(7.0, 7.0) } else { a[(i, j)] });
        let of = |h: &Mat<c64>, s: &Mat<c64>| {
            OverlapFactor::new(s.as_ref(), [0.0; 3], None, Par::Seq).unwrap().states(h.as_ref()).unwrap().energies
        };
        assert_eq!(of(&h, &s), of(&upper(&h), &upper(&s)));
    }
}

/// Real H and S are solved in real numbers; i H', with a real antisymmetric H', over the same real S in complex ones.
#[test]
fn real_overlaps_serve_real_and_complex_hamiltonians() {
    let mut seed = 5;
    let real = |a: Mat<c64>| Mat::from_fn(90, 90, |i, j| c64::new(a[(i, j)].re, 0.0));
    let (h, s) = (random_hermitian(90, &mut seed), real(random_positive(90, &mut seed)));
    let h = [real(h.clone()), h];
    for null_space in [None, Some(1e-8)] {
        let factor = OverlapFactor::new(s.as_ref(), [0.0; 3], null_space, Par::Seq).unwrap();
        for (is_complex, h) in h.iter().enumerate() {
            let states = factor.states(h.as_ref()).unwrap();
            assert!(residual(h, &s, &states) < 1e-10);
            assert_eq!(states.vectors.col_iter().any(|c| c.iter().any(|x| x.im != 0.0)), is_complex == 1);
            let energies = factor.energies(h.as_ref()).unwrap();
            assert!(energies.iter().zip(&states.energies).all(|(a, b)| (a - b).abs() < 1e-11));
        }
    }
}

/// Levels of two and more states, as at points of high symmetry.
#[test]
fn degenerate_levels_are_found() {
    for seed in 1..40 {
        let (n, mut state) = (8 + seed as usize % 17, seed);
        let basis = hermitian::eigenvectors(random_hermitian(n, &mut state).as_ref(), Par::Seq).unwrap().1;
        let level = |band: usize| (band / (1 + seed as usize % 4)) as f64 - 1.5;
        let scaled = Mat::from_fn(n, n, |i, j| basis[(i, j)] * level(j));
        let values = hermitian_eigenvalues((scaled * basis.adjoint()).as_ref(), Par::Seq).unwrap();
        assert!(values.iter().enumerate().all(|(band, e)| (e - level(band)).abs() < 1e-13), "{seed}: {values:?}");
    }
}
