//! The matrices of a run as one of SIESTA's files.

use std::path::Path;

use super::matrix::{Places, components_of_density_matrix};
use super::{Dm, HIn, Hsx, Layout, Nc, predicted};
use crate::calculation::{Calculation, NativeLayout, Of};
use crate::error::Result;
use crate::format::Format;
use crate::operator::{Operator, SpinOperator};
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

/// Writes `h`, S and what else the format holds, for a run of SIESTA in its own pattern and order (HSX keeps its version).
/// [`super::foreign`] writes those of other codes.
///
/// # Errors
/// `Io`; `NotRepresentable` where the run lacks what the format needs.
pub fn write(path: &Path, format: Format, run: &Calculation, h: Option<(Of, &SpinOperator)>) -> Result<()> {
    match (own_layout(run), h) {
        (Some(layout), Some((of, h))) => {
            require_held(h, run, layout)?;
            // The layout is that of H0 where there is one, and has its Fermi level; 0 is SIESTA's word for unknown.
            let fermi_level = (of == Of::Scf).then_some(run.fermi_level.unwrap_or(0.0));
            let prediction = Prediction { fermi_level, ..Prediction::new(run, h) };
            write_h(path, format, predicted::hsx(&prediction, layout)?, &prediction, layout)
        }
        (Some(layout), None) => {
            let dm = density_matrix(run, layout)?.ok_or_else(|| not_representable("SIESTA DM", "the run has no DM"))?;
            write_file(path, |out| dm.write(out))
        }
        (None, _) => Err(not_representable(&format.to_string(), "the run did not come from SIESTA's own files")),
    }
}

fn own_layout(run: &Calculation) -> Option<&Layout> {
    match &run.native {
        Some(NativeLayout::Siesta(layout)) => Some(layout),
        _ => None,
    }
}

/// Nothing is dropped: H may have other elements than the file of H⁽⁰⁾, whose pattern is written.
fn require_held(h: &SpinOperator, run: &Calculation, layout: &Layout) -> Result<()> {
    let is_held = match h {
        SpinOperator::Unpolarized(h) => holds(layout, run, h)?,
        SpinOperator::Collinear([up, down]) => holds(layout, run, up)? && holds(layout, run, down)?,
        SpinOperator::Spinor([uu, ud, du, dd]) => {
            holds(layout, run, uu)? && holds(layout, run, ud)? && holds(layout, run, du)? && holds(layout, run, dd)?
        }
    };
    let what = "H has elements that the pattern of H0's file lacks; convert from the folder of the converged run alone";
    if is_held { Ok(()) } else { Err(not_representable("SIESTA", what)) }
}

fn holds<T>(layout: &Layout, run: &Calculation, operator: &Operator<T>) -> Result<bool>
where
    T: Copy + Default + PartialEq + Send + Sync,
{
    let mut held = operator.clone();
    layout.restrict(&run.basis, &mut held)?;
    Ok(held == *operator)
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
