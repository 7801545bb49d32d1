//! Figures: which panels there are and where they stand.

use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};

use super::bands::{self, Series};
use super::canvas::Canvas;
use super::document::{Picture, png, svg};
use super::frame::Frame;
use super::legend::Legend;
use super::style::{Shown, Stroke, shown_groups, strokes};
use super::{Drawn, dos, register_font, same_groups};
use crate::bands::dos::{Dos, DosCurve};
use crate::bands::structure::{BandStructure, Curve, Role};
use crate::parsers::Error;

// The layout, in points.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 26.0;
/// Below densities of states stands the name of an axis too.
const NAMED_BOTTOM: f64 = 40.0;
const PANEL_WIDTH: f64 = 310.0;
const PANEL_GAP: f64 = 14.0;
const PANEL_HEIGHT: f64 = 280.0;
/// Beside the title of a panel its legend has less room by this.
const TITLE: f64 = 70.0;
const DOS_WIDTH: f64 = 110.0;
const WIDE: f64 = 420.0;
const LOW: f64 = 220.0;

/// Bands, perhaps with densities of states beside them.
pub struct Figure<'a> {
    panels: Vec<bands::Panel<'a>>,
    beside: Option<dos::Panel<'a>>,
    groups: Vec<Shown>,
    legend: Legend,
}

/// Densities of states alone, energies to the right.
pub struct DosFigure<'a> {
    panel: dos::Panel<'a>,
    groups: Vec<Shown>,
    legend: Legend,
}

impl<'a> Figure<'a> {
    /// A figure of `bands` between two energies (eV relative to zero). Spins share a frame where there is one Hamiltonian,
    /// and have a frame each where several are compared, or where bands show weights: those of the last Hamiltonian.
    ///
    /// # Errors
    /// `Inconsistent` where the window is empty or there is nothing to draw.
    pub fn new(bands: &'a BandStructure, window: [f64; 2]) -> Result<Self, Error> {
        Self::with_dos(bands, None, window)
    }

    /// The same with densities of states at the right, on the same axis of energies.
    ///
    /// # Errors
    /// As [`Figure::new`].
    pub fn with_dos(bands: &'a BandStructure, dos: Option<&'a Dos>, window: [f64; 2]) -> Result<Self, Error> {
        register_font()?;
        check(window)?;
        dos.map_or(Ok(()), |dos| same_groups(bands, dos))?;
        let n_spins = bands.curves.iter().map(|curve| curve.energies.len()).max().unwrap_or(0);
        let roles: Vec<Role> = bands.curves.iter().map(|curve| curve.role).collect();
        let groups = groups_of(bands, dos, window, &roles);
        let strokes = strokes(&roles, n_spins, !groups.is_empty());
        let titles = titles(bands, n_spins)?;
        let frames: Vec<Frame> = (0..titles.len()).map(|place| frame(bands, place, window)).collect();
        let beside = dos.map(|dos| {
            let frame = Frame { left: frames[frames.len() - 1].right() + PANEL_GAP, width: DOS_WIDTH, ..frames[0] };
            dos::Panel { frame, dos, strokes: matching(dos, bands, &strokes) }.fitted()
        });
        let last = beside.as_ref().map_or(frames[frames.len() - 1], |beside| beside.frame);
        let room = if titles.len() > 1 { PANEL_WIDTH - TITLE } else { last.right() - LEFT };
        let legend = Legend::new(&named(bands, &strokes, &titles), &groups, room)?;
        let panel = |((title, spins), frame): (&(&'static str, Vec<usize>), Frame)| bands::Panel {
            title,
            frame,
            bands,
            series: series(bands, spins, &strokes),
        };
        let panels = titles.iter().zip(frames).map(panel).collect();
        Ok(Figure { panels, beside, groups, legend }.lowered())
    }

    /// Makes room for the legend's rows.
    fn lowered(mut self) -> Self {
        let extra = self.legend.extra_height();
        let beside = self.beside.iter_mut().map(|beside| &mut beside.frame);
        self.panels.iter_mut().map(|panel| &mut panel.frame).chain(beside).for_each(|frame| frame.top += extra);
        self
    }

    /// The figure as an SVG document.
    ///
    /// # Errors
    /// `Io` where drawing fails.
    pub fn svg(&self) -> Result<String, Error> {
        svg(self)
    }

    /// The figure as a PNG file.
    ///
    /// # Errors
    /// `Io` where drawing or encoding fails.
    pub fn png(&self) -> Result<Vec<u8>, Error> {
        png(self)
    }
}

impl<'a> DosFigure<'a> {
    /// A figure of `dos` between two energies (eV relative to zero).
    ///
    /// # Errors
    /// `Inconsistent` where the window is empty.
    pub fn new(dos: &'a Dos, window: [f64; 2]) -> Result<Self, Error> {
        register_font()?;
        check(window)?;
        let roles: Vec<Role> = dos.curves.iter().map(|curve| curve.role).collect();
        let groups = shown_groups(&dos.groups, &densities_inside(dos, window), &roles);
        let n_spins = dos.curves.iter().map(|curve| curve.total.len()).max().unwrap_or(0);
        let strokes = strokes(&roles, n_spins, !groups.is_empty());
        let legend = Legend::new(&named_densities(dos, &strokes, &groups), &groups, WIDE)?;
        let top = TOP + legend.extra_height();
        let frame =
            Frame { left: LEFT, top, width: WIDE, height: LOW, energies: window, others: [0.0, 1.0], upright: false };
        Ok(DosFigure { panel: dos::Panel { frame, dos, strokes }.fitted(), groups, legend })
    }

