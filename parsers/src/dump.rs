//! A run as stable text, for golden files and for eyes: sizes, sums and a few elements, 17 digits.

use std::fmt::Write;

use crate::calculation::Calculation;
use crate::operator::{Operator, Pair, SpinOperator, c64};

/// So many blocks show their first and last element.
const BLOCKS_SHOWN: usize = 4;

/// One line per fact; the same run gives the same text on every machine. Lengths in bohr, energies in hartree.
pub fn dump(run: &Calculation) -> String {
    let mut text = Text(String::new());
    text.structure(run);
    text.line("fermi level", run.fermi_level.map_or("unknown".into(), number));
    text.line("electrons", run.n_electrons.map_or("unknown".into(), number));
    text.line("smearing", format!("{:?}", run.smearing));
    text.line("k grid", format!("{:?}", run.k_grid));
    text.line("k path", run.k_path.as_ref().map_or("unknown".into(), |path| format!("{} corners", path.len())));
    for spectrum in &run.printed {
        let energies = spectrum.energies.iter().flatten().flatten();
        let (k, states) = (spectrum.kpoints.len(), energies.clone().count());
        let sum = number(energies.sum());
        text.line("printed", format!("{:?} {} k points, {states} states, sum {sum}", spectrum.of, k));
    }
    if let Some(s) = &run.overlap {
        text.real("overlap", s);
    }
    let named = [("hamiltonian0", &run.hamiltonian0), ("hamiltonian", &run.hamiltonian), ("dm", &run.density_matrix)];
    for (name, operator) in named {
        if let Some(operator) = operator {
            text.operator(name, operator);
        }
    }
    text.0
}

fn number(x: f64) -> String {
    format!("{x:.16e}")
}

struct Text(String);

impl Text {
    fn line(&mut self, name: &str, value: impl std::fmt::Display) {
        // writing into a string cannot fail
        let _ = writeln!(self.0, "{name}: {value}");
    }

    fn structure(&mut self, run: &Calculation) {
        self.line("code", run.origin.code);
        self.line("version", run.origin.version.as_deref().unwrap_or("unknown"));
        for row in run.structure.lattice.row_iter() {
            self.line("lattice", row.iter().map(|&x| number(x)).collect::<Vec<_>>().join(" "));
        }
        for (atom, position) in run.structure.positions.iter().enumerate() {
            let kind = run.basis.species_of(atom);
            let [x, y, z] = [position.x, position.y, position.z].map(number);
            self.line("atom", format!("{} {} {x} {y} {z}", kind.label, kind.shells_text()));
        }
        self.line("orbitals", run.basis.n_orbitals());
    }

    fn operator(&mut self, name: &str, operator: &SpinOperator) {
        match operator {
            SpinOperator::Unpolarized(o) => self.real(name, o),
            SpinOperator::Collinear([up, down]) => {
                self.real(&format!("{name} up"), up);
                self.real(&format!("{name} down"), down);
            }
            SpinOperator::Spinor(spin) => {
                for (component, o) in ["uu", "ud", "du", "dd"].iter().zip(spin) {
                    self.complex(&format!("{name} {component}"), o);
                }
            }
        }
    }

    fn real(&mut self, name: &str, operator: &Operator<f64>) {
        self.blocks(name, operator, |x| number(*x), |x| x * x);
        self.line(&format!("{name} sum"), number(operator.values().iter().sum()));
    }

    fn complex(&mut self, name: &str, operator: &Operator<c64>) {
        let text = |x: &c64| format!("({},{})", number(x.re), number(x.im));
        self.blocks(name, operator, text, |x| x.norm_sqr());
        self.line(&format!("{name} sum"), text(&operator.values().iter().sum()));
    }

    fn blocks<T>(&mut self, name: &str, o: &Operator<T>, text: impl Fn(&T) -> String, square: impl Fn(&T) -> f64) {
        self.line(name, format!("{} blocks, {} elements", o.pairs().len(), o.values().len()));
        self.line(&format!("{name} norm"), number(o.values().iter().map(square).sum::<f64>().sqrt()));
        let step = (o.pairs().len() / BLOCKS_SHOWN).max(1);
        for (Pair { i, j, r }, block) in o.blocks().step_by(step) {
            if let [first, .., last] = block {
                self.line(&format!("{name} ({i}, {j}, {r:?})"), format!("{} … {}", text(first), text(last)));
            }
        }
    }
}
