//! Certificates as text, JSON and CSV; eV and names for people are made here.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::scatter::{Panel, Point};
use crate::model::certify::calibration::PowerLaw;
use crate::model::certify::ranking::spearman;
use crate::model::certify::signs::{Deviation, Signs};
use crate::model::certify::{Calibration, Certificate, Expected, consequences, true_band_errors};
use crate::model::evaluate::evaluate;
use crate::parsers::{Calculation, Result, SpinOperator};

/// A figure with its interval, as it stands in JSON.
type Figure = (&'static str, Expected);

/// One run. The names in [`Row::json`] are a contract with users' scripts.
pub struct Row {
    run: String,
    /// Folder above the run's: runs of one set share it.
    set: String,
    n_atoms: usize,
    figures: Vec<Figure>,
    signs: Vec<Sign>,
    calibration: String,
    calibrated: bool,
    cold: f64,
    ghost: bool,
    warnings: Vec<String>,
    truth: Option<Truth>,
}

struct Sign {
    name: &'static str,
    value: f64,
    meaning: &'static str,
}

/// Errors against the converged H.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    hamiltonian_mev: f64,
    bands_occupied_mev: f64,
    bands_to_5ev_mev: Option<f64>,
    ghost_states: usize,
}

impl Truth {
    /// Compares a prediction with the run's converged H.
    pub fn of(run: &Calculation, predicted: &SpinOperator) -> Result<Self> {
        let mev = 1000.0 * run.origin.ev_per_hartree;
        let bands = true_band_errors(run, predicted)?;
        Ok(Truth {
            hamiltonian_mev: evaluate(run, predicted)?.total.mae_aligned * mev,
            bands_occupied_mev: bands.occupied_mae * mev,
            bands_to_5ev_mev: bands.to_5ev_mae.map(|error| error * mev),
            ghost_states: bands.ghost_states,
        })
    }
}

// Places in `Row::figures`.
const HAMILTONIAN: usize = 0;
const OCCUPIED: usize = 1;
const TO_5EV: usize = 2;
const ENERGY: usize = 3;
const ITERATIONS: usize = 4;

impl Row {
    pub fn new(
        path: &Path,
        run: &Calculation,
        certificate: &Certificate,
        warnings: Vec<String>,
        cold: f64,
        truth: Option<Truth>,
    ) -> Self {
        let mev = 1000.0 * run.origin.ev_per_hartree;
        let iterations = consequences::iterations(certificate.relative.value, cold);
        let set = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        Row {
            run: path.display().to_string(),
            set: set.unwrap_or_default(),
            n_atoms: run.structure.n_atoms(),
            figures: vec![
                ("expected_hamiltonian_mev", certificate.hamiltonian.scaled(mev)),
                ("expected_bands_occupied_mev", certificate.occupied.scaled(mev)),
                ("expected_bands_to_5ev_mev", certificate.to_5ev.scaled(mev)),
                ("expected_energy_mev_per_atom", certificate.energy_mev_per_atom),
                ("expected_iterations", iterations),
            ],
            signs: named(certificate, mev),
            calibration: certificate.calibration.source.clone(),
            calibrated: certificate.calibration.n_structures > 0,
            cold,
            ghost: certificate.ghosts.below > 0.0 || certificate.ghosts.amplified,
            warnings,
            truth,
        }
    }

    fn json(&self) -> Value {
        let mut map = Map::new();
        map.insert("schema_version".into(), 1.into());
        map.insert("run".into(), self.run.clone().into());
        map.insert("n_atoms".into(), self.n_atoms.into());
        for (name, figure) in &self.figures {
            map.insert((*name).into(), figure.value.into());
            map.insert(format!("{name}_low"), figure.low.into());
            map.insert(format!("{name}_high"), figure.high.into());
        }
        map.insert("iterations_cold".into(), self.cold.into());
        map.insert("ghost_states_expected".into(), self.ghost.into());
        map.insert("calibrated".into(), self.calibrated.into());
        map.insert("calibration".into(), self.calibration.clone().into());
        let sign = |sign: &Sign| (sign.name.to_owned(), json!({"value": sign.value, "meaning": sign.meaning}));
        map.insert("signs".into(), Value::Object(self.signs.iter().map(sign).collect()));
        map.insert("warnings".into(), self.warnings.clone().into());
        if let Some(truth) = &self.truth {
            map.insert("true".into(), json!(truth));
        }
        Value::Object(map)
    }

