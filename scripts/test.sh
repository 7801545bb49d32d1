#!/usr/bin/env bash
# All tests: those of a full build, and, where MPI and ELPA are installed (scripts/setup.sh --mpi), those of hzero-mpi. These come
# first: they build hzero without libtorch, and what remains in target/ shall be the full one.
set -euo pipefail
cd "$(dirname "$0")/.."

if scripts/has_mpi.sh; then
  cargo test --release --features mpi,elpa,hdf5 --test mpi --bin hzero-mpi
else
  echo "test: no MPI with ELPA here (scripts/setup.sh --mpi): the tests of hzero-mpi are skipped"
fi
cargo test --release --workspace --features full
