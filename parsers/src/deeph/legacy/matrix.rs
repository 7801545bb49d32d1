//! The layout of `overlaps.h5`, `hamiltonians.h5` and `density_matrixs.h5`: one data set for each block, by its name.

use std::path::Path;

use crate::deeph::blocks::{Orbitals, Stored};
use crate::deeph::entries::Entries;
use crate::error::{Context, Error, Result};
use crate::h5::{self, Source};
use crate::operator::{Pair, Pairs};

/// Reads a file with 1 or 2 spins; the entries come in the order of the pairs, not of the names.
///
/// # Errors
/// `Syntax` where a name is no pair of atoms or numbers are of another kind; `Inconsistent` where a block does not fit its atoms.
pub fn read(path: &Path, orbitals: &Orbitals, spins: usize) -> Result<(Stored, Entries)> {
    read_file(path, orbitals, spins).in_file(path)
}

fn read_file(path: &Path, orbitals: &Orbitals, spins: usize) -> Result<(Stored, Entries)> {
    let file = Source::open(path)?;
    let names = file.names()?;
    let mut named = Vec::with_capacity(names.len());
    for name in &names {
        named.push((pair(name, orbitals.basis().n_atoms())?, name));
    }
    named.sort_unstable();
    let (found, entries) = orbitals.read_named(&file, &named, spins)?;
    Ok((Stored::new(found, orbitals.basis(), spins)?, entries))
}

/// `[Rx, Ry, Rz, i, j]`, atoms from 1.
fn pair(name: &str, n_atoms: usize) -> Result<Pair> {
    let numbers: [i64; 5] = serde_json::from_str(name)
        .map_err(|_| Error::syntax("blocks named `[Rx, Ry, Rz, i, j]`", format!("`{name}`")))?;
    let [x, y, z, i, j] = numbers;
    let atom = |atom: i64| u32::try_from(atom.checked_sub(1)?).ok().filter(|&atom| (atom as usize) < n_atoms);
    match (atom(i), atom(j)) {
        (Some(i), Some(j)) => Ok(Pair { i, j, r: Pair::cell([x, y, z]).while_reading(|| format!("block `{name}`"))? }),
        _ => Err(Error::inconsistent(format!(
            "block `{name}` names other atoms (from 1) than the {n_atoms} of the folder"
        ))),
    }
}

fn name(&Pair { i, j, r: [x, y, z] }: &Pair) -> String {
    format!("[{x}, {y}, {z}, {}, {}]", i + 1, j + 1)
}

/// Writes a file; `entries` are those of `pairs`, in order.
///
/// # Errors
/// `Io`.
pub fn write(path: &Path, pairs: &Pairs, orbitals: &Orbitals, spins: usize, entries: &Entries) -> Result<()> {
    h5::write(path, |file| {
        for (index, pair) in pairs.as_slice().iter().enumerate() {
            let range = pairs.range(index);
            let range = spins * spins * range.start..spins * spins * range.end;
            let (name, shape) = (name(pair), orbitals.block(pair, spins).shape());
            match entries {
                Entries::Real(values) => file.write(&name, &shape, &values[range])?,
                Entries::Complex(values) => file.write(&name, &shape, &values[range])?,
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_pairs() {
        let expected = Pair { i: 0, j: 1, r: [0, -1, 2] };
        assert_eq!(pair("[0, -1, 2, 1, 2]", 2).unwrap(), expected);
        assert_eq!(pair("[0,-1,2,1,2]", 2).unwrap(), expected);
        assert_eq!(name(&expected), "[0, -1, 2, 1, 2]");
        for bad in ["[0, 0, 0, 0, 1]", "[0, 0, 0, 1, 3]"] {
            assert!(pair(bad, 2).unwrap_err().to_string().ends_with("(from 1) than the 2 of the folder"), "{bad}");
        }
        let message = pair("[0, 0, -2147483648, 1, 1]", 2).unwrap_err().to_string();
        assert!(message.starts_with("a component of R of 2147483648 exceeds the limit of 1000000"), "{message}");
        let message = pair("[0, 0, 0, 1]", 2).unwrap_err().to_string();
        assert_eq!(message, "expected blocks named `[Rx, Ry, Rz, i, j]`, found `[0, 0, 0, 1]`");
    }
}
