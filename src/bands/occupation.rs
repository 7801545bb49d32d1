//! Occupations, Fermi level, band edges.

use super::spectrum::Energies;
use crate::parsers::Smearing;

/// Eigenvalues with what is needed to fill them.
#[derive(Debug, Clone, Copy)]
pub struct States<'a> {
    /// `energies[spin][k][band]`, hartree.
    pub energies: &'a [Vec<Vec<f64>>],
    /// One per k point, sum 1.
    pub weights: &'a [f64],
    /// Electrons in one filled state: 2 without spin, else 1.
    pub electrons_per_state: f64,
}

/// Highest occupied and lowest empty level of an insulator, hartree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandEdges {
    /// Valence band maximum.
    pub valence: f64,
    /// Conduction band minimum.
    pub conduction: f64,
}

impl BandEdges {
    /// Edges of the gap around `fermi_level`; `None` for a metal (some band crosses the level) or where no state is above.
    pub fn around(energies: &Energies, fermi_level: f64) -> Option<Self> {
        Self::of_windows(energies, None, fermi_level)
    }

    /// As [`BandEdges::around`] where `first_band[spin][k]` states are below the first energy of a k point; `None` also where
    /// the states of some k point are all on one side of the level.
    pub fn of_windows(energies: &Energies, first_band: Option<&[Vec<usize>]>, fermi_level: f64) -> Option<Self> {
        let (mut valence, mut conduction) = (f64::NEG_INFINITY, f64::INFINITY);
        for (spin, by_k) in energies.iter().enumerate() {
            let mut n_filled = None;
            for (k, bands) in by_k.iter().enumerate() {
                let here = bands.iter().filter(|&&e| e <= fermi_level).count();
                let n = here + first_band.map_or(0, |first| first[spin][k]);
                let is_one_sided = first_band.is_some() && (here == 0 || here == bands.len());
                if is_one_sided || *n_filled.get_or_insert(n) != n {
                    return None;
                }
                valence = bands[..here].iter().copied().fold(valence, f64::max);
                conduction = bands[here..].iter().copied().fold(conduction, f64::min);
            }
        }
        (valence.is_finite() && conduction.is_finite()).then_some(BandEdges { valence, conduction })
    }

    /// Band gap.
    pub fn gap(&self) -> f64 {
        self.conduction - self.valence
    }
}

/// A level is found when the states hold as many electrons but for this (ABACUS' and SIESTA's own tolerance).
const TOLERANCE: f64 = 1e-10;

/// Occupation 0 … 1 of a level at `x` = ε − μ, hartree (Methfessel–Paxton and cold smearing leave that range a little).
pub fn occupation(smearing: Smearing, x: f64) -> f64 {
    match smearing {
        Smearing::Fixed => step(x),
        Smearing::Gaussian(width) if width > 0.0 => 0.5 * libm::erfc(x / width),
        Smearing::FermiDirac(width) if width > 0.0 => 1.0 / (1.0 + (x / width).exp()),
        Smearing::MethfesselPaxton { width, order } if width > 0.0 => methfessel_paxton(x / width, order),
        Smearing::Cold(width) if width > 0.0 => cold(x / width),
        _ => step(x),
    }
}

/// −df/dx of [`occupation`]: by what a level at ε = μ + `x` is broadened, 1/hartree, with integral 1. Zero where the width is.
pub fn broadening(smearing: Smearing, x: f64) -> f64 {
    match smearing {
        Smearing::Gaussian(width) if width > 0.0 => gauss(x / width) / width,
        Smearing::FermiDirac(width) if width > 0.0 => occupation(smearing, x) * occupation(smearing, -x) / width,
        Smearing::MethfesselPaxton { width, order } if width > 0.0 => {
            let x = x / width;
            let mut coefficient = 1.0;
            let terms = (1..=i32::from(order)).map(|n| {
                coefficient /= -4.0 * f64::from(n);
                coefficient * hermite(2 * n, x)
            });
            (1.0 + terms.sum::<f64>()) * gauss(x) / width
        }
        Smearing::Cold(width) if width > 0.0 => {
            let y = -x / width - std::f64::consts::FRAC_1_SQRT_2;
            gauss(y) * (1.0 - std::f64::consts::SQRT_2 * y) / width
        }
        _ => 0.0,
    }
}

fn step(x: f64) -> f64 {
    if x <= 0.0 { 1.0 } else { 0.0 }
}

