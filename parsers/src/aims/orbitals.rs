//! `basis-indices.out`: type, atom, n, l, m of each orbital, in the order of the matrices.

use crate::basis::Shell;
use crate::error::{Error, Result};
use crate::harmonics;
use crate::input::lines::{Line, Lines};

/// The largest angular momentum of an orbital.
const LARGEST_L: u8 = 9;

/// One orbital.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orbital {
    /// `atomic`, `ionic`, `hydro`, …
    pub kind: String,
    /// Its atom, from 0.
    pub atom: usize,
    /// Principal quantum number of the radial function.
    pub n: u8,
    /// Angular momentum.
    pub l: u8,
    /// −l … l.
    pub m: i8,
}

/// Where an orbital of the files goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Its atom.
    pub atom: u32,
    /// Its place among the orbitals of the atom, in canonical order.
    pub place: usize,
    /// The canonical orbital is so many times that of the files: +1 or −1.
    pub sign: f64,
}

/// Reads the file.
///
/// # Errors
/// `Syntax` with the line.
pub fn parse(file: &[u8]) -> Result<Vec<Orbital>> {
    let mut lines = Lines::new(file, &[]);
    let titles = lines.expect("the titles fn., type, at., n, l, m")?;
    if !titles.words().eq(["fn.", "type", "at.", "n", "l", "m"]) {
        return Err(titles.expected("the titles fn., type, at., n, l, m"));
    }
    lines.enumerate().map(|(index, line)| orbital(&line, index + 1)).collect()
}

fn orbital(line: &Line, number: usize) -> Result<Orbital> {
    if line.parse::<usize>(0, "the number of an orbital")? != number {
        return Err(line.expected(&format!("orbital {number}")));
    }
    let atom: usize = line.parse(2, "the atom of an orbital")?;
    let (n, l, m) = (line.parse(3, "n of an orbital")?, line.parse(4, "l of an orbital")?, line.parse(5, "m")?);
    let kind = line.words().nth(1).unwrap_or_default().to_owned();
    match atom.checked_sub(1) {
        Some(atom) if l <= LARGEST_L && i8::unsigned_abs(m) <= l => Ok(Orbital { kind, atom, n, l, m }),
        _ => Err(line.expected(&format!("an atom from 1, l of at most {LARGEST_L}, m of −l to l"))),
    }
}

/// A radial function while its orbitals are found.
struct Radial<'a> {
    first: &'a Orbital,
    n_found: usize,
}

impl Radial<'_> {
    fn is_continued_by(&self, orbital: &Orbital) -> bool {
        let key = |o: &Orbital| (o.n, o.l);
        let next = i32::from(orbital.m) + i32::from(orbital.l);
        self.first.kind == orbital.kind && key(self.first) == key(orbital) && self.n_found as i32 == next
    }
}

/// The shells of each of `n_atoms` atoms, in the order in which their m = −l appears, and the place of every orbital. n, l and
/// type do not tell radial functions apart (an atom may have two `hydro` 3d), and their m may be interleaved: an orbital with
/// m = −l opens a shell, every other one belongs to the first open shell that waits for it.
///
/// # Errors
/// `Inconsistent` where a shell lacks an m, or an atom is not among `n_atoms`.
pub fn arrange(orbitals: &[Orbital], n_atoms: usize) -> Result<(Vec<Vec<Shell>>, Vec<Place>)> {
    let mut radials: Vec<Vec<Radial>> = (0..n_atoms).map(|_| Vec::new()).collect();
    let mut shell_of = Vec::with_capacity(orbitals.len());
    for (index, orbital) in orbitals.iter().enumerate() {
        let of_atom = radials.get_mut(orbital.atom).ok_or_else(|| unknown_atom(index, orbital, n_atoms))?;
        shell_of.push(shell_for(of_atom, orbital).ok_or_else(|| lonely(index, orbital))?);
    }
    let shells = radials.iter().map(|of_atom| shells(of_atom)).collect::<Result<Vec<_>>>()?;
    let places = orbitals.iter().zip(shell_of).map(|(orbital, shell)| place(orbital, &shells[orbital.atom][..shell]));
    let places = places.collect();
    Ok((shells, places))
}

/// The shell that the orbital belongs to.
fn shell_for<'a>(of_atom: &mut Vec<Radial<'a>>, orbital: &'a Orbital) -> Option<usize> {
    if i32::from(orbital.m) == -i32::from(orbital.l) {
        of_atom.push(Radial { first: orbital, n_found: 1 });
        return Some(of_atom.len() - 1);
    }
    let shell = of_atom.iter().position(|radial| radial.is_continued_by(orbital))?;
    of_atom[shell].n_found += 1;
    Some(shell)
}

