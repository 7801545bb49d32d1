//! The text files of a SIESTA run: an error or a value, never a panic.
#![no_main]

use hzero_parsers::siesta::eigenvalues::{Bands, Eigenvalues, parse_kp};
use hzero_parsers::siesta::fdf::grammar;
use hzero_parsers::siesta::geometry::Geometry;
use hzero_parsers::siesta::ion_xml::IonXml;
use hzero_parsers::siesta::log::Log;
use hzero_parsers::siesta::orb_indx::OrbIndx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = grammar::statements(&String::from_utf8_lossy(bytes));
    let _ = (Geometry::parse_xv(bytes), Geometry::parse_struct_out(bytes, 0.529177));
    let _ = (Eigenvalues::parse_eig(bytes), Bands::parse(bytes), parse_kp(bytes));
    let _ = (OrbIndx::parse(bytes).and_then(|table| table.species()), IonXml::parse(bytes), Log::parse(bytes));
});
