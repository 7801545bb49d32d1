//! Folders of DeepH: those that DeepH-dock wrote hold what hzero reads of the same runs, and those that hzero writes come back
//! to the last bit.
#![cfg(feature = "hdf5")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hzero_parsers::convert::{Fate, Notes, Report, Request, WriteOptions, Writing, convert};
use hzero_parsers::format::Format;
use hzero_parsers::operator::{Operator, Pair, Pairs, SpinOperator, c64};
use hzero_parsers::{Calculation, Of, ReadOptions, deeph, read};

/// DeepH-dock's constants: those of its reader of ABACUS, and of its other readers.
const ABACUS_EV: f64 = 27.211396;
const OTHER_EV: f64 = 27.2113845;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

fn run(path: &Path) -> Calculation {
    read(path, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Complex components uu, ud, du, dd of any operator; without spin uu alone.
fn components(operator: &SpinOperator) -> Vec<Operator<c64>> {
    let complex = |o: &Operator<f64>| {
        Operator::new(o.pairs().clone(), o.values().iter().map(|&x| c64::from(x)).collect()).unwrap()
    };
    match operator {
        SpinOperator::Unpolarized(o) => vec![complex(o)],
        SpinOperator::Collinear([up, down]) => {
            let zero = Operator::zeros(up.pairs().clone());
            vec![complex(up), zero.clone(), zero, complex(down)]
        }
        SpinOperator::Spinor(four) => four.to_vec(),
    }
}

/// Every block of `peer` is one of ours, with the same elements up to a few units in the last place.
fn assert_close(peer: &Operator<c64>, ours: &Operator<c64>, name: &str) {
    for (pair, block) in peer.blocks() {
        let own = ours.get(pair).unwrap_or_else(|| panic!("{name}: we lack {pair:?}"));
        for (a, b) in block.iter().zip(own) {
            assert!((a - b).norm() <= 1e-15 * (1.0 + b.norm()), "{name} {pair:?}: {a} instead of {b}");
        }
    }
}

/// The peer's folder, the run that it was made of, eV per hartree, number of blocks.
const PEERS: [(&str, &str, f64, usize); 9] = [
    ("deeph/abacus_graphene", "abacus/graphene", ABACUS_EV, 158),
    ("deeph/abacus_o2", "abacus/O2_box", ABACUS_EV, 4),
    ("deeph/siesta_graphene", "siesta_nc/graphene/hsx/graphene.HSX.gz", OTHER_EV, 80),
    ("deeph/openmx_h2o", "openmx/h2o", OTHER_EV, 9),
    ("deeph/openmx_gaas_soc", "openmx/gaas_soc", OTHER_EV, 58),
    ("deeph-legacy/siesta_h2o", "siesta/h2o", OTHER_EV, 9),
    ("deeph-legacy/openmx_h2o", "openmx/h2o", OTHER_EV, 9),
    ("deeph-legacy/openmx_h2o_nc", "openmx/h2o_nc", OTHER_EV, 9),
    ("deeph-legacy/openmx_silicene_f", "openmx/silicene_f", OTHER_EV, 26),
];

#[test]
fn the_peers_folders_hold_what_we_read_of_the_same_runs() {
    for (folder, source, ev, n_blocks) in PEERS {
        let (peer, ours) = (run(&fixture(folder)), run(&fixture(source)));
        assert_eq!((peer.origin.code, peer.origin.ev_per_hartree), ("DeepH", ev), "{folder}");
        let (h, s) = (peer.hamiltonian.as_ref().unwrap(), peer.overlap.as_ref().unwrap());
        assert_eq!((h.pairs().len(), s.pairs().len()), (n_blocks, n_blocks), "{folder}");
        let own = components(ours.hamiltonian.as_ref().unwrap());
        assert_eq!(components(h).len(), own.len(), "{folder}");
        components(h).iter().zip(&own).for_each(|(peer, own)| assert_close(peer, own, folder));
        let own = components(&SpinOperator::Unpolarized(ours.overlap.clone().unwrap()));
        components(&SpinOperator::Unpolarized(s.clone()))
            .iter()
            .zip(&own)
            .for_each(|(p, o)| assert_close(p, o, folder));
        let (cell, shift) = peer.structure.distance(&ours.structure);
        assert!(cell < 1e-4 && shift < 1e-4, "{folder}: {cell} {shift}");
        let apart = peer.fermi_level.unwrap() - ours.fermi_level.unwrap();
        assert!(apart.abs() < 1e-6, "{folder}: {apart}");
    }
}

/// Blocks of both are bitwise equal; what `back` has beyond them is zero.
fn assert_same_bits(there: &Operator<c64>, back: &Operator<c64>, name: &str) {
    let bits = |block: &[c64]| block.iter().map(|x| [x.re.to_bits(), x.im.to_bits()]).collect::<Vec<_>>();
    for (pair, block) in back.blocks() {
        match there.get(pair) {
            Some(own) => assert_eq!(bits(block), bits(own), "{name} {pair:?}"),
            None => assert!(block.iter().all(|&x| x == c64::ZERO), "{name} {pair:?}"),
        }
    }
    assert!(there.blocks().all(|(pair, _)| back.get(pair).is_some()), "{name}");
}

/// The same run, but for blocks of zeros that DeepH's one list of blocks asks for.
fn assert_same_run(there: &Calculation, back: &Calculation, name: &str) {
    assert_eq!((&there.structure, &there.basis), (&back.structure, &back.basis), "{name}");
    assert_eq!((there.fermi_level, there.n_electrons), (back.fermi_level, back.n_electrons), "{name}");
    assert_eq!(there.origin.ev_per_hartree, back.origin.ev_per_hartree, "{name}");
    let overlaps = [there, back].map(|run| run.overlap.clone().map(SpinOperator::Unpolarized));
    let pairs = [
        [&overlaps[0], &overlaps[1]],
        [&there.hamiltonian, &back.hamiltonian],
        [&there.density_matrix, &back.density_matrix],
    ];
    for [there, back] in pairs {
        assert_eq!(there.is_some(), back.is_some(), "{name}");
        let (Some(there), Some(back)) = (there, back) else { continue };
        assert_eq!(there.nspin(), back.nspin(), "{name}");
        components(there).iter().zip(components(back)).for_each(|(there, back)| assert_same_bits(there, &back, name));
    }
}

fn converted(source: &Path, target: &Path, format: Format) -> Report {
    convert(&Request::new(source, target, format)).unwrap_or_else(|error| panic!("{error}"))
}

fn filled(report: &Report) -> Vec<&str> {
    report.notes.iter().filter(|note| note.fate == Fate::Filled).map(|note| note.text.as_str()).collect()
}

#[test]
fn there_and_back_is_the_same_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let systems = [
        ("abacus/graphene", 1),
        ("abacus/O2_box", 2),
        ("siesta/h2o", 1),
        ("siesta/fe", 2),
        ("siesta/feas_so", 4),
        ("openmx/gaas_soc", 4),
        ("openmx/silicene_f", 1),
    ];
    for (name, nspin) in systems {
        let there = run(&fixture(name));
        assert_eq!(there.nspin(), Some(nspin), "{name}");
        for format in [Format::Deeph, Format::DeephLegacy] {
            if nspin == 2 && format == Format::DeephLegacy {
                continue;
            }
            let target = folder.path().join(format!("{}.{format}", name.replace('/', "-")));
            converted(&fixture(name), &target, format);
            assert_same_run(&there, &run(&target), &target.display().to_string());
        }
    }
}

/// One list of blocks for H and S: S gets zeros, H loses nothing.
#[test]
fn blocks_that_s_lacks_are_kept_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let report = converted(&fixture("abacus/graphene"), &folder.path().join("deeph"), Format::Deeph);
    let there = run(&fixture("abacus/graphene"));
    let [n_h, n_s] = [there.hamiltonian.unwrap().pairs().len(), there.overlap.unwrap().pairs().len()];
    assert_eq!((n_h, n_s), (170, 158));
    assert_eq!(filled(&report), ["12 of 170 blocks of S, which other matrices of the run have"]);
    let back = run(&folder.path().join("deeph"));
    assert_eq!((back.hamiltonian.unwrap().pairs().len(), back.overlap.unwrap().pairs().len()), (170, 170));
}