fn place(orbital: &Orbital, shells_before: &[Shell]) -> Place {
    let order = harmonics::aims(orbital.l);
    let m = (i16::from(orbital.l) + i16::from(orbital.m)) as usize;
    let first: usize = shells_before.iter().map(Shell::n_orbitals).sum();
    Place { atom: orbital.atom as u32, place: first + m, sign: order.sign[m] }
}

fn shells(of_atom: &[Radial]) -> Result<Vec<Shell>> {
    let mut zetas = [0_u8; LARGEST_L as usize + 1];
    let shell = |radial: &Radial| {
        let Orbital { atom, n, l, ref kind, .. } = *radial.first;
        let zeta = &mut zetas[usize::from(l)];
        *zeta = zeta.saturating_add(1);
        let shell = Shell { l, zeta: *zeta, n: Some(n) };
        if radial.n_found != shell.n_orbitals() {
            let (found, wanted) = (radial.n_found, shell.n_orbitals());
            let message = format!("{kind} n = {n}, l = {l} of atom {} has {found} of its {wanted} orbitals", atom + 1);
            return Err(Error::inconsistent(message));
        }
        Ok(shell)
    };
    of_atom.iter().map(shell).collect()
}

fn unknown_atom(index: usize, orbital: &Orbital, n_atoms: usize) -> Error {
    Error::inconsistent(format!("orbital {} belongs to atom {} of {n_atoms}", index + 1, orbital.atom + 1))
}

fn lonely(index: usize, Orbital { kind, n, l, m, .. }: &Orbital) -> Error {
    Error::inconsistent(format!(
        "orbital {} ({kind} n = {n}, l = {l}, m = {m}) comes before its m = {}",
        index + 1,
        m - 1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\n  fn.   type   at.   n   l   m\n    1 atomic     1   1   0   0\n    2 hydro      1   2   1  -1\n    \
        3 hydro      1   2   1  -1\n    4 hydro      1   2   1   0\n    5 hydro      1   2   1   0\n    6 hydro      1   2   \
        1   1\n    7 hydro      1   2   1   1\n    8 ionic      2   1   0   0\n";

    #[test]
    fn interleaved_shells_are_taken_apart() {
        let orbitals = parse(TEXT.as_bytes()).unwrap();
        let (shells, places) = arrange(&orbitals, 2).unwrap();
        let shell = |l, zeta, n| Shell { l, zeta, n: Some(n) };
        assert_eq!(shells, [vec![shell(0, 1, 1), shell(1, 1, 2), shell(1, 2, 2)], vec![shell(0, 1, 1)]]);
        let order: Vec<usize> = places.iter().map(|place| place.place).collect();
        assert_eq!(order, [0, 1, 4, 2, 5, 3, 6, 0]);
        let signs: Vec<f64> = places.iter().map(|place| place.sign).collect();
        assert_eq!(signs, [1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0]);
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("1   1\n    7 hydro", "1   2\n    7 hydro", "8: expected an atom from 1, l of at most 9, m of −l to l"),
            ("    5 hydro", "    6 hydro", "7: expected orbital 5, found"),
            ("ionic      2", "ionic      0", "10: expected an atom from 1"),
            ("   2   1   0   0", "   3   1   0   0", "orbital 8 belongs to atom 3 of 2"),
            ("   1   0\n    5", "   1   1\n    5", "orbital 4 (hydro n = 2, l = 1, m = 1) comes before its m = 0"),
            ("    8 ionic      2   1   0   0", "    8 ionic      2   2   1  -1", "of atom 2 has 1 of its 3 orbitals"),
            ("  fn. ", "  no. ", "2: expected the titles"),
            ("   1   0\n    5", "   1 NaN\n    5", "6: expected m, found"),
        ];
        for (from, to, expected) in cases {
            assert!(TEXT.contains(from), "{from}");
            let text = TEXT.replacen(from, to, 1).replace("  2   1   2   1\n", "  2   2   1   2\n");
            let result = parse(text.as_bytes()).and_then(|orbitals| arrange(&orbitals, 2));
            let message = result.unwrap_err().to_string();
            assert!(message.contains(expected), "{message}\ninstead of\n{expected}");
        }
    }
}
