//! `hzero tile`.

use anyhow::Context;

use super::Outcome;
use super::changed_run::Places;
use crate::dataset::cells::Cell;
use crate::parsers::sublattice::text;
use crate::parsers::supercell;

/// Write a supercell of a run in the run's own format, with all its matrices: a large case whose answer is known
///
/// Every copy of the cell has the run's structure, S, H0, H and DM; electrons are counted up, the Fermi level stays, and the
/// k points are those of the run, folded (a mesh N along an axis repeated n times becomes N/gcd(N, n)). So the supercell's
/// states at K are those of the run at all k that fold to K. Nothing is computed anew. Time and memory grow with the number of
/// atoms.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("supercell").required(true).args(["cell", "matrix"]))]
pub struct Args {
    #[command(flatten)]
    places: Places,
    /// Cells along each lattice vector, such as 4x4x1, or sqrt3, sqrt7 of a hexagonal cell
    #[arg(value_name = "CELL")]
    cell: Option<Cell>,
    /// New lattice vectors as multiples of the old ones, row after row: "2,1,0;-1,1,0;0,0,1"
    #[arg(long, value_name = "M", allow_hyphen_values = true)]
    matrix: Option<Cell>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    let (run, to) = args.places.read()?;
    let cells = args.cell.or(args.matrix).context("no supercell")?.sublattice(&run.structure.lattice)?;
    let tiled = supercell(&run, cells.matrix())?;
    let change = format!("supercell {}: {} cells", text(cells.matrix()), cells.n_cells());
    args.places.write(tiled, to, change)?;
    Ok(Outcome::Done)
}
