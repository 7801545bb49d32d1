//! The matrices of one frame: a group with one data set for each block, `i_j_Rx_Ry_Rz`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::deeph::blocks::{Orbitals, Stored};
use crate::deeph::entries::Entries;
use crate::error::{Context, Error, Result};
use crate::h5::{self, Data, Source, Target};
use crate::operator::{Pair, Pairs, c64};
use crate::read::Step;

/// Names of the frames in a file, in the order of their numbers.
///
/// # Errors
/// `Syntax` where a group is no number.
pub fn frames(path: &Path) -> Result<Vec<String>> {
    let frames = || {
        let mut numbered = Vec::new();
        for name in Source::open(path)?.names()? {
            let number: u64 =
                name.parse().map_err(|_| Error::syntax("groups with numbers of frames", format!("`{name}`")))?;
            numbered.push((number, name));
        }
        numbered.sort_unstable();
        Ok(numbered.into_iter().map(|(_, name)| name).collect())
    };
    frames().in_file(path)
}

/// Which one to read: its place among `frames`.
///
/// # Errors
/// `Unsupported` where there are several and none was chosen, or none, or not this one.
pub fn chosen(frames: &[String], step: Option<Step>) -> Result<usize> {
    match (step, frames) {
        (_, []) => Err(Error::unsupported("no frame")),
        (None, [_]) => Ok(0),
        (None, [first, .., last]) => {
            let message =
                format!("{} frames, {first} to {last}: choose one with --step N or --step last", frames.len());
            Err(Error::unsupported(message))
        }
        (Some(Step::Last), _) => Ok(frames.len() - 1),
        (Some(Step::Number(number)), _) => {
            let place = frames.iter().position(|frame| frame.parse() == Ok(number));
            place.ok_or_else(|| Error::unsupported(format!("no frame {number} among {} frames", frames.len())))
        }
    }
}

/// The blocks of one frame and their entries, first those of the file in the order of their pairs, then the missing partners.
///
/// # Errors
/// `Syntax` where a name is no pair of atoms or numbers are of another kind; `Inconsistent` where a block does not fit its atoms.
pub fn read(path: &Path, frame: &str, orbitals: &Orbitals) -> Result<(Stored, Entries)> {
    read_frame(path, frame, orbitals).in_file(path)
}

fn read_frame(path: &Path, frame: &str, orbitals: &Orbitals) -> Result<(Stored, Entries)> {
    let group = Source::open(path)?.group(frame)?;
    let names = group.names()?;
    let named = pairs(&names, orbitals.basis().n_atoms())?;
    let spins = match named.first() {
        Some((pair, name)) => spins_of(&group.data(name)?, orbitals.block(pair, 1).shape()),
        None => 1,
    };
    let (mut found, mut entries) = orbitals.read_named(&group, &named, spins)?;
    complete(&mut found, &mut entries, orbitals, spins);
    Ok((Stored::new(found, orbitals.basis(), spins)?, entries))
}

/// Blocks with spin have twice the rows.
fn spins_of(data: &Data, [rows, _]: [usize; 2]) -> usize {
    if data.shape().first() == Some(&(2 * rows)) { 2 } else { 1 }
}

/// Sorted by pair. Atoms count from 0 where one has this number, else from 1: each has a block with itself.
fn pairs(names: &[String], n_atoms: usize) -> Result<Vec<(Pair, &String)>> {
    let numbers: Vec<[i32; 5]> = names.iter().map(|name| numbers(name)).collect::<Result<_>>()?;
    let first = i32::from(numbers.iter().all(|[i, j, ..]| *i > 0 && *j > 0));
    let atom = |number: i32| u32::try_from(number - first).ok().filter(|&atom| (atom as usize) < n_atoms);
    let pair = |(&[i, j, x, y, z], name): (&[i32; 5], _)| match (atom(i), atom(j)) {
        (Some(i), Some(j)) => {
            Ok((Pair { i, j, r: Pair::cell([x, y, z]).while_reading(|| format!("block `{name}`"))? }, name))
        }
        _ => Err(Error::inconsistent(format!("block `{name}` names another atom than the {n_atoms} of the folder"))),
    };
    let mut pairs: Vec<(Pair, &String)> = numbers.iter().zip(names).map(pair).collect::<Result<_>>()?;
    pairs.sort_unstable();
    Ok(pairs)
}

fn numbers(name: &str) -> Result<[i32; 5]> {
    let numbers: Option<Vec<i32>> = name.split('_').map(|number| number.parse().ok()).collect();
    let numbers = numbers.and_then(|numbers| <[i32; 5]>::try_from(numbers).ok());
    numbers.ok_or_else(|| Error::syntax("blocks named i_j_Rx_Ry_Rz", format!("`{name}`")))
}

