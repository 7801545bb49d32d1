//! What tells the numbers of one run from those of another.

use std::hash::{DefaultHasher, Hash, Hasher};

use hzero::parsers::{Basis, Calculation, Operator, SpinOperator, c64};

/// Of orbitals, S, and the Hamiltonians that the run holds.
pub fn of_run(run: &Calculation) -> String {
    let mut hasher = DefaultHasher::new();
    hash_basis(&run.basis, &mut hasher);
    run.overlap.iter().for_each(|overlap| hash_real(overlap, &mut hasher));
    let hamiltonians = [&run.hamiltonian0, &run.hamiltonian].into_iter().flatten();
    hamiltonians.for_each(|hamiltonian| of_hamiltonian(hamiltonian).hash(&mut hasher));
    format!("{:016x}", hasher.finish())
}

/// Of one Hamiltonian.
pub fn of_hamiltonian(hamiltonian: &SpinOperator) -> String {
    let mut hasher = DefaultHasher::new();
    match hamiltonian {
        SpinOperator::Unpolarized(both) => hash_real(both, &mut hasher),
        SpinOperator::Collinear(spins) => spins.iter().for_each(|spin| hash_real(spin, &mut hasher)),
        SpinOperator::Spinor(parts) => parts.iter().for_each(|part| hash_complex(part, &mut hasher)),
    }
    format!("{:016x}", hasher.finish())
}

fn hash_basis(basis: &Basis, hasher: &mut impl Hasher) {
    (0..basis.n_atoms()).for_each(|atom| basis.orbitals_of(atom).hash(hasher));
}

fn hash_real(operator: &Operator<f64>, hasher: &mut impl Hasher) {
    operator.pairs().as_slice().hash(hasher);
    operator.values().iter().for_each(|value| value.to_bits().hash(hasher));
}

fn hash_complex(operator: &Operator<c64>, hasher: &mut impl Hasher) {
    operator.pairs().as_slice().hash(hasher);
    operator.values().iter().for_each(|value| (value.re.to_bits(), value.im.to_bits()).hash(hasher));
}
