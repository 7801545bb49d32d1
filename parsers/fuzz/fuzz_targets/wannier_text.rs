//! Wannier90's text files, and POSCAR: an error or a value, never a panic.
#![no_main]

use hzero_parsers::poscar::Poscar;
use hzero_parsers::wannier::parse;
use hzero_parsers::wannier::win::{Win, parse_centres};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = (parse::hr(bytes), parse::tb(bytes), parse_centres(bytes), Poscar::parse(bytes));
    if let Ok(win) = Win::parse(bytes) {
        let _ = win.centres(8);
    }
});
