//! `hzero strain`.

use anyhow::{bail, ensure};
use nalgebra::Matrix3;

use super::Outcome;
use super::changed_run::Places;
use crate::parsers::elements::symbol;
use crate::parsers::poscar::Poscar;
use crate::parsers::units::BOHR_IN_ANGSTROM;
use crate::parsers::{Basis, Calculation, Structure};

/// Write a run whose structure is strained homogeneously, with the matrices as they were: a test case, not physics
///
/// Lattice vectors and positions become (1 + strain) times what they were. S(R), H0(R), H(R) and DM(R) keep their numbers, so the
/// eigenvalues at every reduced k stay exactly what they were: a known answer for programs that read runs. They are not
/// the matrices that a DFT code would find in the strained cell; for those, take --structure-only and run the code.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    places: Places,
    /// Components of the symmetric strain tensor: xx,yy,zz or xx,yy,zz,yz,xz,xy (the tensor's own, half of the engineering shears)
    #[arg(long, value_name = "STRAIN", value_delimiter = ',', num_args = 1, allow_hyphen_values = true)]
    strain: Vec<f64>,
    /// Write DIR/POSCAR alone
    #[arg(long, conflicts_with_all = ["to", "json"])]
    structure_only: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let deformation = Matrix3::identity() + tensor(&args.strain)?;
    let (run, to) = args.places.read()?;
    let structure = strained(&run.structure, &deformation);
    if args.structure_only {
        args.places.write_text("POSCAR", &poscar(&structure, &run.basis).text())?;
        return Ok(Outcome::Done);
    }
    let strain = args.strain.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let change = format!("strained by {strain}; S, H0, H and DM are those of the unstrained cell");
    args.places.write(Calculation { structure, printed: Vec::new(), ..run }, to, change)?;
    Ok(Outcome::Done)
}

/// The symmetric tensor of xx, yy, zz, yz, xz, xy.
fn tensor(components: &[f64]) -> anyhow::Result<Matrix3<f64>> {
    let [xx, yy, zz, yz, xz, xy] = match *components {
        [xx, yy, zz] => [xx, yy, zz, 0.0, 0.0, 0.0],
        [xx, yy, zz, yz, xz, xy] => [xx, yy, zz, yz, xz, xy],
        _ => bail!("--strain takes 3 components (xx,yy,zz) or 6 (xx,yy,zz,yz,xz,xy), not {}", components.len()),
    };
    let strain = Matrix3::new(xx, xy, xz, xy, yy, yz, xz, yz, zz);
    ensure!(strain.iter().all(|x| x.is_finite()), "--strain: a component is no finite number");
    ensure!(
        (Matrix3::identity() + strain).symmetric_eigenvalues().min() > 0.0,
        "--strain: 1 + strain must be positive, or the cell collapses"
    );
    Ok(strain)
}

fn strained(structure: &Structure, deformation: &Matrix3<f64>) -> Structure {
    Structure {
        lattice: structure.lattice * deformation,
        positions: structure.positions.iter().map(|position| deformation * position).collect(),
        species: structure.species.clone(),
    }
}

fn poscar(structure: &Structure, basis: &Basis) -> Poscar {
    let name = |atom: usize| {
        let species = basis.species_of(atom);
        species.z.and_then(symbol).map_or_else(|| species.label.clone(), str::to_owned)
    };
    Poscar {
        lattice: structure.lattice * BOHR_IN_ANGSTROM,
        elements: (0..structure.n_atoms()).map(name).collect(),
        positions: structure.positions.iter().map(|position| position * BOHR_IN_ANGSTROM).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_in_the_order_of_voigt() {
        let tensor = |components: &[f64]| super::tensor(components);
        assert_eq!(tensor(&[0.1, 0.2, 0.3]).unwrap(), Matrix3::from_diagonal(&[0.1, 0.2, 0.3].into()));
        let full = tensor(&[0.0, 0.0, 0.0, 0.01, 0.02, 0.03]).unwrap();
        assert_eq!([full[(1, 2)], full[(0, 2)], full[(0, 1)], full[(1, 0)]], [0.01, 0.02, 0.03, 0.03]);
        for bad in [&[0.1, 0.2][..], &[-1.0, 0.0, 0.0], &[f64::NAN, 0.0, 0.0], &[0.0, 0.0, 0.0, 2.0, 0.0, 0.0]] {
            assert!(tensor(bad).is_err(), "{bad:?}");
        }
    }
}
