//! `hzero`: from the zeroth-step Hamiltonian to the converged one.

fn main() -> std::process::ExitCode {
    hzero::cli::main()
}
