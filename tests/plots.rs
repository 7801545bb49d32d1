//! The curves in a figure are the numbers in the JSON beside it.

use std::sync::Arc;

use hzero::bands::export::json;
use hzero::bands::plot::Figure;
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

/// Points of all polylines of one colour inside the frame (samples of the legend lie above it), and the frame (left, top, width, height), in drawing units.
fn read_svg(svg: &str, colour: &str) -> (Vec<(f64, f64)>, [f64; 4]) {
    let elements = || svg.split('<');
    let of_colour = elements().filter(|e| e.starts_with("polyline") && e.contains(colour));
    let points = |e: &str| attribute(e, "points").chunks_exact(2).map(|p| (p[0], p[1])).collect::<Vec<_>>();
    let frame = elements().find(|e| e.starts_with("rect") && e.contains("fill=\"none\"")).unwrap();
    let frame = ["x", "y", "width", "height"].map(|name| attribute(frame, name)[0]);
    (of_colour.flat_map(points).filter(|point| point.1 >= frame[1]).collect(), frame)
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