    /// The figure as an SVG document.
    ///
    /// # Errors
    /// `Io` where drawing fails.
    pub fn svg(&self) -> Result<String, Error> {
        svg(self)
    }

    /// The figure as a PNG file.
    ///
    /// # Errors
    /// `Io` where drawing or encoding fails.
    pub fn png(&self) -> Result<Vec<u8>, Error> {
        png(self)
    }
}

impl Picture for Figure<'_> {
    fn size(&self) -> (f64, f64) {
        let last = self.beside.as_ref().map_or_else(|| self.panels[self.panels.len() - 1].frame, |beside| beside.frame);
        (last.right() + RIGHT, last.bottom() + if self.beside.is_some() { NAMED_BOTTOM } else { BOTTOM })
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn {
        for (i, panel) in self.panels.iter().enumerate() {
            panel.draw(canvas, &self.groups, i == 0)?;
            canvas.text(panel.title, (panel.frame.right(), panel.frame.top - 6.0), (HPos::Right, VPos::Bottom))?;
        }
        if let Some(beside) = &self.beside {
            beside.draw(canvas, &self.groups)?;
            beside.frame.energy_axis(canvas, false, true)?;
        }
        self.legend.draw(canvas, (self.panels[0].frame.left, self.panels[0].frame.top))
    }
}

impl Picture for DosFigure<'_> {
    fn size(&self) -> (f64, f64) {
        (self.panel.frame.right() + RIGHT, self.panel.frame.bottom() + NAMED_BOTTOM)
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn {
        let frame = &self.panel.frame;
        self.panel.draw(canvas, &self.groups)?;
        frame.energy_axis(canvas, true, self.panel.dos.relative)?;
        self.legend.draw(canvas, (frame.left, frame.top))
    }
}

fn check(window: [f64; 2]) -> Result<(), Error> {
    if window[0].is_finite() && window[1].is_finite() && window[0] < window[1] {
        return Ok(());
    }
    Err(Error::inconsistent(format!("the energy window from {} to {} eV is empty", window[0], window[1])))
}

/// Title and spins of every panel.
fn titles(bands: &BandStructure, n_spins: usize) -> Result<Vec<(&'static str, Vec<usize>)>, Error> {
    let is_shared = bands.curves.len() == 1 && bands.groups.is_empty();
    match n_spins {
        0 => Err(Error::inconsistent("no bands to draw")),
        2 if is_shared => Ok(vec![("", vec![0, 1])]),
        2 => Ok(vec![("spin up", vec![0]), ("spin down", vec![1])]),
        _ => Ok(vec![("", vec![0])]),
    }
}

/// The frame of the panel at a place, from the left.
fn frame(bands: &BandStructure, place: usize, energies: [f64; 2]) -> Frame {
    let left = LEFT + place as f64 * (PANEL_WIDTH + PANEL_GAP);
    let length = bands.path.distances.last().copied().filter(|length| *length > 0.0).unwrap_or(1.0);
    Frame { left, top: TOP, width: PANEL_WIDTH, height: PANEL_HEIGHT, energies, others: [0.0, length], upright: true }
}

/// Groups of the bands, or of the densities of states beside bands that have none.
fn groups_of(bands: &BandStructure, dos: Option<&Dos>, window: [f64; 2], roles: &[Role]) -> Vec<Shown> {
    if !bands.unfolded && !bands.groups.is_empty() {
        return shown_groups(&bands.groups, &weights_inside(bands, window), roles);
    }
    dos.map_or(Vec::new(), |dos| shown_groups(&dos.groups, &densities_inside(dos, window), roles))
}

fn series<'a>(bands: &'a BandStructure, spins: &[usize], strokes: &[[Stroke; 2]]) -> Vec<Series<'a>> {
    let of_curve = |(curve, strokes): (&'a Curve, &[Stroke; 2])| {
        let spins = spins.iter().filter(|spin| **spin < curve.energies.len());
        spins.map(|&spin| Series { curve, spin, stroke: strokes[spin] }).collect::<Vec<_>>()
    };
    bands.curves.iter().zip(strokes).flat_map(of_curve).collect()
}

