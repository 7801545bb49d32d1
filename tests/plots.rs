//! The curves in a figure are the numbers in the JSON beside it.

use std::sync::Arc;

use hzero::bands::dos::{Dos, DosCurve};
use hzero::bands::export::json;
use hzero::bands::plot::{DosFigure, Figure};
use hzero::bands::spectrum::SpectrumOptions;
use hzero::bands::structure::{Align, BandStructure, Role, Source, compute, own_sources, path};
use hzero::parsers::{
    Basis, Calculation, Of, Operator, Origin, Pair, Pairs, Shell, Smearing, Species, SpinOperator, Structure,
};
use nalgebra::{Matrix3, Vector3};
use serde_json::Value;

const WINDOW: [f64; 2] = [-9.0, 7.5];

/// Graphene with one orbital per atom: on-site energy and hopping (or overlap) of neighbours, hartree.
fn operator(pairs: &Arc<Pairs>, onsite: f64, neighbour: f64) -> Operator<f64> {
    let value = |pair: &Pair| if pair.is_onsite() { onsite } else { neighbour };
    Operator::new(pairs.clone(), pairs.as_slice().iter().map(value).collect()).unwrap()
}

fn graphene(spins: usize) -> Calculation {
    let (a, height) = (4.65, 0.75f64.sqrt());
    let lattice = Matrix3::new(a, 0.0, 0.0, -0.5 * a, height * a, 0.0, 0.0, 0.0, 30.0);
    let positions = vec![Vector3::zeros(), lattice.tr_mul(&Vector3::new(1.0 / 3.0, 2.0 / 3.0, 0.0))];
    let shells = vec![Shell { l: 0, zeta: 1, n: None }];
    let carbon = Species { label: "C".into(), z: Some(6), shells, cutoff: None };
    let basis = Basis::new(vec![carbon], &[0, 0]).unwrap();
    let bonds = [[0, 0, 0], [-1, -1, 0], [0, -1, 0]].map(|r| Pair { i: 0, j: 1, r });
    let mut pairs: Vec<Pair> = bonds.iter().flat_map(|bond| [*bond, bond.reversed()]).collect();
    pairs.extend([Pair::onsite(0), Pair::onsite(1)]);
    let pairs = Arc::new(Pairs::new(pairs, &basis).unwrap());
    let h = |onsite: f64, hopping| operator(&pairs, onsite, hopping);
    let hamiltonian = match spins {
        1 => SpinOperator::Unpolarized(h(-0.17, -0.11)),
        _ => SpinOperator::Collinear([h(-0.19, -0.11), h(-0.15, -0.10)]),
    };
    let structure = Structure { lattice, positions, species: vec![0, 0] };
    Calculation {
        overlap: Some(operator(&pairs, 1.0, 0.12)),
        hamiltonian: Some(hamiltonian),
        hamiltonian0: (spins == 1).then(|| SpinOperator::Unpolarized(h(-0.1, -0.085))),
        n_electrons: Some(2.0),
        smearing: Some(Smearing::Gaussian(0.005)),
        ..Calculation::new(structure, basis, Origin::default())
    }
}

