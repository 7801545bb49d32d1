//! The ways on, with the lines of INPUT and what to beware of.

use std::path::Path;

use crate::abacus::csr::{Quantity, Version};
use crate::abacus::edit::Setting;
use crate::abacus::wfc;
use crate::restart::Route;

/// KPT of the routes that need another one than the run's.
pub const K_LIST: &str = "KPT.wfc";
pub const K_PATH: &str = "KPT.bands";

/// What ABACUS starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// H(R): nspin 1 and 4 of 3.9.0.25 and later.
    Hamiltonian,
    /// DM(R): nspin 2, too.
    DensityMatrix,
    /// Coefficients at each k: all that versions up to 3.8 can start from.
    WaveFunctions,
}

/// What the routes depend on.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub start: Start,
    pub nspin: usize,
    /// Number of files of wave functions.
    pub n_wave_functions: usize,
    /// A crystal whose KPT is one point.
    pub is_single_point: bool,
    /// Is `gamma_only` on in the user's own INPUT?
    pub is_gamma_only: bool,
    /// Does INPUT name a folder that is not found from where it lies?
    pub has_lost_folder: bool,
    /// Is a path of bands known?
    pub has_path: bool,
}

/// A route before the folder is known.
#[derive(Debug, Clone)]
pub struct Plan {
    pub name: &'static str,
    purpose: &'static str,
    /// What it starts from.
    pub start: Start,
    settings: Vec<Setting<'static>>,
    /// KPT, where it is not the run's.
    pub kpt: Option<&'static str>,
    cautions: Vec<&'static str>,
    files: Vec<String>,
}

/// All routes, the recommended one first.
pub fn plans(facts: &Facts) -> Vec<Plan> {
    let start = facts.start;
    let mut plans = vec![self_consistent(start, facts)];
    if start == Start::Hamiltonian {
        plans.push(self_consistent(Start::DensityMatrix, facts));
    }
    plans.push(energy(facts));
    if start != Start::WaveFunctions {
        plans.push(bands(facts));
    }
    for plan in &mut plans {
        let cautions = general_cautions(facts, plan.kpt);
        plan.cautions.extend(cautions);
    }
    plans
}

fn general_cautions(facts: &Facts, kpt: Option<&str>) -> Vec<&'static str> {
    let is_path = kpt == Some(K_PATH);
    let cautions = [
        (
            facts.is_single_point,
            "the mesh of the run is a single point: if KPT was of the step-zero run only, write again with your own (--kpt KPT)",
        ),
        (facts.is_gamma_only, "instead of gamma_only 1: KPT `Gamma` with 1 1 1, the same states in complex numbers"),
        (facts.has_lost_folder, "pseudo_dir or orbital_dir in INPUT is relative and leads nowhere: set it"),
        (is_path && !facts.has_path, "no path is known: write KPT.bands yourself"),
    ];
    cautions.into_iter().filter_map(|(applies, caution)| applies.then_some(caution)).collect()
}

impl Start {
    fn plan(self, facts: &Facts, name: &'static str, purpose: &'static str) -> Plan {
        let common =
            [("calculation", "scf", "from the files of hzero"), ("gamma_only", "0", "the files are for k points")];
        let settings = common.into_iter().chain(self.settings().iter().copied()).collect();
        let kpt = (self == Start::WaveFunctions).then_some(K_LIST);
        Plan { name, purpose, start: self, settings, kpt, cautions: Vec::new(), files: self.files(facts) }
    }

    fn settings(self) -> &'static [Setting<'static>] {
        match self {
            Start::Hamiltonian => &[("init_chg", "hr", "start from H(R)"), SYMMETRY],
            Start::DensityMatrix => &[("init_chg", "dm", "start from DM(R)"), SYMMETRY],
            Start::WaveFunctions => &[
                ("init_chg", "atomic", "replaced before the first iteration"),
                ("init_wfc", "file", "start from wave functions"),
                ("symmetry", "-1", "one file for each k point of KPT.wfc, as they stand there"),
            ],
        }
    }

    fn files(self, facts: &Facts) -> Vec<String> {
        let csr = |quantity: Quantity| {
            let spins = if facts.nspin == 2 { 0..2 } else { 0..1 };
            spins.map(|spin| quantity.file_name(Version::New, spin)).collect()
        };
        match self {
            Start::Hamiltonian => csr(Quantity::Hamiltonian),
            Start::DensityMatrix => csr(Quantity::DensityMatrix),
            Start::WaveFunctions => {
                let files = (1..=facts.n_wave_functions).map(wfc::file_name);
                files.chain([K_LIST.to_owned()]).collect()
            }
        }
    }
}