/// Adds the conjugate transpose of every block that lacks its partner.
fn complete(found: &mut Vec<(Pair, usize)>, entries: &mut Entries, orbitals: &Orbitals, spins: usize) {
    let known: BTreeSet<Pair> = found.iter().map(|(pair, _)| *pair).collect();
    let lonely: Vec<(Pair, usize)> =
        found.iter().filter(|(pair, _)| !known.contains(&pair.reversed())).copied().collect();
    for (pair, start) in lonely {
        found.push((pair.reversed(), entries.len()));
        let [rows, columns] = orbitals.block(&pair, spins).shape();
        match entries {
            Entries::Real(values) => push_transposed(values, start, rows, columns, |x| x),
            Entries::Complex(values) => push_transposed(values, start, rows, columns, |x: c64| x.conj()),
        }
    }
}

fn push_transposed<T: Copy>(values: &mut Vec<T>, start: usize, rows: usize, columns: usize, conj: impl Fn(T) -> T) {
    let block = values[start..start + rows * columns].to_vec();
    values.extend((0..rows * columns).map(|place| conj(block[place % rows * columns + place / rows])));
}

/// Writes the entries of `pairs`, in order, as frame 0 of a new file, in double precision or in single.
///
/// # Errors
/// `Io`.
pub fn write(
    path: &Path,
    pairs: &Pairs,
    orbitals: &Orbitals,
    spins: usize,
    entries: &Entries,
    double: bool,
) -> Result<()> {
    h5::write(path, |file| {
        let frame = file.group("0")?;
        let mut start = 0;
        for pair in pairs.as_slice() {
            let block = orbitals.block(pair, spins);
            write_block(&frame, &name(pair), &block.shape(), entries, start, double)?;
            start += block.len();
        }
        Ok(())
    })
}

fn write_block(
    frame: &Target,
    name: &str,
    shape: &[usize; 2],
    entries: &Entries,
    start: usize,
    double: bool,
) -> Result<()> {
    let range = start..start + shape[0] * shape[1];
    match (entries, double) {
        (Entries::Real(values), true) => frame.write(name, shape, &values[range]),
        (Entries::Complex(values), true) => frame.write(name, shape, &values[range]),
        (Entries::Real(values), false) => {
            let single: Vec<f32> = values[range].iter().map(|&x| x as f32).collect();
            frame.write(name, shape, &single)
        }
        (Entries::Complex(values), false) => {
            let single = values[range].iter().map(|x| num_complex::Complex::new(x.re as f32, x.im as f32));
            frame.write(name, shape, &single.collect::<Vec<_>>())
        }
    }
}

fn name(&Pair { i, j, r: [x, y, z] }: &Pair) -> String {
    format!("{i}_{j}_{x}_{y}_{z}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atoms_count_from_0_or_from_1() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let found =
            |list: &[&str]| pairs(&names(list), 2).map(|pairs| pairs.iter().map(|(pair, _)| *pair).collect::<Vec<_>>());
        let r = [1, 0, -2];
        assert_eq!(found(&["1_0_1_0_-2", "0_0_1_0_-2"]).unwrap(), [Pair { i: 0, j: 0, r }, Pair { i: 1, j: 0, r }]);
        assert_eq!(found(&["2_1_1_0_-2", "1_1_1_0_-2"]).unwrap(), [Pair { i: 0, j: 0, r }, Pair { i: 1, j: 0, r }]);
        let message = |list: &[&str]| found(list).unwrap_err().to_string();
        assert_eq!(message(&["0_2_0_0_0"]), "block `0_2_0_0_0` names another atom than the 2 of the folder");
        assert_eq!(message(&["1_3_0_0_0"]), "block `1_3_0_0_0` names another atom than the 2 of the folder");
        let far =
            "a component of R of 2147483648 exceeds the limit of 1000000 (while reading block `0_0_0_-2147483648_0`)";
        assert_eq!(message(&["0_0_0_-2147483648_0"]), far);
        assert_eq!(message(&["0_0_0_0"]), "expected blocks named i_j_Rx_Ry_Rz, found `0_0_0_0`");
    }

    #[test]
    fn one_of_several_frames_must_be_chosen() {
        let frames: Vec<String> = ["0", "1", "10"].map(str::to_owned).into();
        assert_eq!(chosen(&frames[..1], None).unwrap(), 0);
        assert_eq!(chosen(&frames, Some(Step::Last)).unwrap(), 2);
        assert_eq!(chosen(&frames, Some(Step::Number(10))).unwrap(), 2);
        let message = |step| chosen(&frames, step).unwrap_err().to_string();
        assert_eq!(message(None), "3 frames, 0 to 10: choose one with --step N or --step last");
        assert_eq!(message(Some(Step::Number(2))), "no frame 2 among 3 frames");
    }

    #[test]
    fn a_partner_is_the_conjugate_transpose() {
        let mut values: Vec<c64> = (0..6).map(|x| c64::new(f64::from(x), 1.0)).collect();
        push_transposed(&mut values, 0, 2, 3, |x| x.conj());
        let expected = [0.0, 3.0, 1.0, 4.0, 2.0, 5.0].map(|x| c64::new(x, -1.0));
        assert_eq!(values[6..], expected);
    }
}
