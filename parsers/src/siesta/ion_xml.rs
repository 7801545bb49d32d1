//! `.ion.xml`: the orbitals of one species (`Src/basis_io.F`). Only the heads of its elements are read, not the functions.

use crate::basis::Shell;
use crate::error::{Error, Result};
use crate::input::Text;

/// One species.
#[derive(Debug, Clone, PartialEq)]
pub struct IonXml {
    /// Label.
    pub label: String,
    /// Atomic number as the input states it.
    pub z: i32,
    /// Valence charge.
    pub valence: f64,
    /// Shells in the order of the file, which is that of the matrices.
    pub shells: Vec<Shell>,
    /// Largest cutoff radius of the orbitals, bohr.
    pub cutoff: f64,
}

impl IonXml {
    /// Reads the file.
    ///
    /// # Errors
    /// `Syntax` with line and column where an element or attribute is missing or is no number.
    pub fn parse(file: &[u8]) -> Result<IonXml> {
        let label = String::from_utf8_lossy(content(file, 0, "<label>")?.token()).into_owned();
        let z = content(file, 0, "<z>")?.integer()?;
        let valence = content(file, 0, "<valence>")?.f64()?;
        let (mut shells, mut cutoff) = (Vec::new(), 0.0_f64);
        let mut from = 0;
        while let Ok(orbital) = content(file, from, "<orbital") {
            from = orbital.offset();
            shells.push(Shell {
                n: Some(attribute(file, from, "n")?),
                l: attribute(file, from, "l")?,
                zeta: attribute(file, from, "z")?,
            });
            cutoff = cutoff.max(content(file, from, "<cutoff>")?.f64()?);
        }
        if shells.is_empty() {
            return Err(Error::syntax("an element <orbital", "a file without it"));
        }
        Ok(IonXml { label, z, valence, shells, cutoff })
    }
}

/// What follows `opening`, from byte `from` on.
fn content<'a>(file: &'a [u8], from: usize, opening: &str) -> Result<Text<'a>> {
    let missing = || Error::syntax(format!("an element {opening}"), "a file without it");
    after(file, from, opening).ok_or_else(missing)
}

fn after<'a>(file: &'a [u8], from: usize, opening: &str) -> Option<Text<'a>> {
    let found = memchr::memmem::find(&file[from..], opening.as_bytes())?;
    let mut text = Text::new(file);
    text.seek(from + found + opening.len());
    Some(text)
}

/// The number in `name="  3"` of the element whose inside starts at `from`.
fn attribute(file: &[u8], from: usize, name: &str) -> Result<u8> {
    let end = memchr::memchr(b'>', &file[from..]).map_or(file.len(), |end| from + end);
    let opening = format!(" {name}=\"");
    let missing = || Text::new(file).section(from..end).expected(&format!("an attribute {name} of <orbital"));
    let mut number = after(&file[..end], from, &opening).ok_or_else(missing)?;
    number.skip_space();
    let start = number.offset();
    let length = memchr::memchr(b'"', number.rest()).unwrap_or(0);
    let number = number.section(start..start + length);
    let value = number.clone().integer()?;
    u8::try_from(value).map_err(|_| number.expected("a quantum number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "<symbol> H </symbol>\n<label> H_up </label>\n<z>  1 </z>\n<valence> 1.0 </valence>\n<paos>\n\
        <orbital\n l=\"  0\"\n n=\"  1\"\n z=\"  2\"\n ispol=\"  0\"\n population=\" 1.0\"\n >\n<cutoff> 5.5 </cutoff>\n\
        <orbital l=\"1\" n=\"2\" z=\"1\" ispol=\"1\" population=\"0.0\">\n<cutoff> 6.0 </cutoff>\n</paos>\n<cutoff> 9.0 </cutoff>\n";

    #[test]
    fn shells_and_cutoff_of_the_orbitals() {
        let ion = IonXml::parse(TEXT.as_bytes()).unwrap();
        let shells = vec![Shell { l: 0, zeta: 2, n: Some(1) }, Shell { l: 1, zeta: 1, n: Some(2) }];
        assert_eq!(ion, IonXml { label: "H_up".into(), z: 1, valence: 1.0, shells, cutoff: 6.0 });
    }

    #[test]
    fn mistakes_are_located() {
        let error = |from: &str, to: &str| IonXml::parse(TEXT.replace(from, to).as_bytes()).unwrap_err().to_string();
        assert_eq!(error("<valence> 1.0", "<valence> x"), "4:11: expected a number, found `x`");
        assert_eq!(error("n=\"  1\"", "n=\"-1\""), "8:5: expected a quantum number, found `-1`");
        assert_eq!(error("<label>", "<name>"), "expected an element <label>, found a file without it");
    }
}
