//! Lets the binaries find what they need: libtorch at run time (beside the binary first, then where it was when they were built),
//! and `hzero-mpi` ELPA.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
    #[cfg(feature = "elpa")]
    link_elpa();
}

/// Asks pkg-config for `elpa`, or for what `ELPA_PACKAGE` names (such as `elpa_openmp`). Only `hzero-mpi` is linked with it.
#[cfg(feature = "elpa")]
fn link_elpa() {
    println!("cargo:rerun-if-env-changed=ELPA_PACKAGE");
    let package = std::env::var("ELPA_PACKAGE").unwrap_or_else(|_| "elpa".to_owned());
    let found = pkg_config::Config::new().cargo_metadata(false).probe(&package);
    let elpa = found.unwrap_or_else(|error| panic!("feature `elpa`: {error}"));
    for folder in &elpa.link_paths {
        let folder = folder.display();
        println!("cargo:rustc-link-arg-bin=hzero-mpi=-L{folder}");
        println!("cargo:rustc-link-arg-bin=hzero-mpi=-Wl,-rpath,{folder}");
    }
    elpa.libs.iter().for_each(|library| println!("cargo:rustc-link-arg-bin=hzero-mpi=-l{library}"));
}
