//! Model files: a safetensors file with the tensors of both stages, and a JSON text in its metadata that says the rest.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::path::Path;

use faer::Mat;
use safetensors::tensor::{Dtype, SafeTensors, View, serialize};
use serde::{Deserialize, Serialize};

use super::certify::Calibration;
use super::graph::overlaps;
use super::linear::environment::Sums;
use super::linear::layout::{BondLayout, OnsiteLayout, Sector};
use super::linear::potential::{Potential, PotentialConfig};
use super::linear::regression::Regression;
use super::linear::stage::LinearConfig;
use super::linear::{FitReport, LinearStage};
use super::slots::{ModelSpecies, Seat, Slot, Slots};
use super::target::Target;
use super::training::Training;
use crate::parsers::error::Context;
use crate::parsers::output::write_file;
use crate::parsers::{Calculation, Error, Result, SpinOperator};

/// Version of [`Header`].
pub const SCHEMA_VERSION: u32 = 1;
/// Key of the header in the metadata of the file.
const METADATA_KEY: &str = "hzero";

/// What a model file says besides its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Species with their shells and cutoff radii (bohr).
    pub species: Vec<ModelSpecies>,
    /// The shells of the slots: the union over the species.
    pub slots: Vec<Slot>,
    /// What it predicts.
    #[serde(default)]
    pub target: Target,
    /// What it was fitted to.
    pub training: Training,
    /// The linear stage.
    pub linear: Option<LinearHeader>,
    /// The network, as its own code describes it.
    pub network: Option<serde_json::Value>,
    /// How its errors follow from the distance of a structure from training, where that was measured.
    #[serde(default)]
    pub calibration: Option<Calibration>,
}

impl Header {
    /// Models of one code that do not say it of every species are asked as a whole.
    fn with_codes(mut self) -> Self {
        let unknown = self.species.iter_mut().filter(|species| species.code.is_empty());
        unknown.for_each(|species| species.code.clone_from(&self.training.code));
        self
    }
}

/// Configuration and fit of the linear stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearHeader {
    /// From which the layouts of the regressions follow.
    pub config: LinearConfig,
    /// Figures of the fit.
    pub report: FitReport,
}

/// A tensor as it stands in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct RawTensor {
    /// Element type.
    pub dtype: Dtype,
    /// Shape, row-major.
    pub shape: Vec<usize>,
    /// Little-endian elements.
    pub bytes: Vec<u8>,
}

/// Tensors of the network by name, without the prefix `network.` that they have in the file.
pub type NetworkTensors = BTreeMap<String, RawTensor>;

/// A model: linear stage, network, or both.
#[derive(Debug, Clone)]
pub struct Model {
    /// What the file says.
    pub header: Header,
    /// The orbitals.
    pub slots: Slots,
    /// The linear stage.
    pub linear: Option<LinearStage>,
    /// The network's tensors.
    pub network: Option<NetworkTensors>,
}

impl Model {
    /// A model that has a linear stage only.
    pub fn linear(slots: Slots, training: Training, stage: LinearStage, report: FitReport) -> Self {
        let header = Header {
            schema_version: SCHEMA_VERSION,
            species: slots.species().to_vec(),
            slots: slots.shells().to_vec(),
            target: Target::default(),
            training,
            linear: Some(LinearHeader { config: stage.config.clone(), report }),
            network: None,
            calibration: None,
        };
        Model { header, slots, linear: Some(stage), network: None }
    }

    /// Can this model be used on this run?
    ///
    /// # Errors
    /// `Unsupported`, naming the first difference: species, shells, cutoff radii, spin, pairs of species.
    pub fn check_compatible(&self, run: &Calculation) -> Result<()> {
        let seats = self.slots.seats(run)?;
        if matches!(run.hamiltonian0, Some(SpinOperator::Collinear(_)))
            && !self.knows_exchange()
            && !self.slots.is_magnetic()
        {
            let message = "the run has collinear spin (nspin 2), but none of those that the model was fitted to";
            return Err(Error::unsupported(message));
        }
        self.require_known_bonds(run, &seats)
    }

    /// Does a stage see the exchange field? Else both spins of a run would be predicted alike.
    pub fn knows_exchange(&self) -> bool {
        let of_linear = self.linear.as_ref().is_some_and(|stage| stage.config.exchange);
        let inputs = self.header.network.as_ref().and_then(|network| network.pointer("/model/inputs")?.as_array());
        of_linear || inputs.is_some_and(|inputs| inputs.iter().any(|input| input == "exchange"))
    }

