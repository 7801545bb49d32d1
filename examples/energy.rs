//! Total energy of a SIESTA run's H without SIESTA, to second order in the density (`docs/restart.md` says how far it holds):
//! `cargo run --release --example energy -- RUN E0 'Mo=5s1 4s2 4p6 4d5' 'S=3s2 3p4' [H]`.
//!
//! E0, eV: `E_KS` of `scf:    1` of a run with `SCF.Mix Density`. Then the electrons of every atom's shells, as in its `.ion.xml`.

use std::error::Error;
use std::path::{Path, PathBuf};

use hzero::density;
use hzero::parsers::basis::l_letter;
use hzero::parsers::{Calculation, Of, Operator, Pair, ReadOptions, SpinOperator, read};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: energy RUN E0 LABEL='SHELLS'... [H]";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, e0, rest @ ..] = arguments.as_slice() else { return Err(usage.into()) };
    let (atoms, files): (Vec<_>, Vec<_>) = rest.iter().partition(|argument| argument.contains('='));
    let atoms: Vec<(&str, &str)> = atoms.iter().filter_map(|atom| atom.split_once('=')).collect();
    let options = ReadOptions { hamiltonian: files.first().map(PathBuf::from), ..Default::default() };
    let run = read(Path::new(folder), &options)?;
    println!("{:.6} eV", total(&run, e0.parse()?, &atoms)?);
    Ok(())
}

/// E[D0] + ½ tr((H0 + H)(D - D0)), eV: D is the density of H, D0 that of the atoms, whose energy is `e0`.
pub fn total(run: &Calculation, e0: f64, atoms: &[(&str, &str)]) -> Result<f64, Box<dyn Error>> {
    let h0 = run.operator(Of::H0).ok_or("no H0")?;
    let h = run.operator(Of::Scf).ok_or("no H")?;
    let density = density::of(run, h, &density::Options::default())?.matrix;
    let mut energy = 0.0;
    for operator in [h0, h] {
        energy += 0.5 * (density::trace(&density, operator) - of_atoms(run, operator, atoms)?);
    }
    Ok(e0 + energy * run.origin.ev_per_hartree)
}

/// tr(D0 O): D0 is diagonal, the electrons of an atom's shells spread evenly over the first zeta of each (S is 1 there).
fn of_atoms(run: &Calculation, operator: &SpinOperator, atoms: &[(&str, &str)]) -> Result<f64, Box<dyn Error>> {
    let SpinOperator::Unpolarized(operator) = operator else { return Err("a run with spin".into()) };
    (0..run.basis.n_atoms()).map(|atom| of_atom(run, operator, atoms, atom)).sum()
}

fn of_atom(run: &Calculation, o: &Operator<f64>, atoms: &[(&str, &str)], atom: usize) -> Result<f64, Box<dyn Error>> {
    let species = run.basis.species_of(atom);
    let block = o.get(&Pair::onsite(atom)).ok_or("an atom without its own block")?;
    let (_, shells) = atoms.iter().find(|(label, _)| *label == species.label).ok_or("an atom without electrons")?;
    let (mut sum, mut first) = (0.0, 0);
    for shell in &species.shells {
        let name = format!("{}{}", shell.n.ok_or("a shell without n")?, l_letter(shell.l));
        let electrons =
            shells.split(' ').find_map(|shell| shell.strip_prefix(name.as_str())).filter(|_| shell.zeta == 1);
        let each = electrons.unwrap_or("0").parse::<f64>()? / shell.n_orbitals() as f64;
        let orbitals = first..first + shell.n_orbitals();
        sum += orbitals.map(|i| each * block[i * (species.n_orbitals() + 1)]).sum::<f64>();
        first += shell.n_orbitals();
    }
    Ok(sum)
}
