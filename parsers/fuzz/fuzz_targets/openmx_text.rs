//! OpenMX' text files, and its restart files: an error or a value, never a panic.
#![no_main]

use hzero_parsers::input::ByteOrder;
use hzero_parsers::openmx::rst::{CrstCheck, Rst};
use hzero_parsers::openmx::{Band, Dat, Out, recipe};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = (Band::parse(bytes), Out::parse(bytes), CrstCheck::parse(bytes));
    let _ = recipe::restart(&Dat::parse(bytes));
    if let Ok(rst) = Rst::parse(bytes, ByteOrder::Little) {
        let mut written = Vec::new();
        rst.write(&mut written).unwrap();
        assert_eq!(written, bytes);
    }
});