    /// The linear stage has regressions only for pairs of species that touched in training.
    fn require_known_bonds(&self, run: &Calculation, seats: &[Seat]) -> Result<()> {
        let (Some(stage), Some(overlap)) = (&self.linear, &run.overlap) else { return Ok(()) };
        let species = |atom: u32| seats[run.basis.species_index(atom as usize)].species;
        let bonds = overlap.blocks().filter(|(pair, block)| !pair.is_onsite() && overlaps(block));
        let unknown = |&[a, b]: &[usize; 2]| stage.config.profile(a, b).is_none();
        match bonds.map(|(pair, _)| [species(pair.i), species(pair.j)]).find(unknown) {
            None => Ok(()),
            Some(pair) => {
                let [a, b] = pair.map(|index| &self.slots.species()[index].label);
                Err(Error::unsupported(format!("orbitals of {a} and {b} overlap, which they never did in training")))
            }
        }
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// `Io`; `Syntax` where it is no model file or tensors have other shapes than the header asks for; `Unsupported` for a
    /// newer schema.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::from(e).in_file(path))?;
        parse(&bytes).in_file(path)
    }

    /// Writes a model file, through a temporary file beside it.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes = self.to_bytes().in_file(path)?;
        write_file(path, |out| out.write_all(&bytes))
    }

    /// Tells this model from others: its header, and all weights of its network.
    pub fn hash_into(&self, hasher: &mut impl Hasher) {
        serde_json::to_string(&self.header).unwrap_or_default().hash(hasher);
        for (name, tensor) in self.network.iter().flatten() {
            (name, &tensor.bytes).hash(hasher);
        }
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let header = serde_json::to_string(&self.header).map_err(std::io::Error::from)?;
        let mut tensors = self.linear.as_ref().map(linear_tensors).unwrap_or_default();
        for (name, tensor) in self.network.iter().flatten() {
            tensors.insert(format!("network.{name}"), tensor.clone());
        }
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), header)]);
        serialize(tensors, Some(metadata)).map_err(|e| Error::from(std::io::Error::other(e)))
    }
}

fn parse(bytes: &[u8]) -> Result<Model> {
    let not_a_model = |found: String| Error::syntax("a model file of hzero (safetensors)", found);
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| not_a_model(e.to_string()))?;
    let text = metadata.metadata().as_ref().and_then(|map| map.get(METADATA_KEY));
    let text = text.ok_or_else(|| not_a_model("a safetensors file without its header".to_owned()))?;
    require_known_schema(text)?;
    let header: Header = serde_json::from_str(text).map_err(|e| not_a_model(format!("a header that says: {e}")))?;
    let header = header.with_codes();
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| not_a_model(e.to_string()))?;
    let slots = Slots::new(header.species.clone()).with_field(header.target.magnetic);
    let linear = header.linear.as_ref().map(|linear| linear_stage(&linear.config, &slots, &tensors)).transpose()?;
    let network = header.network.as_ref().map(|_| network_tensors(&tensors));
    Ok(Model { header, slots, linear, network })
}

fn require_known_schema(header: &str) -> Result<()> {
    #[derive(Deserialize)]
    struct Version {
        schema_version: u32,
    }
    match serde_json::from_str::<Version>(header) {
        Ok(Version { schema_version: SCHEMA_VERSION }) => Ok(()),
        Ok(Version { schema_version }) => Err(Error::unsupported(format!(
            "model files of schema {schema_version}; this hzero reads schema {SCHEMA_VERSION}"
        ))),
        Err(error) => Err(Error::syntax("a header with its schema_version", error.to_string())),
    }
}

fn network_tensors(tensors: &SafeTensors) -> NetworkTensors {
    let raw = |(name, tensor): (&str, safetensors::tensor::TensorView)| {
        let name = name.strip_prefix("network.")?.to_owned();
        let raw = RawTensor { dtype: tensor.dtype(), shape: tensor.shape().to_vec(), bytes: tensor.data().to_vec() };
        Some((name, raw))
    };
    tensors.iter().filter_map(raw).collect()
}

/// Name of the weights of the long-ranged potential.
const POTENTIAL: &str = "linear.potential.weights";

fn bond_name(layout: &BondLayout, sector: &Sector) -> String {
    format!("linear.bond.{}-{}.m{}.{}", layout.species[0], layout.species[1], layout.m, sector.name)
}

fn onsite_name(layout: &OnsiteLayout) -> String {
    format!("linear.onsite.{}.l{}", layout.species, layout.l)
}

fn linear_tensors(stage: &LinearStage) -> BTreeMap<String, RawTensor> {
    let bonds = stage.bonds.iter().flat_map(|(layout, sectors)| {
        layout.sectors.iter().zip(sectors).map(move |(sector, regression)| (bond_name(layout, sector), regression))
    });
    let onsite = stage.onsite.iter().map(|(layout, regression)| (onsite_name(layout), regression));
    let regressions = bonds.chain(onsite).flat_map(|(name, regression)| regression_tensors(&name, regression));
    let potential = stage.potential.iter().map(|potential| {
        let weights = potential.weights.iter().copied();
        (POTENTIAL.to_owned(), f64_tensor(vec![potential.weights.len()], weights))
    });
    regressions.chain(potential).collect()
}

