//! The matrices of a run as one of SIESTA's files.

use std::path::Path;

use super::matrix::{Places, components_of_density_matrix};
use super::{Dm, HIn, Layout, Nc, predicted};
use crate::calculation::{Calculation, Of};
use crate::error::Result;
use crate::format::Format;
use crate::operator::SpinOperator;
use crate::output::write_file;
use crate::predicted::{Prediction, not_representable};

/// SIESTA's own name for a file of this format.
pub fn file_name(layout: &Layout, format: Format) -> String {
    let label = &layout.label;
    match format {
        Format::SiestaTshs => format!("{label}.TSHS"),
        Format::SiestaDm => format!("{label}.DM"),
        Format::SiestaHin => predicted::H_IN.to_owned(),
        Format::SiestaNc => format!("{label}.nc"),
        _ => format!("{label}.HSX"),
    }
}

/// Writes `h`, S and what else the format holds, in SIESTA's pattern and order. HSX keeps its version.
///
/// # Errors
/// `Io`; `NotRepresentable` where the run lacks what the format needs.
pub fn write(
    path: &Path,
    format: Format,
    run: &Calculation,
    layout: &Layout,
    h: Option<(Of, &SpinOperator)>,
) -> Result<()> {
    let Some((of, h)) = h else {
        let dm = density_matrix(run, layout)?.ok_or_else(|| not_representable("SIESTA DM", "the run has no DM"))?;
        return write_file(path, |out| dm.write(out));
    };
    // The layout is that of H0 where there is one, and has its own Fermi level.
    let fermi_level = if of == Of::Scf { run.fermi_level } else { None };
    let prediction = Prediction { fermi_level, ..Prediction::new(run, h) };
    let hsx = predicted::hsx(&prediction, layout)?;
    match format {
        Format::SiestaTshs => {
            let tshs = predicted::tshs(hsx, &prediction, layout);
            write_file(path, |out| tshs.write(out))
        }
        Format::SiestaHin => {
            let h_in = HIn { sparsity: hsx.sparsity, hamiltonian: hsx.hamiltonian };
            write_file(path, |out| h_in.write(out))
        }
        Format::SiestaNc => {
            let dm = density_matrix(run, layout)?.map(|dm| dm.density_matrix);
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