/// Phys. Rev. B 40, 3616 (1989): f = erfc(x)/2 + Σ_n A_n H_(2n−1)(x) exp(−x²), n = 1 … order, A_n = (−1)^n/(n! 4^n √π).
fn methfessel_paxton(x: f64, order: u8) -> f64 {
    let mut coefficient = 1.0;
    let terms = (1..=i32::from(order)).map(|n| {
        coefficient /= -4.0 * f64::from(n);
        coefficient * hermite(2 * n - 1, x)
    });
    0.5 * libm::erfc(x) + terms.sum::<f64>() * gauss(x)
}

/// H_n(x).
fn hermite(n: i32, x: f64) -> f64 {
    let next = |(last, this): (f64, f64), n: i32| (this, 2.0 * (x * this - f64::from(n) * last));
    (0..n).fold((0.0, 1.0), next).1
}

/// Marzari–Vanderbilt: Phys. Rev. Lett. 82, 3296 (1999), with y = −x − 1/√2: f = (1 + erf y)/2 + exp(−y²)/√(2π).
fn cold(x: f64) -> f64 {
    let y = -x - std::f64::consts::FRAC_1_SQRT_2;
    0.5 * libm::erfc(-y) + (-y * y).exp() / std::f64::consts::TAU.sqrt()
}

impl States<'_> {
    /// Electrons at chemical potential `mu`.
    pub fn electrons(&self, smearing: Smearing, mu: f64) -> f64 {
        let at_k = |bands: &Vec<f64>| bands.iter().map(|e| occupation(smearing, e - mu)).sum::<f64>();
        let of_spin =
            |spin: &Vec<Vec<f64>>| spin.iter().zip(self.weights).map(|(bands, w)| w * at_k(bands)).sum::<f64>();
        self.electrons_per_state * self.energies.iter().map(of_spin).sum::<f64>()
    }

    /// The level at which the states hold `electrons`, by bisection; where it is not unique (in a gap), the middle of the
    /// interval. `None` where the states cannot hold so many.
    ///
    /// Methfessel–Paxton and cold smearing are no monotonic functions of the level, and several levels may do: the one next to
    /// that of Gaussian smearing of the same width is taken.
    pub fn fermi_level(&self, electrons: f64, smearing: Smearing) -> Option<f64> {
        match smearing {
            Smearing::MethfesselPaxton { width, .. } | Smearing::Cold(width) => {
                let start = self.monotonic_level(electrons, Smearing::Gaussian(width))?;
                self.level_near(start, electrons, smearing)
            }
            monotonic => self.monotonic_level(electrons, monotonic),
        }
    }

    fn monotonic_level(&self, electrons: f64, smearing: Smearing) -> Option<f64> {
        let (lower, upper) = self.level_range(electrons, smearing)?;
        Some(0.5 * (lower + upper.unwrap_or(lower)))
    }

    /// First and last level (of Gaussian smearing where that of `smearing` is not monotonic) at which the states hold
    /// `electrons`: far apart in a gap. No last level where these are all of the states.
    pub fn level_range(&self, electrons: f64, smearing: Smearing) -> Option<(f64, Option<f64>)> {
        let monotonic = match smearing {
            Smearing::MethfesselPaxton { width, .. } | Smearing::Cold(width) => Smearing::Gaussian(width),
            other => other,
        };
        let (low, high) = self.range(monotonic)?;
        let lower = self.crossing(electrons - TOLERANCE, monotonic, low, high)?;
        Some((lower, self.crossing(electrons + TOLERANCE, monotonic, low, high)))
    }

    /// `start`, where that holds them already, else a level in the narrowest interval around it that brackets one.
    fn level_near(&self, start: f64, electrons: f64, smearing: Smearing) -> Option<f64> {
        const STEPS: i32 = 100;
        if (self.electrons(smearing, start) - electrons).abs() <= TOLERANCE {
            return Some(start);
        }
        let (low, high) = self.range(smearing)?;
        let reach = |step| 0.01 * smearing.width() * 1.2_f64.powi(step);
        let bracket = |step| ((start - reach(step)).max(low), (start + reach(step)).min(high));
        (0..STEPS).map(bracket).find_map(|(low, high)| self.crossing(electrons, smearing, low, high))
    }

    /// Smallest μ (for monotonic occupations) that holds at least `electrons`.
    fn crossing(&self, electrons: f64, smearing: Smearing, mut low: f64, mut high: f64) -> Option<f64> {
        if self.electrons(smearing, low) > electrons || self.electrons(smearing, high) < electrons {
            return None;
        }
        while high - low > 1e-13 * (1.0 + low.abs() + high.abs()) {
            let middle = 0.5 * (low + high);
            if self.electrons(smearing, middle) < electrons { low = middle } else { high = middle }
        }
        Some(high)
    }

    /// All levels with a margin beyond which everything is empty or filled.
    fn range(&self, smearing: Smearing) -> Option<(f64, f64)> {
        let levels = || self.energies.iter().flatten().flatten().copied();
        let margin = 1e-6 + 40.0 * smearing.width();
        let (low, high) = (levels().reduce(f64::min)?, levels().reduce(f64::max)?);
        Some((low - margin, high + margin))
    }
}

