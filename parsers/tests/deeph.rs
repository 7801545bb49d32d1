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
