//! [`Scfout`] → bytes.

use std::io::{self, Write};

use super::parse::LINE;
use super::{Place, Scfout, Tail, Version};

/// So many numbers become bytes at a time.
const AT_ONCE: usize = 1 << 13;

impl Scfout {
    /// Writes the file in the byte order and layout that it was read in. Everything is as it was read, but the slots that
    /// OpenMX leaves uninitialised are zero: the first number of each row of cells and positions, and what follows a line
    /// of the input text up to its 256 bytes.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_head(out)?;
        for (_, place) in &self.sets {
            match place {
                Place::File(start) => out.write_all(self.set_bytes(*start))?,
                Place::Memory(values) => self.f64s(out, values)?,
            }
        }
        self.write_tail(out, &self.tail)
    }

    fn write_head(&self, out: &mut dyn Write) -> io::Result<()> {
        let kind = self.spin.number() + 4 * self.version.number();
        let [centre, left, right] = self.regions;
        self.i32s(out, &[self.n_atoms() as i32, kind, centre, left, right, self.atv.len() as i32 - 1])?;
        if self.version == Version::V3_9 {
            self.i32s(out, &[self.order_max as i32])?;
        }
        self.vectors(out, &self.atv)?;
        for &[l, m, n] in &self.atv_ijk {
            self.i32s(out, &[0, l, m, n])?;
        }
        self.counts(out, self.n_orbitals.iter().copied())?;
        self.counts(out, self.natn.iter().map(|atoms| atoms.len() - 1))?;
        self.counts(out, self.natn.iter().flatten().map(|atom| atom + 1))?;
        self.counts(out, self.ncn.iter().flatten().copied())?;
        self.vectors(out, &self.tv)?;
        self.vectors(out, &self.rtv)?;
        self.vectors(out, &self.gxyz)
    }

    fn write_tail(&self, out: &mut dyn Write, tail: &Tail) -> io::Result<()> {
        self.i32s(out, &[tail.solver])?;
        self.f64s(out, &[tail.chem_p, tail.e_temp])?;
        self.f64s(out, tail.dipoles.as_flattened())?;
        self.f64s(out, &[tail.n_electrons, tail.total_spin])?;
        self.i32s(out, &[tail.input_text.len() as i32])?;
        for line in &tail.input_text {
            let mut bytes = [0; LINE];
            let length = line.len().min(LINE - 1);
            bytes[..length].copy_from_slice(&line[..length]);
            out.write_all(&bytes)?;
        }
        Ok(())
    }

    fn vectors(&self, out: &mut dyn Write, vectors: &[[f64; 3]]) -> io::Result<()> {
        vectors.iter().try_for_each(|&[x, y, z]| self.f64s(out, &[0.0, x, y, z]))
    }

    fn counts(&self, out: &mut dyn Write, counts: impl Iterator<Item = usize>) -> io::Result<()> {
        let numbers: Vec<i32> = counts.map(|count| count as i32).collect();
        self.i32s(out, &numbers)
    }

    fn i32s(&self, out: &mut dyn Write, numbers: &[i32]) -> io::Result<()> {
        numbers.iter().try_for_each(|&number| out.write_all(&self.order.i32_bytes(number)))
    }

    fn f64s(&self, out: &mut dyn Write, numbers: &[f64]) -> io::Result<()> {
        for chunk in numbers.chunks(AT_ONCE) {
            let bytes: Vec<u8> = chunk.iter().flat_map(|&number| self.order.f64_bytes(number)).collect();
            out.write_all(&bytes)?;
        }
        Ok(())
    }
}