/// With symmetry 1 the density of the first step is not symmetrised: a perfect H then needs more iterations than none.
const SYMMETRY: Setting<'static> = ("symmetry", "0", "the first density is not symmetrised");

fn self_consistent(start: Start, facts: &Facts) -> Plan {
    match start {
        Start::Hamiltonian => {
            let mut plan = start.plan(facts, "hr", "SCF from the Hamiltonian");
            plan.cautions
                .push("H is diagonalised once before the first iteration: n iterations are n + 1 diagonalisations");
            plan
        }
        Start::DensityMatrix => {
            let mut plan = start.plan(facts, "dm", "SCF from the density matrix of the Hamiltonian");
            if facts.nspin == 2 {
                plan.cautions
                    .push("not `init_chg hr`: with nspin 2, 3.11 reads H as zero and converges to a wrong state");
            }
            plan
        }
        Start::WaveFunctions => {
            let mut plan = start.plan(facts, "wfc", "SCF from the eigenstates of the Hamiltonian, ABACUS up to 3.8");
            plan.cautions
                .push("the files belong to the k points of KPT.wfc, in its order, which ABACUS does not check");
            plan
        }
    }
}

fn energy(facts: &Facts) -> Plan {
    let purpose = "one-shot energy: E_KohnSham of the only iteration, in running_scf.log";
    let mut plan = facts.start.plan(facts, "energy", purpose);
    plan.settings.push(("scf_nmax", "1", "one iteration"));
    plan.cautions.extend([
        "E_KohnSham, not E_Harris; the log says that convergence was not achieved, as it must",
        "forces and stress of such a run are not those of a converged one",
    ]);
    plan
}

fn bands(facts: &Facts) -> Plan {
    let mut plan = facts.start.plan(facts, "bands", "bands of the Hamiltonian along KPT.bands, without SCF");
    plan.settings[0].1 = "nscf";
    plan.settings.push(("out_band", "1", "write the bands"));
    if facts.start == Start::Hamiltonian {
        plan.settings.push((
            "vl_in_h",
            "0",
            "keep the H that was read: else it is rebuilt from the density of the path",
        ));
    }
    plan.cautions
        .push("the Fermi level that ABACUS prints there is that of the path; the one of the crystal is in info.json");
    plan.kpt = Some(K_PATH);
    plan.files.extend(facts.has_path.then(|| K_PATH.to_owned()));
    plan
}

impl Plan {
    /// Keys for a run whose files lie in `dir`.
    pub fn settings<'a>(&'a self, dir: &'a str, kpt: &'a str) -> Vec<Setting<'a>> {
        let mut settings = self.settings.clone();
        settings.push(("read_file_dir", dir, "where the files are"));
        if self.kpt.is_some() {
            settings.push(("kpoint_file", kpt, "the k points of this route"));
        }
        settings
    }

    /// The route for a user who finds the files in `shown`.
    pub fn route(&self, shown: &Path) -> Route {
        let folder = std::path::absolute(shown).unwrap_or_else(|_| shown.to_owned());
        let kpt = folder.join(self.kpt.unwrap_or_default()).display().to_string();
        let folder = folder.display().to_string();
        let settings = self.settings(&folder, &kpt);
        Route {
            name: self.name,
            purpose: self.purpose.to_owned(),
            files: self.files.clone(),
            input_lines: settings.iter().map(|(key, value, _)| format!("{key:<18} {value}")).collect(),
            cautions: self.cautions.iter().map(|&caution| caution.to_owned()).collect(),
        }
    }
}
