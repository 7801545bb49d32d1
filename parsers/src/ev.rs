//! Hartree into the eV of a file and back, to the last bit.
//!
//! `y = x C` is not one to one in floating point: where the significand of x C passes a power of two, two neighbouring x give the
//! same y (about one x in six for C = 27.2). So that nothing is lost, a folder in eV has beside it how many units in the last
//! place each x lies from the one that would be read ([`Ev::hint`]); most are 0.

/// Constants that programs in use make eV of hartree with, the commonest first: DeepH-dock for OpenMX and SIESTA, and OpenMX;
/// DeepH-dock for ABACUS, and ABACUS; SIESTA 5; CODATA 2018; HPRO; SIESTA 4.1.
const KNOWN: [f64; 6] =
    [27.211_384_5, 27.211_396, 2.0 * 13.605_693_122_994, 27.211_386_245_988, 27.211_386_024_367_243, 27.2116];
/// So many elements tell the constant.
const LOOKED_AT: usize = 4096;

/// One hartree in the eV of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ev {
    /// eV per hartree.
    pub per_hartree: f64,
}

impl Ev {
    /// The constant by which another program made these energies out of hartree (or Ry): the commonest that can have made
    /// all of them. `None` where no known one can, as for energies that were never hartree.
    pub fn of_entries(entries: &[f64]) -> Option<Ev> {
        let shown: Vec<f64> = entries.iter().copied().filter(|x| *x != 0.0).take(LOOKED_AT).collect();
        let mut known = KNOWN.into_iter().map(|per_hartree| Ev { per_hartree });
        known.find(|ev| !shown.is_empty() && shown.iter().all(|&y| ev.to_ev(ev.to_hartree(y)) == y))
    }

    /// eV of hartree.
    pub fn to_ev(self, hartree: f64) -> f64 {
        hartree * self.per_hartree
    }

    /// Hartree of eV: one that [`Ev::to_ev`] gives `ev` for, if there is one, else the nearest.
    pub fn to_hartree(self, ev: f64) -> f64 {
        let nearest = ev / self.per_hartree;
        let around = [nearest, nearest.next_up(), nearest.next_down()];
        around.into_iter().find(|&x| self.to_ev(x) == ev).unwrap_or(nearest)
    }

    /// How many units in the last place `hartree` lies from what is read of its eV.
    pub fn hint(self, hartree: f64) -> i8 {
        let read = self.to_hartree(self.to_ev(hartree));
        let apart = (hartree.to_bits() as i64).wrapping_sub(read.to_bits() as i64);
        i8::try_from(apart).unwrap_or(0)
    }

    /// Hartree of eV, exactly what it was when `hint` was taken; where `ev` is no longer what it was then, as
    /// [`Ev::to_hartree`].
    pub fn to_hartree_hinted(self, ev: f64, hint: i8) -> f64 {
        let read = self.to_hartree(ev);
        if hint == 0 {
            return read;
        }
        let was = f64::from_bits((read.to_bits() as i64).wrapping_add(i64::from(hint)) as u64);
        if self.to_ev(was) == ev { was } else { read }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without pattern, of both signs and many sizes.
    fn numbers() -> impl Iterator<Item = f64> {
        let step =
            |seed: &u64| Some(seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        let seeds = std::iter::successors(Some(1_u64), step).take(20_000);
        seeds.map(|seed| ((seed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0) * 10_f64.powi((seed % 13) as i32 - 9))
    }

    #[test]
    fn there_and_back_is_exact_with_the_hint_and_not_without() {
        for ev in KNOWN.map(|per_hartree| Ev { per_hartree }) {
            let back = |x: f64| ev.to_hartree_hinted(ev.to_ev(x), ev.hint(x));
            assert!(numbers().all(|x| back(x) == x));
            let lost = numbers().filter(|&x| ev.to_hartree(ev.to_ev(x)) != x).count();
            assert!((1000..3000).contains(&lost), "{lost}");
        }
    }

    #[test]
    fn the_ev_of_a_file_are_met_again_where_hartree_were_their_origin() {
        let ev = Ev { per_hartree: KNOWN[0] };
        assert!(numbers().map(|x| ev.to_ev(x)).all(|y| ev.to_ev(ev.to_hartree(y)) == y));
    }

    #[test]
    fn a_hint_of_another_number_is_not_followed() {
        let ev = Ev { per_hartree: KNOWN[0] };
        for x in numbers().take(100) {
            assert!(ev.to_ev(ev.to_hartree_hinted(ev.to_ev(x), 100)) == ev.to_ev(x));
        }
        assert_eq!(ev.to_hartree_hinted(0.0, 0), 0.0);
    }

    #[test]
    fn numbers_tell_their_constant() {
        for (n, &per_hartree) in KNOWN.iter().enumerate() {
            let ev = Ev { per_hartree };
            let entries: Vec<f64> = numbers().take(300).map(|x| ev.to_ev(x)).collect();
            let same = (KNOWN[n] - Ev::of_entries(&entries).unwrap().per_hartree).abs();
            assert!(same < 1e-11, "{per_hartree}");
        }
        assert_eq!(Ev::of_entries(&numbers().take(300).collect::<Vec<_>>()), None);
        assert_eq!(Ev::of_entries(&[0.0]), None);
    }
}