/// −TS of a level at `x` = ε − μ that holds one electron when filled, hartree: the term that makes Σ f ε − TS stationary.
/// Gaussian, Methfessel–Paxton and cold: ∫ x' δ(x') dx' up to x.
pub fn entropy_energy(smearing: Smearing, x: f64) -> f64 {
    match smearing {
        Smearing::FermiDirac(width) if width > 0.0 => {
            let [f, empty] = [occupation(smearing, x), occupation(smearing, -x)];
            let x_ln_x = |x: f64| if x > 0.0 { x * x.ln() } else { 0.0 };
            width * (x_ln_x(f) + x_ln_x(empty))
        }
        Smearing::Gaussian(width) if width > 0.0 => -width * gauss(x / width) / 2.0,
        Smearing::MethfesselPaxton { width, order } if width > 0.0 => {
            let coefficient = (1..=i32::from(order)).fold(-0.5, |product, n| product / (-4.0 * f64::from(n)));
            width * coefficient * hermite(2 * i32::from(order), x / width) * gauss(x / width)
        }
        Smearing::Cold(width) if width > 0.0 => {
            let y = -x / width - std::f64::consts::FRAC_1_SQRT_2;
            width * y * gauss(y) * std::f64::consts::FRAC_1_SQRT_2
        }
        _ => 0.0,
    }
}

