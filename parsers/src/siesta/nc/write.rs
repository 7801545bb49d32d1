//! [`Nc`] → file.

use std::path::Path;

use super::{Nc, SHELLS};
use crate::elements::symbol;
use crate::error::{ErrorKind, Result};
use crate::netcdf::{Dimension, Target};
use crate::output;
use crate::siesta::hsx::{CellHead, KMesh, SpeciesHead};

impl Nc {
    /// Writes a file that SIESTA's own tools and sisl read. `label` is the system's.
    ///
    /// # Errors
    /// `Io`; `NotRepresentable` where the head has no structure or k mesh (versions 0 and 1 of HSX).
    pub fn write(&self, path: &Path, label: &str) -> Result<()> {
        let (Some(cell), Some(mesh)) = (self.hsx.head.cell(), self.hsx.head.k_mesh()) else {
            let what = "the matrices come without structure or k mesh".into();
            return Err(ErrorKind::NotRepresentable { format: "SIESTA's .nc".into(), what }.into());
        };
        output::write_by_name(path, |path| {
            let root = Target::create(path)?;
            root.text("label", label)?;
            let dimensions = Dimensions::new(&root, self, cell)?;
            self.write_cell(&root, &dimensions, cell)?;
            self.write_matrices(&root.group("SPARSE")?, &dimensions, cell)?;
            self.write_settings(&root.group("SETTINGS")?, &dimensions, mesh)?;
            self.write_basis(&root.group("BASIS")?, &dimensions)
        })
    }

    fn write_cell(&self, root: &Target, dimensions: &Dimensions, cell: &CellHead) -> Result<()> {
        let Dimensions { na_u, xyz, one, .. } = dimensions;
        root.values("lasto", &[na_u], &cell.last_orbitals, ["Last orbital of equivalent atom", ""])?;
        root.values("Qtot", &[one], &[self.hsx.head.n_electrons], ["Total charge", ""])?;
        root.values("nsc", &[xyz], &cell.supercell.nsc, ["Number of supercells in each unit-cell direction", ""])?;
        root.values("Ef", &[one], &[cell.fermi_level], ["Fermi level", "Ry"])?;
        root.values("xa", &[na_u, xyz], cell.positions.as_flattened(), ["Atomic coordinates", "Bohr"])?;
        root.values("cell", &[xyz, xyz], cell.cell.as_flattened(), ["Unit cell", "Bohr"])
    }

    fn write_matrices(&self, sparse: &Target, dimensions: &Dimensions, cell: &CellHead) -> Result<()> {
        let Dimensions { n_s, xyz, no_u, spin, .. } = dimensions;
        let sparsity = &self.hsx.sparsity;
        let nnzs = &sparse.dimension("nnzs", sparsity.n_elements())?;
        let lengths: Vec<i32> = sparsity.row_starts().windows(2).map(|row| (row[1] - row[0]) as i32).collect();
        let offsets = cell.supercell.offsets.as_flattened();
        sparse.values("isc_off", &[n_s, xyz], offsets, ["Index of supercell coordinates", ""])?;
        sparse.values("n_col", &[no_u], &lengths, ["Number of non-zero elements per row", ""])?;
        let info = "Supercell column indices in the sparse format";
        sparse.values("list_col", &[nnzs], sparsity.columns(), [info, ""])?;
        sparse.values("S", &[nnzs], &self.hsx.overlap, ["Overlap matrix", ""])?;
        if let Some(density_matrix) = &self.density_matrix {
            sparse.values("DM", &[spin, nnzs], &density_matrix.concat(), ["Density matrix", ""])?;
        }
        sparse.values("H", &[spin, nnzs], &self.hsx.hamiltonian.concat(), ["Hamiltonian", "Ry"])
    }

    fn write_settings(&self, settings: &Target, dimensions: &Dimensions, mesh: &KMesh) -> Result<()> {
        let Dimensions { xyz, one, .. } = dimensions;
        settings.values("BZ", &[xyz, xyz], &mesh.cell, ["Grid used for the Brillouin zone integration", ""])?;
        let info = "Grid displacement used in Brillouin zone";
        settings.values("BZ_displ", &[xyz], &mesh.displacement, [info, "b**-1"])?;
        let temperature = [self.hsx.head.temperature];
        settings.values("ElectronicTemperature", &[one], &temperature, ["Temperature for electrons", "Ry"])
    }

    fn write_basis(&self, basis: &Target, dimensions: &Dimensions) -> Result<()> {
        let head = &self.hsx.head;
        basis.values("basis", &[&dimensions.na_u], &head.species_of, ["Basis of each atom by ID", ""])?;
        for (index, (kind, &number)) in head.species.iter().zip(&self.atomic_numbers).enumerate() {
            write_species(&basis.group(&kind.name())?, index as i32 + 1, kind, number)?;
        }
        Ok(())
    }
}

fn write_species(group: &Target, id: i32, kind: &SpeciesHead, atomic_number: i32) -> Result<()> {
    let shells = shells(&kind.orbitals);
    let element = u8::try_from(atomic_number.unsigned_abs()).ok().and_then(symbol);
    group.text("Element", element.unwrap_or("unknown"))?;
    group.text("Label", &kind.name())?;
    group.numbers("Atomic_number", &[atomic_number])?;
    group.numbers("Valence_charge", &[kind.valence])?;
    group.numbers("Mass", &[f64::NAN])?; // readers ask for it, and no other file of a run knows it
    group.numbers("L_max_basis", &[shells.iter().map(|[_, l, _]| *l).max().unwrap_or(0)])?;
    group.numbers("Number_of_orbitals", &[kind.orbitals.len() as i32])?;
    group.numbers("ID", &[id])?;
    group.numbers(SHELLS, shells.as_flattened())
}

/// n, l, zeta of each shell; its 2l + 1 orbitals follow each other.
fn shells(mut orbitals: &[[i32; 3]]) -> Vec<[i32; 3]> {
    let mut shells = Vec::new();
    while let Some(&shell) = orbitals.first() {
        let n_orbitals = 2 * shell[1].max(0) as usize + 1;
        orbitals = orbitals.get(n_orbitals..).unwrap_or_default();
        shells.push(shell);
    }
    shells
}

/// Those of the root, which all groups share.
struct Dimensions {
    na_u: Dimension,
    no_u: Dimension,
    n_s: Dimension,
    spin: Dimension,
    xyz: Dimension,
    one: Dimension,
}

impl Dimensions {
    fn new(root: &Target, nc: &Nc, cell: &CellHead) -> Result<Self> {
        let (n_orbitals, n_images) = (nc.hsx.sparsity.n_rows(), cell.supercell.offsets.len());
        root.dimension("no_s", n_orbitals * n_images)?;
        Ok(Dimensions {
            na_u: root.dimension("na_u", nc.hsx.head.species_of.len())?,
            no_u: root.dimension("no_u", n_orbitals)?,
            n_s: root.dimension("n_s", n_images)?,
            spin: root.dimension("spin", nc.hsx.head.nspin)?,
            xyz: root.dimension("xyz", 3)?,
            one: root.dimension("one", 1)?,
        })
    }
}