fn bands(run: &Calculation, sources: &[Source<'_>]) -> BandStructure {
    let path = path(run, Some("G-M-K-G|M-K"), Some(120)).unwrap();
    compute(run, sources, path, Align::Fermi, SpectrumOptions::default()).unwrap()
}

/// Numbers in an attribute of an SVG element.
fn attribute(element: &str, name: &str) -> Vec<f64> {
    let start = element.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
    let value = element[start..].split('"').next().unwrap();
    value.split([' ', ',']).filter(|word| !word.is_empty()).map(|word| word.parse().unwrap()).collect()
}

/// Points of a polyline or polygon.
fn points_of(element: &str) -> Vec<(f64, f64)> {
    attribute(element, "points").chunks_exact(2).map(|p| (p[0], p[1])).collect()
}

/// A closed line with four corners.
fn is_frame(points: &[(f64, f64)]) -> bool {
    points.len() == 5 && points[0] == points[4]
}

/// Points of all polylines of one colour inside the frame (samples of the legend lie above it), and the frame (left, top, width, height), in drawing units.
fn read_svg(svg: &str, colour: &str) -> (Vec<(f64, f64)>, [f64; 4]) {
    let elements = || svg.split('<');
    let of_colour = elements().filter(|e| e.starts_with("polyline") && e.contains(colour));
    let frame =
        elements().filter(|e| e.starts_with("polyline")).map(points_of).find(|points| is_frame(points)).unwrap();
    let frame = [frame[0].0, frame[0].1, frame[2].0 - frame[0].0, frame[2].1 - frame[0].1];
    (of_colour.flat_map(points_of).filter(|point| point.1 >= frame[1]).collect(), frame)
}

/// Energies of a band at a distance, linear between the points of the JSON; one value for each side of a jump.
fn expected(json: &Value, spin: usize, band: usize, distance: f64) -> Vec<f64> {
    let numbers: Vec<f64> = json["distances"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    let curve = &json["hamiltonians"][0];
    let energy = |k: usize| curve["energies"][spin][k][band].as_f64().unwrap() - curve["zero"].as_f64().unwrap();
    let slack = 1e-3;
    let legs = (1..numbers.len()).filter(|&k| numbers[k] > numbers[k - 1]);
    let near = legs.filter(|&k| (numbers[k - 1] - slack..=numbers[k] + slack).contains(&distance));
    near.map(|k| {
        let t = (distance - numbers[k - 1]) / (numbers[k] - numbers[k - 1]);
        energy(k - 1) + t * (energy(k) - energy(k - 1))
    })
    .collect()
}

/// Largest distance in eV of the drawn points from the nearest band of the JSON, and the number of points.
fn deviation(svg: &str, json: &Value, colour: &str, spin: usize) -> (f64, usize) {
    let (points, [left, top, width, height]) = read_svg(svg, colour);
    let total = json["distances"].as_array().unwrap().last().unwrap().as_f64().unwrap();
    let error = |&(x, y): &(f64, f64)| {
        let energy = WINDOW[1] - (y - top) / height * (WINDOW[1] - WINDOW[0]);
        let values = (0..2).flat_map(|band| expected(json, spin, band, (x - left) / width * total));
        values.map(|value| (value - energy).abs()).fold(f64::INFINITY, f64::min)
    };
    (points.iter().map(error).fold(0.0, f64::max), points.len())
}

#[test]
fn curves_of_the_svg_are_those_of_the_json() {
    let run = graphene(2);
    let bands = bands(&run, &own_sources(&run, Some(Of::Scf)).unwrap());
    let svg = Figure::new(&bands, WINDOW).unwrap().svg().unwrap();
    let json = serde_json::to_value(json(&bands)).unwrap();
    for (spin, colour) in [(0, "#D55E00"), (1, "#0072B2")] {
        let (error, points) = deviation(&svg, &json, colour, spin);
        println!("spin {spin}: {points} points, at most {error:.1e} eV from the JSON");
        assert!(points > 200, "{points} points of {colour}");
        assert!(error < 0.02, "{error}");
    }
    let (wrong, _) = deviation(&svg, &json, "#D55E00", 1);
    assert!(wrong > 0.3, "the test tells spins apart: {wrong}");
}

#[test]
fn figures_name_corners_and_hamiltonians() {
    let run = graphene(1);
    let mut sources = own_sources(&run, None).unwrap();
    let predicted = run.hamiltonian.clone().unwrap();
    sources.insert(1, Source { name: "predicted".into(), role: Role::Predicted, hamiltonian: &predicted });
    let bands = bands(&run, &sources);
    let level = |i: usize| bands.curves[i].fermi_level.unwrap();
    assert!((level(1) - level(2)).abs() < 1e-9 && (level(0) - level(2)).abs() > 0.05);

    let figure = Figure::new(&bands, WINDOW).unwrap();
    let svg = figure.svg().unwrap();
    let elements = svg.split("<text").skip(1);
    let texts: Vec<&str> = elements.filter_map(|e| e.split(['>', '<']).nth(1)).map(str::trim).collect();
    for text in ["Γ", "M", "K", "Γ|M", "H⁽⁰⁾", "predicted", "converged", "−4", "0", "4", "E − E", "F", "(eV)"]
    {
        assert!(texts.contains(&text), "{text} is not in {texts:?}");
    }
    let png = figure.png().unwrap();
    if let Ok(folder) = std::env::var("HZERO_PLOTS") {
        std::fs::write(format!("{folder}/graphene.svg"), &svg).unwrap();
        std::fs::write(format!("{folder}/graphene.png"), &png).unwrap();
    }
    let orange = pixels(&png).chunks_exact(3).filter(|p| p[0] > 180 && p[2] < 60).count();
    assert!(orange > 1000, "{orange} pixels of the prediction");
}

fn pixels(png: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut buffer).unwrap();
    buffer
}

#[test]
fn an_empty_window_is_refused() {
    let run = graphene(1);
    let bands = bands(&run, &own_sources(&run, None).unwrap());
    for window in [[1.0, 1.0], [2.0, -2.0], [f64::NAN, 1.0]] {
        assert!(Figure::new(&bands, window).is_err());
    }
}

/// Two groups: the first has all of the lower band and half of the upper one.
fn fat(mut bands: BandStructure) -> BandStructure {
    let weights = |_: &Vec<f64>| vec![vec![1.0, 0.0], vec![0.5, 0.5]];
    for curve in &mut bands.curves {
        curve.weights = Some(curve.energies.iter().map(|spin| spin.iter().map(weights).collect()).collect());
    }
    bands.groups = vec!["C s".into(), "C p".into()];
    bands
}

/// Points of the polygons of one colour.
fn polygons(svg: &str, colour: &str) -> Vec<Vec<(f64, f64)>> {
    let of_colour = svg.split('<').filter(|e| e.starts_with("polygon") && e.contains(colour));
    of_colour.map(points_of).collect()
}

fn area(points: &[(f64, f64)]) -> f64 {
    let next = points.iter().cycle().skip(1);
    0.5 * points.iter().zip(next).map(|(a, b)| a.0 * b.1 - a.1 * b.0).sum::<f64>().abs()
}

#[test]
fn fat_bands_are_as_broad_as_their_weights() {
    let run = graphene(1);
    let bands = fat(bands(&run, &own_sources(&run, Some(Of::Scf)).unwrap()));
    let svg = Figure::new(&bands, WINDOW).unwrap().svg().unwrap();
    write_for_a_person("fat", &svg);
    // Each of two bands on two parts of the path.
    let (first, second) = (polygons(&svg, "#D55E00"), polygons(&svg, "#0072B2"));
    assert!(first.len() > second.len() && second.len() >= 2, "{} and {}", first.len(), second.len());
    let (black, _) = read_svg(&svg, "#000000");
    assert!(black.len() > 200, "the bands themselves are thin and black");
    let total = |polygons: &[Vec<(f64, f64)>]| polygons.iter().map(|points| area(points)).sum::<f64>();
    let upper: f64 = 2.0 * total(&second);
    let lower = total(&first) - total(&second);
    assert!(lower > 0.0 && (0.2..5.0).contains(&(lower / upper)), "{lower} and {upper}");
    assert!(svg.contains("C s") && svg.contains("C p"));
}

/// Between two points of a band, as a part of the frame's height.
fn largest_step(svg: &str) -> f64 {
    let (_, [.., height]) = read_svg(svg, "#0072B2");
    let lines = svg.split('<').filter(|e| e.starts_with("polyline") && e.contains("#0072B2"));
    let step = |points: Vec<f64>| {
        points.chunks(2).zip(points.chunks(2).skip(1)).map(|(a, b)| (a[1] - b[1]).abs()).fold(0.0, f64::max)
    };
    lines.map(|e| step(attribute(e, "points"))).fold(0.0, f64::max) / height
}

#[test]
fn a_window_of_states_joins_equal_bands() {
    let run = graphene(1);
    let whole = bands(&run, &own_sources(&run, Some(Of::Scf)).unwrap());
    let mut cut = whole.clone();
    let n_k = cut.path.points.len();
    let first: Vec<usize> = (0..n_k).map(|k| usize::from(k % 40 > 30)).collect();
    let energies = cut.curves[0].energies[0].iter_mut().zip(&first);
    energies.for_each(|(energies, &first)| drop(energies.drain(..first)));
    cut.curves[0].first_band = Some(vec![first]);
    let json = serde_json::to_value(json(&whole)).unwrap();
    let drawn = |bands: &BandStructure| Figure::new(bands, WINDOW).unwrap().svg().unwrap();
    let (error, points) = deviation(&drawn(&cut), &json, "#0072B2", 0);
    let (_, all) = deviation(&drawn(&whole), &json, "#0072B2", 0);
    assert!(error < 0.02 && points < all && points > all / 2, "{error} eV, {points} of {all} points");
    let joined = largest_step(&drawn(&cut));
    cut.curves[0].first_band = None;
    let jumping = largest_step(&drawn(&cut));
    assert!(joined < 0.1 && jumping > 0.2, "{joined} and, without indices, {jumping} of the frame");
}

#[test]
fn unfolded_states_are_points() {
    let run = graphene(1);
    let mut unfolded = bands(&run, &own_sources(&run, Some(Of::Scf)).unwrap());
    unfolded.unfolded = true;
    unfolded.groups = vec!["spectral weight".into()];
    let weights = |_: &Vec<f64>| vec![vec![0.5], vec![0.001]];
    unfolded.curves[0].weights = Some(vec![unfolded.curves[0].energies[0].iter().map(weights).collect()]);
    let svg = Figure::new(&unfolded, WINDOW).unwrap().svg().unwrap();
    let points: Vec<&str> = svg.split('<').filter(|e| e.starts_with("circle")).collect();
    let lower = unfolded.curves[0].energies[0].iter().map(|e| unfolded.relative_ev(&unfolded.curves[0], e[0]));
    assert_eq!(points.len(), lower.filter(|e| (WINDOW[0]..=WINDOW[1]).contains(e)).count());
    assert!(points.iter().all(|point| point.contains("opacity=\"0.5\"")), "{}", points[0]);
}

fn dos(spins: usize, relative: bool) -> Dos {
    let energies: Vec<f64> = (-100..=100).map(|i| i as f64 * 0.004).collect();
    let peak =
        |centre: f64| energies.iter().map(|e| 20.0 * (-((e - centre) / 0.03).powi(2)).exp()).collect::<Vec<f64>>();
    let total: Vec<Vec<f64>> = (0..spins).map(|spin| peak(-0.1 + 0.2 * spin as f64)).collect();
    let half = |total: &Vec<f64>| vec![total.iter().map(|x| 0.5 * x).collect::<Vec<f64>>(); 2];
    let curve = DosCurve {
        name: "SCF".into(),
        role: Role::Scf,
        fermi_level: Some(0.0),
        zero: 0.0,
        integrated: total.clone(),
        projected: Some(total.iter().map(half).collect()),
        total,
    };
    Dos { energies, groups: vec!["C s".into(), "C p".into()], curves: vec![curve], relative, ev_per_hartree: 27.2 }
}

/// The tip of the longest black line inside the frame, as parts of the frame.
fn tips(svg: &str) -> Vec<(f64, f64)> {
    let (_, [left, top, width, height]) = read_svg(svg, "#000000");
    let lines = svg.split('<').filter(|e| e.starts_with("polyline") && e.contains("#000000"));
    let curves = lines.map(|e| attribute(e, "points")).filter(|points| points.len() > 50);
    let part = |points: Vec<f64>| {
        let points: Vec<(f64, f64)> =
            points.chunks_exact(2).map(|p| ((p[0] - left) / width, (p[1] - top) / height)).collect();
        let away = |p: &(f64, f64)| (p.1 - points[0].1).abs();
        points.iter().copied().max_by(|a, b| away(a).total_cmp(&away(b))).unwrap()
    };
    curves.map(part).collect()
}

#[test]
fn spins_of_a_density_are_mirrored() {
    let two = dos(2, true);
    let svg = DosFigure::new(&two, WINDOW).unwrap().svg().unwrap();
    write_for_a_person("dos", &svg);
    let tips = tips(&svg);
    assert_eq!(tips.len(), 2);
    let at = |energy: f64| (energy - WINDOW[0]) / (WINDOW[1] - WINDOW[0]);
    for ((x, y), (energy, height)) in tips.into_iter().zip([(-2.72, 0.5 / 1.05), (2.72, -0.5 / 1.05)]) {
        assert!((x - at(energy)).abs() < 0.01 && (0.5 - y - height).abs() < 0.01, "({x}, {y})");
    }
    assert_eq!(polygons(&svg, "#D55E00").len(), 2, "one area per spin");
    assert!(svg.contains("states / eV"));
    let upright = DosFigure::new(&dos(1, false), WINDOW).unwrap().svg().unwrap();
    assert!(upright.contains("E (eV)") && !upright.contains("E − E"));
}

#[test]
fn densities_stand_beside_bands_with_the_same_groups() {
    let run = graphene(1);
    let bands = fat(bands(&run, &own_sources(&run, Some(Of::Scf)).unwrap()));
    let mut dos = dos(1, true);
    let alone = Figure::new(&bands, WINDOW).unwrap().svg().unwrap();
    let beside = Figure::with_dos(&bands, Some(&dos), WINDOW).unwrap();
    let svg = beside.svg().unwrap();
    write_for_a_person("beside", &svg);
    let lines = |svg: &str| svg.split('<').filter(|e| e.starts_with("polyline")).map(points_of).collect::<Vec<_>>();
    let frames = |svg: &str| lines(svg).iter().filter(|points| is_frame(points)).count();
    assert_eq!((frames(&alone), frames(&svg)), (1, 2));
    assert!(beside.png().unwrap().len() > 10_000);
    dos.groups[1] = "C d".into();
    let error = Figure::with_dos(&bands, Some(&dos), WINDOW).err().unwrap().to_string();
    assert!(error.starts_with("bands have the groups"), "{error}");
}

/// Into the folder that `HZERO_PLOTS` names.
fn write_for_a_person(name: &str, svg: &str) {
    if let Ok(folder) = std::env::var("HZERO_PLOTS") {
        std::fs::write(format!("{folder}/{name}.svg"), svg).unwrap();
    }
}