    /// A line of the table.
    fn line(&self) -> String {
        let range = |k: usize, digits: usize| {
            let Expected { value, low, high } = self.figures[k].1;
            format!("{value:.digits$} ({low:.digits$}-{high:.digits$})")
        };
        let mut line = format!(
            "{:<34} {:>5} {:>10.2e} {:>24} {:>22} {:>22} {:>26} {:>14} {:>6}",
            tail(&self.run, 34),
            self.n_atoms,
            self.signs[0].value,
            range(HAMILTONIAN, 3),
            range(OCCUPIED, 1),
            range(TO_5EV, 1),
            range(ENERGY, 4),
            range(ITERATIONS, 0),
            if self.ghost { "yes" } else { "no" },
        );
        if let Some(truth) = &self.truth {
            let above = truth.bands_to_5ev_mev.map_or("-".to_owned(), |error| format!("{error:.2}"));
            let (h, occupied, ghosts) = (truth.hamiltonian_mev, truth.bands_occupied_mev, truth.ghost_states);
            let _ = write!(line, " | {h:>8.3} {occupied:>9.2} {above:>9} {ghosts:>6}");
        }
        line + "\n"
    }
}

/// Signs by name, the distance first.
fn named(certificate: &Certificate, mev: f64) -> Vec<Sign> {
    let signs = &certificate.signs;
    let parts = [distances(signs), changes(signs, mev), of_matrices(certificate, mev)];
    parts.into_iter().flatten().filter(|sign| sign.value.is_finite()).collect()
}

fn sign(name: &'static str, value: f64, meaning: &'static str) -> Sign {
    Sign { name, value, meaning }
}

/// How far the structure is from those of training.
fn distances(signs: &Signs) -> Vec<Sign> {
    const DISTANCE: &str = "from training: geometric mean of bond_leverage_mean and atom_leverage_90; ranks the errors";
    const DIFFERENT: &str = "atoms whose surroundings differ; errors of bands fall with its fourth root";
    let Signs { bonds, atoms, .. } = signs;
    vec![
        sign("distance", signs.distance, DISTANCE),
        sign(
            "bond_leverage_mean",
            bonds.mean,
            "squared distance of a bond's features from training's, mean over bonds",
        ),
        sign("bond_leverage_90", bonds.ninth_decile, "nine tenths of the bonds are below"),
        sign("bond_leverage_max", bonds.max, "largest"),
        sign("atom_leverage_mean", atoms.mean, "the same of atoms"),
        sign("atom_leverage_90", atoms.ninth_decile, "nine tenths of the atoms are below"),
        sign("atom_leverage_max", atoms.max, "largest"),
        sign("different_atoms", signs.n_different as f64, DIFFERENT),
        sign("shortest_distance", signs.shortest, "over the shortest of training; below 1: extrapolation"),
    ]
}

/// How large the prediction is, and how uncertain.
fn changes(signs: &Signs, mev: f64) -> Vec<Sign> {
    let of = |d: &Deviation| (d.hamiltonian * mev, d.occupied * mev);
    let (h, occupied) = of(&signs.variance);
    let mut all = vec![
        sign("delta_mev", signs.size * mev, "mean |dH| that was predicted, meV"),
        sign("variance_hamiltonian_mev", h, "spread of H by the variance of the linear stage's weights, meV"),
        sign("variance_bands_occupied_mev", occupied, "first-order change of occupied bands by that variance, meV"),
    ];
    if let Some((h, occupied)) = signs.disagreement.as_ref().map(of) {
        const BANDS: &str = "what that does to occupied bands, first order, meV";
        all.push(sign("stages_differ_hamiltonian_mev", h, "mean |dH| between network and linear stage, meV"));
        all.push(sign("stages_differ_bands_occupied_mev", occupied, BANDS));
    }
    all
}

