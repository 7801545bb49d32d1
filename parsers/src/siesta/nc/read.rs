//! File → [`Nc`].

use std::path::Path;
use std::sync::Arc;

use super::{Nc, SHELLS};
use crate::error::{Context, Error, Result};
use crate::netcdf::{FILL_DOUBLE, Source};
use crate::siesta::hsx::{CellHead, Head, Hsx, KMesh, LABEL_LENGTH, SpeciesHead, Version, check_atoms};
use crate::siesta::{Sparsity, Supercell};

/// The largest angular momentum of an orbital.
const LARGEST_L: i32 = 6;

impl Nc {
    /// Reads a `.nc` file (also inside gzip or zstd).
    ///
    /// # Errors
    /// `Unsupported` where H was never written, because the run did not converge; `Syntax`, `Inconsistent`, `Limit` where the
    /// file is no `.nc` of SIESTA or contradicts itself.
    pub fn read(path: &Path) -> Result<Self> {
        let read = || parse(&Source::open(path)?);
        read().in_file(path)
    }
}

fn parse(root: &Source) -> Result<Nc> {
    let sparse = root.group("SPARSE")?;
    let supercell = Arc::new(supercell(root, &sparse)?);
    let sparsity = sparsity(&sparse, supercell.offsets.len())?;
    let nspin = number_of_components(&sparse)?;
    let (species, atomic_numbers) = species(&root.group("BASIS")?)?;
    let head = head(root, nspin, supercell, species)?;
    check_atoms(&head.species_of, &head.species, sparsity.n_rows(), head.cell().map(|cell| &cell.last_orbitals[..]))?;
    let Some(hamiltonian) = components(&sparse, "H", nspin, &sparsity)? else {
        return Err(Error::unsupported("H was never written: the run did not converge").while_reading("SPARSE/H"));
    };
    let overlap = sparse.values("S", &[sparsity.n_elements()])?;
    let density_matrix = if sparse.has("DM") { components(&sparse, "DM", nspin, &sparsity)? } else { None };
    let hsx = Hsx { head: Arc::new(head), sparsity: Arc::new(sparsity), hamiltonian, overlap };
    Ok(Nc { hsx, density_matrix, atomic_numbers })
}

/// 1, 2, 4 or 8.
fn number_of_components(sparse: &Source) -> Result<usize> {
    match sparse.shape("H")?[..] {
        [nspin @ (1 | 2 | 4 | 8), _] => Ok(nspin),
        ref shape => Err(Error::syntax("1, 2, 4 or 8 components of `SPARSE/H`", format!("the shape {shape:?}"))),
    }
}

/// `None` where an element was never written.
fn components(sparse: &Source, name: &str, nspin: usize, sparsity: &Sparsity) -> Result<Option<Vec<Vec<f64>>>> {
    let values = sparse.values(name, &[nspin, sparsity.n_elements()])?;
    if values.contains(&FILL_DOUBLE) {
        return Ok(None);
    }
    Ok(Some(values.chunks(sparsity.n_elements().max(1)).map(<[f64]>::to_vec).collect()))
}

fn supercell(root: &Source, sparse: &Source) -> Result<Supercell> {
    let nsc: [i32; 3] = triples(root, "nsc", &[3])?[0];
    let n_images = *sparse.shape("isc_off")?.first().unwrap_or(&0);
    let product = nsc.iter().fold(1_i64, |product, &n| product.saturating_mul(n.into()));
    if product != n_images as i64 {
        return Err(Error::inconsistent(format!("nsc is {nsc:?}, but isc_off lists {n_images} images")));
    }
    Supercell::from_file(nsc, triples(sparse, "isc_off", &[n_images, 3])?)
}

fn sparsity(sparse: &Source, n_images: usize) -> Result<Sparsity> {
    let n_rows = sparse.shape("n_col")?.iter().product();
    let lengths: Vec<u32> = sparse.values("n_col", &[n_rows])?;
    let ends = lengths.iter().scan(0, |end, &length| {
        *end += length as usize;
        Some(*end)
    });
    let row_starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
    let columns = sparse.values("list_col", &[row_starts[n_rows]])?;
    Sparsity::new(row_starts, columns, n_rows.saturating_mul(n_images))
}