/// exp(−x²)/√π.
fn gauss(x: f64) -> f64 {
    (-x * x).exp() / std::f64::consts::PI.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_of_windows_count_absolute_bands() {
        let whole = vec![vec![vec![-3.0, -1.0, 1.0, 2.0], vec![-2.0, -0.5, 0.5, 3.0]]];
        let windows = vec![vec![vec![-3.0, -1.0, 1.0], vec![-0.5, 0.5, 3.0]]];
        let edges = BandEdges::around(&whole, 0.0);
        assert_eq!(edges, Some(BandEdges { valence: -0.5, conduction: 0.5 }));
        assert_eq!(BandEdges::of_windows(&windows, Some(&[vec![0, 1]]), 0.0), edges);
        assert_eq!(BandEdges::of_windows(&windows, Some(&[vec![0, 0]]), 0.0), None);
        let one_sided = vec![vec![vec![-1.0, 1.0], vec![-2.0, -0.5]]];
        assert_eq!(BandEdges::of_windows(&one_sided, Some(&[vec![1, 0]]), 0.0), None);
    }

    const ALL: [Smearing; 6] = [
        Smearing::Fixed,
        Smearing::Gaussian(0.01),
        Smearing::FermiDirac(0.01),
        Smearing::MethfesselPaxton { width: 0.01, order: 1 },
        Smearing::MethfesselPaxton { width: 0.01, order: 2 },
        Smearing::Cold(0.01),
    ];

    #[test]
    fn occupations_have_their_limits() {
        for smearing in ALL {
            assert!((occupation(smearing, -1.0) - 1.0).abs() < 1e-14, "{smearing:?}");
            assert!(occupation(smearing, 1.0).abs() < 1e-14, "{smearing:?}");
        }
        for symmetric in &ALL[1..5] {
            assert!((occupation(*symmetric, 0.0) - 0.5).abs() < 1e-15);
        }
        assert!((occupation(Smearing::Gaussian(0.01), 0.005) - 0.239_750_061_093_476_8).abs() < 1e-14);
        assert!((occupation(Smearing::FermiDirac(0.01), 0.01) - 0.268_941_421_369_995_1).abs() < 1e-14);
    }

    /// ∫ (f(x) − θ(−x)) dx = 0 for all, and ∫ x (f(x) − θ(−x)) dx = 0 for Methfessel–Paxton and cold smearing.
    #[test]
    fn smearings_conserve_charge_and_energy() {
        let moment = |smearing, power: i32| -> f64 {
            let step = 1e-5;
            let points = (-60_000..60_000).map(|i| (i as f64 + 0.5) * step);
            points.map(|x| (occupation(smearing, x) - if x < 0.0 { 1.0 } else { 0.0 }) * x.powi(power) * step).sum()
        };
        for smearing in ALL {
            assert!(moment(smearing, 0).abs() < 1e-12, "{smearing:?}");
        }
        for smearing in &ALL[3..] {
            assert!(moment(*smearing, 1).abs() < 1e-10, "{smearing:?}");
        }
        assert!(moment(ALL[3], 3).abs() > 1e-10 && moment(ALL[4], 3).abs() < 1e-12);
        assert!(moment(Smearing::Gaussian(0.01), 1).abs() > 1e-6);
    }

    /// d(−TS)/dx = x df/dx·(−1), so that Σ f ε − TS does not change where electrons move between levels.
    #[test]
    fn free_energy_is_stationary() {
        let step = 1e-7;
        for smearing in &ALL[1..] {
            for x in [-0.02, -0.007, 0.0, 0.003, 0.013] {
                let slope =
                    |f: fn(Smearing, f64) -> f64| (f(*smearing, x + step) - f(*smearing, x - step)) / (2.0 * step);
                assert!((slope(entropy_energy) + x * slope(occupation)).abs() < 1e-7, "{smearing:?} at {x}");
            }
        }
    }

    #[test]
    fn broadening_is_the_slope_of_the_occupation() {
        let step = 1e-6;
        for smearing in &ALL[1..] {
            for x in [-0.02, -0.007, 0.0, 0.003, 0.013] {
                let slope = (occupation(*smearing, x + step) - occupation(*smearing, x - step)) / (2.0 * step);
                assert!((broadening(*smearing, x) + slope).abs() < 1e-6, "{smearing:?} at {x}: {slope}");
            }
        }
    }

    /// Two levels of a molecule far apart in widths, between which Methfessel–Paxton smearing overshoots.
    #[test]
    fn one_of_several_levels_is_next_to_the_gaussian_one() {
        let energies = vec![vec![vec![-0.03, 0.0, 0.02, 0.05]]];
        let states = States { energies: &energies, weights: &[1.0], electrons_per_state: 2.0 };
        for smearing in &ALL[3..] {
            for electrons in [1.0, 2.0, 2.2, 3.7, 4.0, 5.0] {
                let gaussian = states.fermi_level(electrons, Smearing::Gaussian(0.01)).unwrap();
                let level = states.fermi_level(electrons, *smearing).unwrap();
                assert!((states.electrons(*smearing, level) - electrons).abs() < 1e-9, "{smearing:?} {electrons}");
                assert!((level - gaussian).abs() < 0.01, "{smearing:?} {electrons}: {level} {gaussian}");
            }
        }
    }

    #[test]
    fn fermi_level_of_an_insulator_is_in_the_middle_of_the_gap() {
        let energies = vec![vec![vec![-0.5, -0.2, 0.4], vec![-0.6, -0.1, 0.3]]];
        let states = States { energies: &energies, weights: &[0.5, 0.5], electrons_per_state: 2.0 };
        for smearing in [Smearing::Fixed, Smearing::Gaussian(0.002), Smearing::FermiDirac(0.002)] {
            let level = states.fermi_level(4.0, smearing).unwrap();
            assert!((level - 0.1).abs() < 1e-6, "{smearing:?}: {level}");
        }
        let edges = BandEdges::around(&energies, 0.1).unwrap();
        assert_eq!(edges, BandEdges { valence: -0.1, conduction: 0.3 });
        assert!((edges.gap() - 0.4).abs() < 1e-15);
        assert_eq!(BandEdges::around(&energies, -0.15), None);
    }

    #[test]
    fn fermi_level_of_a_metal_holds_the_electrons() {
        let energies = vec![vec![vec![-0.2, 0.1], vec![-0.1, 0.2]], vec![vec![-0.15, 0.15], vec![-0.05, 0.25]]];
        let states = States { energies: &energies, weights: &[0.25, 0.75], electrons_per_state: 1.0 };
        for smearing in &ALL[1..] {
            let level = states.fermi_level(1.3, *smearing).unwrap();
            assert!((states.electrons(*smearing, level) - 1.3).abs() < 1e-9, "{smearing:?}");
        }
        assert_eq!(states.fermi_level(4.1, Smearing::Gaussian(0.01)), None);
        assert_eq!(states.fermi_level(-0.1, Smearing::Gaussian(0.01)), None);
        assert!(states.fermi_level(4.0, Smearing::Gaussian(0.01)).is_some());
    }
}