fn regression_tensors(name: &str, regression: &Regression) -> [(String, RawTensor); 3] {
    let (rows, columns) = (regression.weights.nrows(), regression.weights.ncols());
    let weights = (0..rows * columns).map(|k| regression.weights[(k / columns, k % columns)]);
    let directions = regression.sketch.len() / rows.max(1);
    [
        (format!("{name}.weights"), f64_tensor(vec![rows, columns], weights)),
        (format!("{name}.residual"), f64_tensor(vec![columns], regression.residual.iter().copied())),
        (format!("{name}.sketch"), f32_tensor(vec![directions, rows], &regression.sketch)),
    ]
}

fn f64_tensor(shape: Vec<usize>, values: impl Iterator<Item = f64>) -> RawTensor {
    RawTensor { dtype: Dtype::F64, shape, bytes: values.flat_map(f64::to_le_bytes).collect() }
}

fn f32_tensor(shape: Vec<usize>, values: &[f32]) -> RawTensor {
    RawTensor { dtype: Dtype::F32, shape, bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect() }
}

fn linear_stage(config: &LinearConfig, slots: &Slots, tensors: &SafeTensors) -> Result<LinearStage> {
    let n_species = slots.species().len();
    let sums = config.sums(n_species);
    let layouts = config.profiles.iter().flat_map(|profile| BondLayout::all(slots, profile.species, &sums));
    let bonds = layouts.map(|layout| {
        let read = |sector: &Sector| {
            let n_inputs = sector.inputs.len() * config.bond_gaussians;
            regression(tensors, &bond_name(&layout, sector), n_inputs, sector.outputs.len())
        };
        let sectors = layout.sectors.iter().map(read).collect::<Result<_>>()?;
        Ok((layout, sectors))
    });
    let onsite = (0..n_species).flat_map(|species| OnsiteLayout::all(slots, species, &sums));
    let onsite = onsite.map(|layout| {
        let regression = regression(tensors, &onsite_name(&layout), layout.n_inputs(), layout.outputs.len())?;
        Ok((layout, regression))
    });
    Ok(LinearStage {
        config: config.clone(),
        potential: config.potential.map(|shape| potential(shape, slots, &sums, tensors)).transpose()?,
        bonds: bonds.collect::<Result<_>>()?,
        onsite: onsite.collect::<Result<_>>()?,
    })
}

fn potential(config: PotentialConfig, slots: &Slots, sums: &Sums, tensors: &SafeTensors) -> Result<Potential> {
    let ranks = Potential::ranks(config, slots, sums);
    let n_weights: usize = ranks.iter().map(OnsiteLayout::n_inputs).sum();
    Ok(Potential { config, ranks, weights: f64_values(tensors, POTENTIAL, &[n_weights])? })
}

fn regression(tensors: &SafeTensors, name: &str, n_inputs: usize, n_outputs: usize) -> Result<Regression> {
    let weights = f64_values(tensors, &format!("{name}.weights"), &[n_inputs, n_outputs])?;
    let sketch = tensors.tensor(&format!("{name}.sketch")).map(|t| t.shape().first().copied().unwrap_or(0));
    let directions = sketch.map_err(|e| Error::syntax("a model file of hzero", e.to_string()))?;
    let sketch = tensor(tensors, &format!("{name}.sketch"), Dtype::F32, &[directions, n_inputs])?;
    Ok(Regression {
        weights: Mat::from_fn(n_inputs, n_outputs, |i, o| weights[i * n_outputs + o]),
        residual: f64_values(tensors, &format!("{name}.residual"), &[n_outputs])?,
        sketch: sketch.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        lambda: 0.0,
    })
}

fn f64_values(tensors: &SafeTensors, name: &str, shape: &[usize]) -> Result<Vec<f64>> {
    let bytes = tensor(tensors, name, Dtype::F64, shape)?;
    Ok(bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect())
}

fn tensor<'a>(tensors: &SafeTensors<'a>, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&'a [u8]> {
    let wanted = format!("tensor {name} of {dtype:?} {shape:?}");
    let view = tensors.tensor(name).map_err(|e| Error::syntax(wanted.clone(), e.to_string()))?;
    if view.dtype() != dtype || view.shape() != shape {
        return Err(Error::syntax(wanted, format!("{:?} {:?}", view.dtype(), view.shape())));
    }
    Ok(view.data())
}

impl View for RawTensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests;
