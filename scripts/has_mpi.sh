#!/usr/bin/env bash
# Is all here that hzero-mpi is built with: an MPI library, ELPA, and the libclang by which Rust reads MPI's headers?
command -v mpicc >/dev/null && command -v mpirun >/dev/null && pkg-config --exists elpa 2>/dev/null &&
  { [ -n "${LIBCLANG_PATH:-}" ] || compgen -G '/usr/lib/llvm*/lib/libclang*.so*' >/dev/null || ldconfig -p | grep -q libclang; }