fn head(root: &Source, nspin: usize, supercell: Arc<Supercell>, species: Vec<SpeciesHead>) -> Result<Head> {
    let n_atoms = root.shape("lasto")?.iter().product();
    let settings = root.group("SETTINGS")?;
    let cell = triples(root, "cell", &[3, 3])?;
    let cell = CellHead {
        is_double: 1,
        cell: [cell[0], cell[1], cell[2]],
        positions: triples(root, "xa", &[n_atoms, 3])?,
        fermi_level: root.number("Ef")?,
        supercell,
        last_orbitals: root.values("lasto", &[n_atoms])?,
    };
    Ok(Head {
        nspin,
        n_electrons: root.number("Qtot")?,
        temperature: settings.number("ElectronicTemperature")?,
        species,
        species_of: root.group("BASIS")?.values("basis", &[n_atoms])?,
        version: Version::V2(cell, k_mesh(&settings)?),
    })
}

fn k_mesh(settings: &Source) -> Result<KMesh> {
    let cell: Vec<i32> = settings.values("BZ", &[3, 3])?;
    let displacement = triples(settings, "BZ_displ", &[3])?[0];
    Ok(KMesh { cell: std::array::from_fn(|n| cell[n]), displacement })
}

/// All species in the order of their `ID`, and their atomic numbers.
fn species(basis: &Source) -> Result<(Vec<SpeciesHead>, Vec<i32>)> {
    let mut found = Vec::new();
    for group in basis.groups()? {
        let id: i32 = group.number("ID")?;
        found.push((id, one_species(&group)?, group.number::<i32>("Atomic_number")?));
    }
    found.sort_by_key(|(id, ..)| *id);
    if let Some((n, (id, ..))) = found.iter().enumerate().find(|(n, (id, ..))| *id != *n as i32 + 1) {
        return Err(Error::inconsistent(format!("species {} has the ID {id}", n + 1)).while_reading("BASIS"));
    }
    Ok(found.into_iter().map(|(_, species, number)| (species, number)).unzip())
}

fn one_species(group: &Source) -> Result<SpeciesHead> {
    let text = group.text("Label")?;
    let mut label = [b' '; LABEL_LENGTH];
    let length = text.len().min(LABEL_LENGTH);
    label[..length].copy_from_slice(&text.as_bytes()[..length]);
    let valence = group.number("Valence_charge")?;
    let orbitals = shells(group)?.into_iter().flat_map(|[n, l, zeta]| (-l..=l).map(move |_| [n, l, zeta])).collect();
    Ok(SpeciesHead { label, valence, orbitals })
}

/// n, l, zeta of each shell.
fn shells(group: &Source) -> Result<Vec<[i32; 3]>> {
    let shells = if group.has("orbnl_l") {
        let shape = group.shape("orbnl_l")?;
        let list = |name| group.values::<i32>(name, &shape);
        let (n, l, zeta) = (list("orbnl_n")?, list("orbnl_l")?, list("orbnl_z")?);
        n.into_iter().zip(l).zip(zeta).map(|((n, l), zeta)| [n, l, zeta]).collect()
    } else {
        group.numbers::<i32>(SHELLS)?.as_chunks().0.to_vec()
    };
    match shells.iter().find(|[_, l, _]| !(0..=LARGEST_L).contains(l)) {
        Some([_, l, _]) => Err(Error::inconsistent(format!("a shell with l = {l}")).while_reading("BASIS")),
        None => Ok(shells),
    }
}

/// A variable whose last dimension is xyz.
fn triples<T: hdf5::H5Type + Copy>(source: &Source, name: &str, shape: &[usize]) -> Result<Vec<[T; 3]>> {
    Ok(source.values::<T>(name, shape)?.as_chunks().0.to_vec())
}
