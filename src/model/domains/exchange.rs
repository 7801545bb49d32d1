//! Files by which the processes of one prediction talk: safetensors with a head in JSON.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use nalgebra::{Matrix3, Vector3};
use safetensors::tensor::{Dtype, SafeTensors, serialize};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::cut::Cut;
use crate::model::certify::signs::Leverages;
use crate::model::file::RawTensor;
use crate::parsers::error::Context;
use crate::parsers::output::write_file;
use crate::parsers::{
    Basis, Calculation, Error, Operator, Origin, Pair, Pairs, Result, Species, SpinOperator, Structure, c64,
};

/// Key of the head in the metadata of a file.
const HEAD: &str = "hzero-domain";
/// A model knows runs by the name of their code.
const CODES: [&str; 3] = ["ABACUS", "SIESTA", "OpenMX"];

/// What the process of a domain says.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Of each predicted operator the rows of the domain's own atoms: block after block, as the whole run has them.
    pub rows: Vec<Vec<f64>>,
    /// How unlike training these atoms and their bonds are.
    pub leverages: Leverages,
    /// About the process.
    pub facts: Facts,
}

/// What a process needed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The domain's own atoms.
    pub n_own: usize,
    /// All of its atoms.
    pub n_atoms: usize,
    /// From reading the domain to the end of its prediction.
    pub seconds: f64,
    /// Largest resident memory of the process, bytes, where the system tells.
    pub peak_memory: Option<u64>,
    /// Where the network ran.
    pub device: String,
    /// Of the model and of what it was given, so that no other run's rows are taken for this one's.
    pub fingerprint: u64,
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Facts { n_own, n_atoms, seconds, peak_memory, device, .. } = self;
        write!(f, "{n_own} atoms and a halo of {}, {seconds:.1} s on {device}", n_atoms - n_own)?;
        peak_memory.map_or(Ok(()), |bytes| write!(f, ", {:.0} MB", bytes as f64 / 1e6))
    }
}

#[derive(Serialize, Deserialize)]
struct CutHead {
    species: Vec<Species>,
    species_of: Vec<usize>,
    code: String,
    /// Components of H⁽⁰⁾; 0: there is none.
    nspin: usize,
    n_potentials: usize,
}

#[derive(Serialize, Deserialize)]
struct AnswerHead {
    facts: Facts,
    n_operators: usize,
}

impl Cut {
    /// Writes the domain.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, path: &Path) -> Result<()> {
        let Calculation { structure, basis, overlap, hamiltonian0, origin, .. } = &self.run;
        let mut tensors = Tensors::default();
        let positions = structure.positions.iter().flat_map(|r| [r.x, r.y, r.z]);
        // nalgebra counts down the columns.
        tensors.numbers("lattice", structure.lattice.transpose().iter().copied());
        tensors.numbers("positions", positions);
        tensors.integers("atoms", self.atoms.iter().map(|&atom| atom as i64));
        tensors.integers("own", self.own.iter().map(|&own| i64::from(own)));
        if let Some(overlap) = overlap {
            tensors.pairs("overlap", overlap.pairs());
            tensors.numbers("overlap", overlap.values().iter().copied());
        }
        if let Some(h0) = hamiltonian0 {
            tensors.spin("h0", h0);
        }
        for (k, potential) in self.potentials.iter().enumerate() {
            tensors.numbers(&format!("potential.{k}"), potential.iter().copied());
        }
        let head = CutHead {
            species: basis.species().to_vec(),
            species_of: structure.species.clone(),
            code: origin.code.to_owned(),
            nspin: hamiltonian0.as_ref().map_or(0, SpinOperator::nspin),
            n_potentials: self.potentials.len(),
        };
        tensors.write(path, &head)
    }

    /// Reads a domain.
    ///
    /// # Errors
    /// `Io`, `Syntax`, `Inconsistent`, with the file's name.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::from(e).in_file(path))?;
        Document::parse(&bytes).and_then(|document| parse_cut(&document)).in_file(path)
    }
}

