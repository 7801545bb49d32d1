//! `ham-convert` runs on machines without libtorch; `hzero` needs it only where it was built with the network. HDF5 is needed
//! only by builds with the feature.

/// Is a shared library of this name among what the binary needs?
fn names(binary: &str, library: &str) -> bool {
    let bytes = std::fs::read(binary).expect("the binary was built for this test");
    let starts = bytes.windows(library.len()).enumerate().filter(|(_, window)| *window == library.as_bytes());
    starts.into_iter().any(|(at, _)| {
        let name = bytes[at..].split(|&byte| byte == 0).next().unwrap_or_default();
        name.len() < 40 && name.windows(3).any(|window| window == b".so")
    })
}

#[test]
fn ham_convert_never_needs_libtorch() {
    assert!(!names(env!("CARGO_BIN_EXE_ham-convert"), "libtorch_cpu.so"));
}

#[test]
fn hzero_needs_libtorch_exactly_with_the_network() {
    assert_eq!(names(env!("CARGO_BIN_EXE_hzero"), "libtorch_cpu.so"), cfg!(feature = "torch"));
}

#[test]
fn hdf5_is_needed_only_with_its_feature() {
    assert_eq!(names(env!("CARGO_BIN_EXE_hzero"), "libhdf5"), cfg!(feature = "hdf5"));
    assert!(cfg!(feature = "hdf5") || !names(env!("CARGO_BIN_EXE_ham-convert"), "libhdf5"));
}
