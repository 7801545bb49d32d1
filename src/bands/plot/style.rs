//! Colours and widths of lines.

use plotters::style::RGBColor;

use crate::bands::structure::Role;

pub(super) const INK: RGBColor = RGBColor(0, 0, 0);
pub(super) const GUIDE: RGBColor = RGBColor(176, 176, 176);
const H0_GREY: RGBColor = RGBColor(160, 160, 160);
const OTHERS_GREY: RGBColor = RGBColor(190, 190, 190);
/// Colours that stay apart for colour-blind readers (Okabe and Ito).
pub(crate) const COLOURS: [RGBColor; 7] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(184, 168, 0),
];

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub colour: RGBColor,
    /// Points.
    pub width: f64,
}

fn coloured(index: usize) -> RGBColor {
    COLOURS[index % COLOURS.len()]
}

/// Lines of Hamiltonians: H⁽⁰⁾ thin and grey, predictions broad and coloured, the converged one thin and black on top. One
/// alone is coloured, by its spin where it has two, or black where colours tell groups of orbitals.
pub(super) fn strokes(roles: &[Role], n_spins: usize, has_groups: bool) -> Vec<[Stroke; 2]> {
    if let [_] = roles {
        let stroke = |colour| Stroke { colour, width: 1.1 };
        return match (has_groups, n_spins) {
            (true, _) => vec![[Stroke { colour: INK, width: 0.6 }; 2]],
            (false, 2) => vec![[stroke(COLOURS[0]), stroke(COLOURS[1])]],
            (false, _) => vec![[stroke(COLOURS[1]); 2]],
        };
    }
    let mut predicted = 0..;
    let mut stroke = |role: &Role| match role {
        Role::H0 => Stroke { colour: H0_GREY, width: 0.8 },
        Role::Predicted => Stroke { colour: coloured(predicted.next().unwrap_or(0)), width: 2.2 },
        Role::Scf => Stroke { colour: INK, width: 0.8 },
    };
    roles.iter().map(|role| [stroke(role); 2]).collect()
}

/// Groups of orbitals that share a colour.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    pub name: String,
    pub members: Vec<usize>,
    pub colour: RGBColor,
}

impl Shown {
    /// What the group has of a state; Mulliken's weights may be less than nothing.
    pub fn weight(&self, weights: &[f64]) -> f64 {
        self.members.iter().filter_map(|&member| weights.get(member)).sum::<f64>().max(0.0)
    }
}

/// At most so many colours are told apart.
const MOST_GROUPS: usize = 8;

/// Groups with colours that no prediction has; where they are many, those that weigh least (`weights`) become one grey group.
pub(super) fn shown_groups(names: &[String], weights: &[f64], roles: &[Role]) -> Vec<Shown> {
    let taken = if roles.len() > 1 { roles.iter().filter(|role| **role == Role::Predicted).count() } else { 0 };
    let mut order: Vec<usize> = (0..names.len()).collect();
    let mut others = Vec::new();
    if names.len() > MOST_GROUPS {
        order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
        others = order.split_off(MOST_GROUPS - 1);
        order.sort_unstable();
    }
    let one = |(place, &group): (usize, &usize)| {
        let colour = if place < COLOURS.len() { coloured(place + taken) } else { OTHERS_GREY };
        Shown { name: names[group].clone(), members: vec![group], colour }
    };
    let mut shown: Vec<Shown> = order.iter().enumerate().map(one).collect();
    if !others.is_empty() {
        shown.push(Shown { name: "others".to_owned(), members: others, colour: OTHERS_GREY });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_groups_become_eight() {
        let names: Vec<String> = (0..20).map(|i| i.to_string()).collect();
        let weights: Vec<f64> = (0..20).map(|i| if i % 3 == 0 { 1.0 } else { 0.01 * i as f64 }).collect();
        let shown = shown_groups(&names, &weights, &[Role::Scf]);
        let kept: Vec<&str> = shown.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(kept, ["0", "3", "6", "9", "12", "15", "18", "others"]);
        assert_eq!(shown[7].members.len(), 13);
        assert_eq!(shown_groups(&names[..8], &weights, &[Role::Scf]).len(), 8);
    }

    #[test]
    fn groups_and_predictions_have_colours_of_their_own() {
        let roles = [Role::H0, Role::Predicted, Role::Scf];
        let lines = strokes(&roles, 1, true);
        let groups = shown_groups(&["C".to_owned(), "H".to_owned()], &[1.0, 1.0], &roles);
        assert!(groups.iter().all(|group| lines.iter().all(|line| line[0].colour != group.colour)));
    }
}