/// Names of lines: of Hamiltonians, or of the spins of one.
fn named(bands: &BandStructure, strokes: &[[Stroke; 2]], titles: &[(&str, Vec<usize>)]) -> Vec<(String, Stroke)> {
    match (&bands.curves[..], titles) {
        ([_], [(_, spins)]) if spins.len() == 2 => by_spin(strokes[0]),
        (curves, _) => {
            curves.iter().zip(strokes).map(|(c, stroke)| (legend_name(&c.name, c.role), stroke[0])).collect()
        }
    }
}

fn by_spin(strokes: [Stroke; 2]) -> Vec<(String, Stroke)> {
    ["spin up", "spin down"].map(str::to_owned).into_iter().zip(strokes).collect()
}

/// As [`named`]; beside groups of orbitals the total has a name too.
fn named_densities(dos: &Dos, strokes: &[[Stroke; 2]], groups: &[Shown]) -> Vec<(String, Stroke)> {
    match &dos.curves[..] {
        [curve] if curve.total.len() == 2 && groups.is_empty() => by_spin(strokes[0]),
        curves => curves.iter().zip(strokes).map(|(c, stroke)| (legend_name(&c.name, c.role), stroke[0])).collect(),
    }
}

fn legend_name(name: &str, role: Role) -> String {
    match role {
        Role::H0 => "H⁽⁰⁾".to_owned(),
        Role::Scf => "converged".to_owned(),
        Role::Predicted => name.to_owned(),
    }
}

/// Lines of the densities as those of the bands of the same name.
fn matching(dos: &Dos, bands: &BandStructure, strokes: &[[Stroke; 2]]) -> Vec<[Stroke; 2]> {
    let of_curve = |curve: &DosCurve| {
        let place = bands.curves.iter().position(|bands| bands.name == curve.name);
        place.or(strokes.len().checked_sub(1)).map(|place| strokes[place])
    };
    dos.curves.iter().filter_map(of_curve).collect()
}

/// How much of the last Hamiltonian's states inside the window each group has.
fn weights_inside(bands: &BandStructure, [low, high]: [f64; 2]) -> Vec<f64> {
    let mut sums = vec![0.0; bands.groups.len()];
    let Some((curve, weights)) = bands.curves.last().and_then(|curve| Some((curve, curve.weights.as_ref()?))) else {
        return sums;
    };
    let energies = curve.energies.iter().flatten().flatten();
    for (energy, weights) in energies.zip(weights.iter().flatten().flatten()) {
        if (low..=high).contains(&bands.relative_ev(curve, *energy)) {
            sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
        }
    }
    sums
}

/// The same for densities of states.
fn densities_inside(dos: &Dos, [low, high]: [f64; 2]) -> Vec<f64> {
    let shown: Vec<bool> = dos.energies_ev().iter().map(|energy| (low..=high).contains(energy)).collect();
    let projected = dos.curves.last().and_then(|curve| curve.projected.as_ref());
    let sum = |density: &Vec<f64>| density.iter().zip(&shown).filter(|(_, shown)| **shown).map(|(d, _)| d).sum::<f64>();
    let of_group = |group: usize| projected.iter().flat_map(|spins| spins.iter().map(|spin| sum(&spin[group]))).sum();
    (0..dos.groups.len()).map(of_group).collect()
}