fn parse_cut(document: &Document) -> Result<Cut> {
    let head: CutHead = document.head()?;
    let lattice = Matrix3::from_row_slice(&document.numbers("lattice", Some(9))?);
    let n_atoms = head.species_of.len();
    let positions = document.numbers("positions", Some(3 * n_atoms))?;
    let positions = positions.chunks_exact(3).map(Vector3::from_column_slice).collect();
    let basis = Basis::new(head.species, &head.species_of)?;
    let code = CODES.into_iter().find(|code| *code == head.code);
    let origin = Origin { code: code.unwrap_or(Origin::default().code), ..Origin::default() };
    let overlap = Operator::new(document.pairs("overlap", &basis)?, document.numbers("overlap", None)?)?;
    let structure = Structure { lattice, positions, species: head.species_of };
    let run = Calculation {
        overlap: Some(overlap),
        hamiltonian0: document.spin("h0", head.nspin, &basis)?,
        ..Calculation::new(structure, basis, origin)
    };
    let integers = |name| document.integers(name, Some(n_atoms));
    let atoms = integers("atoms")?.into_iter().map(|atom| atom as usize).collect();
    let potential = |k: usize| document.numbers(&format!("potential.{k}"), Some(n_atoms));
    Ok(Cut {
        potentials: (0..head.n_potentials).map(potential).collect::<Result<_>>()?,
        own: integers("own")?.into_iter().map(|own| own != 0).collect(),
        run,
        atoms,
    })
}

impl Answer {
    /// Writes the answer.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut tensors = Tensors::default();
        for (k, rows) in self.rows.iter().enumerate() {
            tensors.numbers(&format!("rows.{k}"), rows.iter().copied());
        }
        let Leverages { bonds, atoms, errors } = &self.leverages;
        for (name, values) in [("bonds", bonds), ("atoms", atoms), ("errors", errors)] {
            tensors.numbers(name, values.iter().copied());
        }
        tensors.write(path, &AnswerHead { facts: self.facts.clone(), n_operators: self.rows.len() })
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// As [`Cut::read`].
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::from(e).in_file(path))?;
        Document::parse(&bytes).and_then(|document| parse_answer(&document)).in_file(path)
    }
}

fn parse_answer(document: &Document) -> Result<Answer> {
    let head: AnswerHead = document.head()?;
    let numbers = |name: &str| document.numbers(name, None);
    Ok(Answer {
        rows: (0..head.n_operators).map(|k| numbers(&format!("rows.{k}"))).collect::<Result<_>>()?,
        leverages: Leverages { bonds: numbers("bonds")?, atoms: numbers("atoms")?, errors: numbers("errors")? },
        facts: head.facts,
    })
}

/// Arrays by name, to be written.
#[derive(Default)]
struct Tensors(BTreeMap<String, RawTensor>);

impl Tensors {
    fn insert(&mut self, name: String, dtype: Dtype, bytes: Vec<u8>) {
        self.0.insert(name, RawTensor { dtype, shape: vec![bytes.len() / 8], bytes });
    }

    fn numbers(&mut self, name: &str, values: impl Iterator<Item = f64>) {
        self.insert(name.to_owned(), Dtype::F64, values.flat_map(f64::to_le_bytes).collect());
    }

    fn integers(&mut self, name: &str, values: impl Iterator<Item = i64>) {
        self.insert(name.to_owned(), Dtype::I64, values.flat_map(i64::to_le_bytes).collect());
    }

    fn pairs(&mut self, name: &str, pairs: &Pairs) {
        let numbers = |pair: &Pair| {
            let [x, y, z] = pair.r.map(i64::from);
            [pair.i.into(), pair.j.into(), x, y, z]
        };
        self.integers(&format!("{name}.pairs"), pairs.as_slice().iter().flat_map(numbers));
    }