/// What the predicted H and S themselves show.
fn of_matrices(certificate: &Certificate, mev: f64) -> Vec<Sign> {
    const OVERLAP: &str = "least eigenvalue of S(k) on the mesh; its inverse amplifies errors";
    const GHOST: &str = "that drop beyond what is allowed; positive: ghost state";
    const AMPLIFICATION: &str = "largest |c|^2 (c^+Sc = 1) of a state up to 5 eV above E_F; above 30: ghost state";
    let (signs, ev) = (&certificate.signs, mev / 1000.0);
    vec![
        sign("hermiticity_mev", signs.hermiticity * mev, "largest |H - H^+|, meV"),
        sign("overlap_smallest", signs.smallest_overlap, OVERLAP),
        sign("overlap_condition", signs.condition, "largest over least eigenvalue of S(k)"),
        sign(
            "lowest_state_drop_ev",
            signs.lowest_drop * ev,
            "lowest state below H0's, both from the mean occupied, eV",
        ),
        sign("ghost_ev", certificate.ghosts.below * ev, GHOST),
        sign("amplification", signs.amplification, AMPLIFICATION),
        sign("fermi_level_ev", signs.fermi_level * ev, "of the predicted H, eV"),
    ]
}

/// One object for one run, else a list with the ranking.
pub fn json(rows: &[Row]) -> serde_json::Result<String> {
    let value = match rows {
        [row] => row.json(),
        rows => json!({
            "schema_version": 1,
            "runs": rows.iter().map(Row::json).collect::<Vec<_>>(),
            "spearman": rankings(rows).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        }),
    };
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

/// The table, and for one run its signs.
pub fn text(rows: &[Row]) -> String {
    let mut text = head(rows.iter().any(|row| row.truth.is_some()));
    rows.iter().for_each(|row| text += &row.line());
    let mut sources: Vec<&str> = rows.iter().map(|row| row.calibration.as_str()).collect();
    sources.dedup();
    sources.iter().for_each(|source| text += &format!("calibration: {source}\n"));
    if let [row] = rows {
        for sign in &row.signs {
            text += &format!("  {:<34} {:>12.4e}  {}\n", sign.name, sign.value, sign.meaning);
        }
    }
    for row in rows {
        row.warnings.iter().for_each(|warning| text += &format!("warning: {}: {warning}\n", tail(&row.run, 34)));
    }
    for (name, rho) in rankings(rows) {
        text += &format!("Spearman {name}: {rho:.3}\n");
    }
    text
}

fn head(compared: bool) -> String {
    let mut head = format!(
        "expected, with the interval that holds two thirds: mean |dH error|, bands (meV), energy (meV/atom), SCF iterations\n\
         {:<34} {:>5} {:>10} {:>24} {:>22} {:>22} {:>26} {:>14} {:>6}",
        "run", "atoms", "distance", "H", "occupied", "to 5 eV", "energy", "iterations", "ghosts"
    );
    if compared {
        let _ = write!(head, " | {:>8} {:>9} {:>9} {:>6}", "true H", "occupied", "to 5 eV", "ghosts");
    }
    head + "\n"
}

/// Certified against true, over all runs and over each set; empty where nothing was compared.
fn rankings(rows: &[Row]) -> Vec<(String, f64)> {
    let mut sets: Vec<&str> = rows.iter().map(|row| row.set.as_str()).collect();
    sets.sort_unstable();
    sets.dedup();
    let mut groups = vec![("all".to_owned(), rows.iter().collect::<Vec<_>>())];
    if sets.len() > 1 {
        groups.extend(sets.iter().map(|set| ((*set).to_owned(), rows.iter().filter(|row| row.set == **set).collect())));
    }
    let of_group = |(name, rows): &(String, Vec<&Row>)| {
        let panels = panels_of(rows);
        let rho = |panel: &Panel| {
            let points = || panel.points.iter();
            let [certified, exact]: [Vec<f64>; 2] =
                [points().map(|p| p.certified).collect(), points().map(|p| p.exact).collect()];
            spearman(&certified, &exact).map(|rho| (format!("{name} ({}), {}", rows.len(), panel.name), rho))
        };
        panels.iter().filter_map(rho).collect::<Vec<_>>()
    };
    groups.iter().flat_map(of_group).collect()
}

/// What the figure shows: certified against true, H and occupied bands.
pub fn panels(rows: &[Row]) -> Vec<Panel> {
    panels_of(&rows.iter().collect::<Vec<_>>())
}

fn panels_of(rows: &[&Row]) -> Vec<Panel> {
    let panel = |name: &'static str, figure: usize, exact: fn(&Truth) -> Option<f64>| {
        let point = |row: &&Row| {
            let exact = exact(row.truth.as_ref()?)?;
            Some(Point { set: row.set.clone(), certified: row.figures[figure].1.value, exact })
        };
        Panel { name, points: rows.iter().filter_map(point).collect() }
    };
    vec![
        panel("H", HAMILTONIAN, |truth| Some(truth.hamiltonian_mev)),
        panel("occupied bands", OCCUPIED, |truth| Some(truth.bands_occupied_mev)),
        panel("bands to 5 eV", TO_5EV, |truth| truth.bands_to_5ev_mev),
    ]
}

