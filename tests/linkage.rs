//! `ham-convert` runs on machines without libtorch; `hzero` needs it only where it was built with the network.

fn names_libtorch(binary: &str) -> bool {
    let bytes = std::fs::read(binary).expect("the binary was built for this test");
    let name = b"libtorch_cpu.so";
    bytes.windows(name.len()).any(|window| window == name)
}

#[test]
fn ham_convert_never_needs_libtorch() {
    assert!(!names_libtorch(env!("CARGO_BIN_EXE_ham-convert")));
}

#[test]
fn hzero_needs_libtorch_exactly_with_the_network() {
    assert_eq!(names_libtorch(env!("CARGO_BIN_EXE_hzero")), cfg!(feature = "torch"));
}
