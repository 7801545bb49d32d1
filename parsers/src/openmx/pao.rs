//! The name of a basis: `Si7.0-s2p2d1` is the file `Si7.0.pao` (cutoff 7.0 bohr) and 2 s, 2 p and 1 d radial functions.

use nom::bytes::complete::{is_not, tag};
use nom::character::complete::{alpha1, one_of, u8 as number};
use nom::combinator::{all_consuming, map_opt, opt};
use nom::multi::many1;
use nom::number::complete::double;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

use crate::basis::Shell;

/// A basis of OpenMX.
#[derive(Debug, Clone, PartialEq)]
pub struct Pao {
    /// Name of the file without `.pao`.
    pub name: String,
    /// Cutoff radius in bohr, where the name tells it.
    pub cutoff: Option<f64>,
    /// Radial functions per l, in the order of the name: primitive ones, and contracted ones where `s4>2` says so.
    pub groups: Vec<Group>,
}

/// The radial functions of one l.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Angular momentum.
    pub l: u8,
    /// Number of primitive functions.
    pub primitive: u8,
    /// Number of functions after contraction (`orbitalOpt.Method` other than `off`).
    pub contracted: Option<u8>,
}

impl Pao {
    /// Reads a name; `None` where it is something else.
    pub fn parse(text: &str) -> Option<Pao> {
        let named = (terminated(is_not("-"), tag("-")), many1(group));
        let (_, (name, groups)) = all_consuming(named).parse(text).ok()?;
        let cutoff = (alpha1::<&str, nom::error::Error<&str>>, double).parse(name).ok().map(|(_, (_, radius))| radius);
        Some(Pao { name: name.to_owned(), cutoff, groups })
    }

    /// Shells in the order of OpenMX' orbitals: l ascending, zeta inside l.
    pub fn shells(&self, contracted: bool) -> Vec<Shell> {
        let mut groups = self.groups.clone();
        groups.sort_by_key(|group| group.l);
        let zetas = |group: &Group| group.contracted.filter(|_| contracted).unwrap_or(group.primitive);
        let shells = |group: Group| (1..=zetas(&group)).map(move |zeta| Shell { l: group.l, zeta, n: None });
        groups.into_iter().flat_map(shells).collect()
    }
}

fn group(text: &str) -> IResult<&str, Group> {
    let l = map_opt(one_of("spdfg"), |letter| "spdfg".find(letter));
    let (rest, (l, primitive, contracted)) = (l, number, opt(preceded(tag(">"), number))).parse(text)?;
    Ok((rest, Group { l: l as u8, primitive, contracted }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_radius_and_shells() {
        let pao = Pao::parse("Fe5.5H-s3p2d1").unwrap();
        assert_eq!((pao.name.as_str(), pao.cutoff), ("Fe5.5H", Some(5.5)));
        let zetas = |l| pao.shells(false).iter().filter(|shell| shell.l == l).count();
        assert_eq!((zetas(0), zetas(1), zetas(2), zetas(3)), (3, 2, 1, 0));
        let optimised = Pao::parse("C5.0-s4>1p4>2").unwrap();
        assert_eq!((optimised.shells(true).len(), optimised.shells(false).len()), (3, 8));
        assert_eq!(Pao::parse("Si7.0-p1s2").unwrap().shells(false)[0].l, 0, "l ascends whatever the name's order");
        for bad in ["", "Si7.0", "Si7.0-", "Si7.0-2s", "Si7.0-s2x1", "Si7.0-s2>"] {
            assert_eq!(Pao::parse(bad), None, "{bad}");
        }
    }
}