/// A line per run, for other programs' plots.
pub fn csv(rows: &[Row]) -> String {
    let mut text = "run,atoms,distance,expected_hamiltonian_mev,expected_bands_occupied_mev,expected_bands_to_5ev_mev,\
                    expected_energy_mev_per_atom,expected_iterations,ghost_states_expected,true_hamiltonian_mev,\
                    true_bands_occupied_mev,true_bands_to_5ev_mev,true_ghost_states\n"
        .to_owned();
    for row in rows {
        let _ = write!(text, "{},{},{:.6e}", row.run, row.n_atoms, row.signs[0].value);
        row.figures.iter().for_each(|(_, figure)| text += &format!(",{:.6}", figure.value));
        let _ = write!(text, ",{}", row.ghost);
        if let Some(truth) = &row.truth {
            let above = truth.bands_to_5ev_mev.map_or(String::new(), |error| format!("{error:.6}"));
            let (h, occupied, ghosts) = (truth.hamiltonian_mev, truth.bands_occupied_mev, truth.ghost_states);
            let _ = write!(text, ",{h:.6},{occupied:.6},{above},{ghosts}");
        }
        text.push('\n');
    }
    text
}

/// A calibration in a few lines.
pub fn calibration(calibration: &Calibration) -> String {
    let Calibration { source, distances: [low, high], hamiltonian, occupied, to_5ev, .. } = calibration;
    let mut text = format!("calibrated by {source}, distances {low:.2e} to {high:.2e}\n");
    for (name, law) in [("H", hamiltonian), ("occupied", occupied), ("to 5 eV", to_5ev)] {
        let atoms = if name == "H" { "" } else { " / (different atoms)^1/4" };
        let PowerLaw { prefactor, exponent, spread } = law;
        let prefactor = 1000.0 * prefactor;
        text +=
            &format!("  {name:<9} {prefactor:.4} mHa x distance^{exponent:.2}{atoms}, within a factor {spread:.2}\n");
    }
    text
}

/// The last `n` characters.
fn tail(text: &str, n: usize) -> String {
    let skip = text.chars().count().saturating_sub(n);
    text.chars().skip(skip).collect()
}