/// A run whose S lacks blocks of H, written by hand, without anything beside it.
fn spinor_with_blocks_of_h_alone(target: &Path, format: Format) -> Calculation {
    let mut run = run(&fixture("openmx/gaas_soc"));
    let s = run.overlap.as_ref().unwrap();
    let kept: Vec<(Pair, Vec<f64>)> =
        s.blocks().filter(|(pair, _)| pair.r[0] == 0).map(|(pair, block)| (*pair, block.to_vec())).collect();
    let pairs = Pairs::new(kept.iter().map(|(pair, _)| *pair).collect(), &run.basis).unwrap();
    assert!(pairs.len() < s.pairs().len());
    run.overlap =
        Some(Operator::new(Arc::new(pairs), kept.into_iter().flat_map(|(_, block)| block).collect()).unwrap());
    let (options, notes) = (WriteOptions::default(), Notes::default());
    let job = Writing {
        run: &run,
        hamiltonian: run.hamiltonian.as_ref().map(|h| (Of::Scf, h)),
        options: &options,
        notes: &notes,
    };
    std::fs::create_dir(target).unwrap();
    match format {
        Format::DeephLegacy => deeph::legacy::write(target, &job).unwrap(),
        _ => deeph::updated::write(target, &job).unwrap(),
    }
    run
}

