//! The small text files of a run: an error or a value, never a panic. What parses as STRU is written and parsed again.
#![no_main]

use hzero_parsers::abacus::eigenvalues::Eigenvalues;
use hzero_parsers::abacus::{Info, InputFile, Kpt, Log, OrbHeader, Stru, log};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = InputFile::parse(bytes);
    let _ = Kpt::parse(bytes);
    let _ = Log::parse(bytes);
    let _ = log::parse_kpoints(bytes);
    let _ = OrbHeader::parse(bytes);
    let _ = Info::parse(bytes);
    let _ = Eigenvalues::parse_bands(bytes);
    let _ = Eigenvalues::parse_istate(bytes);
    let _ = Eigenvalues::parse_eig_occ(bytes);
    let _ = Eigenvalues::parse_log(bytes);
    if let Ok(stru) = Stru::parse(bytes) {
        assert!(Stru::parse(stru.write().as_bytes()).is_ok());
    }
});
