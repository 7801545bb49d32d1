//! Symbols of the elements.

/// Symbols in the order of the atomic numbers, hydrogen first.
pub const SYMBOLS: [&str; 118] = [
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar", "K", "Ca",
    "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr", "Rb", "Sr", "Y",
    "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe", "Cs", "Ba", "La", "Ce",
    "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W", "Re", "Os", "Ir",
    "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm",
    "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc",
    "Lv", "Ts", "Og",
];

/// Symbol of the element with this atomic number.
pub fn symbol(z: u8) -> Option<&'static str> {
    SYMBOLS.get(usize::from(z).checked_sub(1)?).copied()
}

/// Atomic number of a label: the symbol at its start, with whatever follows (`Fe1`, `Cu_up`). `None` for ghost atoms
/// (`C_empty`, orbitals without a nucleus) and labels that name no element.
pub fn atomic_number(label: &str) -> Option<u8> {
    if label.to_ascii_lowercase().contains("empty") {
        return None;
    }
    let letters: String = label.chars().take_while(char::is_ascii_alphabetic).collect();
    let number = |symbol: &str| SYMBOLS.iter().position(|s| *s == symbol).map(|i| i as u8 + 1);
    number(&letters).or_else(|| number(letters.get(..2)?)).or_else(|| number(letters.get(..1)?))
}

#[cfg(test)]
mod tests {
    use super::atomic_number;

    #[test]
    fn labels_with_suffix() {
        let cases =
            [("C", Some(6)), ("Fe1", Some(26)), ("Cu_up", Some(29)), ("Og", Some(118)), ("C_empty", None), ("X", None)];
        for (label, z) in cases {
            assert_eq!(atomic_number(label), z, "{label}");
        }
    }
}