#[test]
fn spinors_keep_their_bits_where_s_has_fewer_blocks_and_nothing_lies_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Deeph, Format::DeephLegacy] {
        let target = folder.path().join(format.to_string());
        let there = spinor_with_blocks_of_h_alone(&target, format);
        let back = run(&target);
        // without hzero.json: the constant is found out, the hints are there
        assert_eq!(back.origin.ev_per_hartree, there.origin.ev_per_hartree);
        let [there, back] = [there, back].map(|run| run.hamiltonian.unwrap());
        components(&there)
            .iter()
            .zip(components(&back))
            .for_each(|(there, back)| assert_same_bits(there, &back, "spinor"));
    }
}

#[test]
fn the_peers_electronvolts_come_back_from_our_folder() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["deeph/siesta_graphene", "deeph/openmx_gaas_soc"] {
        let target = folder.path().join(name.replace('/', "-"));
        converted(&fixture(name), &target, Format::Deeph);
        let entries = |folder: &Path, file: &str| {
            let path = [file.to_owned(), format!("{file}.zst")]
                .map(|name| folder.join(name))
                .into_iter()
                .find(|p| p.is_file());
            let data = hzero_parsers::h5::Source::open(&path.unwrap()).unwrap();
            let data = data.data("entries").unwrap();
            let mut values = data
                .complexes()
                .map_or_else(|_| data.reals().unwrap(), |z| z.iter().flat_map(|z| [z.re, z.im]).collect());
            // the order of blocks is free
            values.sort_by(f64::total_cmp);
            values
        };
        for file in ["hamiltonian.h5", "overlap.h5"] {
            let (peer, ours) = (entries(&fixture(name), file), entries(&target, file));
            let apart = peer.iter().zip(&ours).filter(|(a, b)| a != b).count();
            // sums of two terms, which the peer converted one by one, need not be reached
            let allowed = if name.ends_with("soc") && file == "hamiltonian.h5" { peer.len() / 20 } else { 0 };
            assert!(peer.len() == ours.len() && apart <= allowed, "{name} {file}: {apart} of {}", peer.len());
        }
    }
}