    fn spin(&mut self, name: &str, operator: &SpinOperator) {
        self.pairs(name, operator.pairs());
        let mut real = |k: usize, o: &Operator<f64>| self.numbers(&format!("{name}.{k}"), o.values().iter().copied());
        match operator {
            SpinOperator::Unpolarized(o) => real(0, o),
            SpinOperator::Collinear(both) => both.iter().enumerate().for_each(|(k, o)| real(k, o)),
            SpinOperator::Spinor(all) => all.iter().enumerate().for_each(|(k, o)| {
                self.numbers(&format!("{name}.{k}"), o.values().iter().flat_map(|value| [value.re, value.im]));
            }),
        }
    }

    fn write(self, path: &Path, head: &impl Serialize) -> Result<()> {
        let head = serde_json::to_string(head).map_err(std::io::Error::from)?;
        let metadata = HashMap::from([(HEAD.to_owned(), head)]);
        let bytes = serialize(self.0, Some(metadata)).map_err(|e| Error::from(std::io::Error::other(e)))?;
        write_file(path, |out| out.write_all(&bytes))
    }
}

/// A file that was read.
struct Document<'a> {
    tensors: SafeTensors<'a>,
    head: String,
}

impl<'a> Document<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self> {
        let foreign = |found: String| Error::syntax("a domain's file of hzero (safetensors)", found);
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| foreign(e.to_string()))?;
        let head = metadata.metadata().as_ref().and_then(|map| map.get(HEAD)).cloned();
        let head = head.ok_or_else(|| foreign("a safetensors file without its head".to_owned()))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| foreign(e.to_string()))?;
        Ok(Document { tensors, head })
    }

    fn head<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.head).map_err(|e| Error::syntax("the head of a domain's file", e.to_string()))
    }

    /// Elements of eight bytes: as many as wanted, where that is known.
    fn elements(&self, name: &str, dtype: Dtype, wanted: Option<usize>) -> Result<&[[u8; 8]]> {
        let expected = || format!("array {name} of {dtype:?}");
        let view = self.tensors.tensor(name).map_err(|e| Error::syntax(expected(), e.to_string()))?;
        let found = view.data().as_chunks().0;
        if view.dtype() != dtype || wanted.is_some_and(|n| n != found.len()) {
            let wanted = wanted.map_or_else(String::new, |n| format!(" with {n} elements"));
            return Err(Error::syntax(expected() + &wanted, format!("{:?} with {}", view.dtype(), found.len())));
        }
        Ok(found)
    }

    fn numbers(&self, name: &str, n: Option<usize>) -> Result<Vec<f64>> {
        Ok(self.elements(name, Dtype::F64, n)?.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
    }

    fn integers(&self, name: &str, n: Option<usize>) -> Result<Vec<i64>> {
        Ok(self.elements(name, Dtype::I64, n)?.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
    }

    fn pairs(&self, name: &str, basis: &Basis) -> Result<Arc<Pairs>> {
        let numbers = self.integers(&format!("{name}.pairs"), None)?;
        let pair = |n: &[i64; 5]| Pair { i: n[0] as u32, j: n[1] as u32, r: [n[2], n[3], n[4]].map(|x| x as i32) };
        Pairs::new(numbers.as_chunks().0.iter().map(pair).collect(), basis).map(Arc::new)
    }

    fn spin(&self, name: &str, nspin: usize, basis: &Basis) -> Result<Option<SpinOperator>> {
        if nspin == 0 {
            return Ok(None);
        }
        let pairs = self.pairs(name, basis)?;
        let real = |k: usize| Operator::new(pairs.clone(), self.numbers(&format!("{name}.{k}"), None)?);
        let complex = |k: usize| {
            let parts = self.numbers(&format!("{name}.{k}"), None)?;
            Operator::new(pairs.clone(), parts.as_chunks().0.iter().map(|&[re, im]| c64::new(re, im)).collect())
        };
        Ok(Some(match nspin {
            1 => SpinOperator::Unpolarized(real(0)?),
            2 => SpinOperator::Collinear([real(0)?, real(1)?]),
            _ => SpinOperator::Spinor([complex(0)?, complex(1)?, complex(2)?, complex(3)?]),
        }))
    }
}
