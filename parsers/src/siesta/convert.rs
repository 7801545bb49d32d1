//! The matrices of a run as one of SIESTA's files.

use std::path::Path;

use super::matrix::{Places, components_of_density_matrix};
use super::{Dm, HIn, Hsx, Layout, Nc, foreign, predicted};
use crate::calculation::{Calculation, NativeLayout, Of};
use crate::error::Result;
use crate::format::Format;
use crate::operator::SpinOperator;
use crate::output::write_file;
use crate::predicted::{Prediction, not_representable};

/// SIESTA's own name for a file of this format.
pub fn file_name(run: &Calculation, format: Format) -> String {
    let label = own_layout(run).map_or("hamiltonian", |layout| layout.label.as_str());
    match format {
        Format::SiestaTshs => format!("{label}.TSHS"),
        Format::SiestaDm => format!("{label}.DM"),
        Format::SiestaHin => predicted::H_IN.to_owned(),
        Format::SiestaNc => format!("{label}.nc"),
        _ => format!("{label}.HSX"),
    }
}

/// Writes `h`, S and what else the format holds, for a run of SIESTA in its own pattern and order (HSX keeps its version). Of
/// runs of other codes HSX and TSHS are possible, which other programs read ([`foreign`]).
///
/// # Errors
/// `Io`; `NotRepresentable` where the run lacks what the format needs.
pub fn write(path: &Path, format: Format, run: &Calculation, h: Option<(Of, &SpinOperator)>) -> Result<()> {
    match (own_layout(run), h) {
        (Some(layout), Some((of, h))) => {
            // The layout is that of H0 where there is one, and has its own Fermi level.
            let fermi_level = if of == Of::Scf { run.fermi_level } else { None };
            let prediction = Prediction { fermi_level, ..Prediction::new(run, h) };
            write_h(path, format, predicted::hsx(&prediction, layout)?, &prediction, layout)
        }
        (Some(layout), None) => {
            let dm = density_matrix(run, layout)?.ok_or_else(|| not_representable("SIESTA DM", "the run has no DM"))?;
            write_file(path, |out| dm.write(out))
        }
        (None, Some((of, h))) if matches!(format, Format::SiestaHsx | Format::SiestaTshs) => {
            let hsx = foreign::hsx(run, h)?;
            let layout = Layout::new("hamiltonian", &hsx, hsx.supercell(&run.structure)?);
            let fermi_level = if of == Of::Scf { run.fermi_level } else { None };
            let prediction = Prediction { fermi_level, ..Prediction::new(run, h) };
            write_h(path, format, hsx, &prediction, &layout)
        }
        (None, _) => {
            let what = "it is for SIESTA alone, and the run is of another code; siesta-hsx and siesta-tshs are for other programs too";
            Err(not_representable(&format.to_string(), what))
        }
    }
}

fn own_layout(run: &Calculation) -> Option<&Layout> {
    match &run.native {
        Some(NativeLayout::Siesta(layout)) => Some(layout),
        _ => None,
    }
}

fn write_h(path: &Path, format: Format, hsx: Hsx, prediction: &Prediction, layout: &Layout) -> Result<()> {
    match format {
        Format::SiestaTshs => {
            let tshs = predicted::tshs(hsx, prediction, layout);
            write_file(path, |out| tshs.write(out))
        }
        Format::SiestaHin => {
            let h_in = HIn { sparsity: hsx.sparsity, hamiltonian: hsx.hamiltonian };
            write_file(path, |out| h_in.write(out))
        }
        Format::SiestaNc => {
            let dm = density_matrix(prediction.run, layout)?.map(|dm| dm.density_matrix);
            Nc::new(hsx, dm).write(path, &layout.label)
        }
        _ => write_file(path, |out| hsx.write(out)),
    }
}

fn density_matrix(run: &Calculation, layout: &Layout) -> Result<Option<Dm>> {
    let Some(dm) = &run.density_matrix else { return Ok(None) };
    let places = Places::new(&layout.sparsity, &layout.supercell, &run.basis)?;
    Ok(Some(Dm {
        nsc: Some(layout.supercell.nsc),
        sparsity: layout.sparsity.clone(),
        density_matrix: components_of_density_matrix(dm, layout.head.nspin, &places)?,
        energy: None,
    }))
}
