#!/usr/bin/env bash
# Fetches what a full build needs, once: a C++ compiler and HDF5 (Debian packages, when run as root; HDF5_DIR names your own
# HDF5), and the CPU half of libtorch, 0.5 GB in .libtorch, out of PyTorch's own wheels (LIBTORCH names your own PyTorch).
# With `--peers` also the Python programs that the tests compare with (scripts/setup_peers.sh), with `--mpi` an MPI library and ELPA
# for hzero-mpi; without them these tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

peers=false mpi=false
for option; do
  case $option in
    --peers) peers=true ;;
    --mpi) mpi=true ;;
    *) echo "setup: unknown option $option" >&2 && exit 2 ;;
  esac
done
version=2.11.0 # the libtorch that the tch crate of Cargo.toml is made for

# install PACKAGE...: Debian packages, when run as root
install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

need_packages=()
command -v c++ >/dev/null || need_packages+=(g++)
command -v python3 >/dev/null || need_packages+=(python3)
python3 -m pip --version >/dev/null 2>&1 || need_packages+=(python3-pip)
command -v pkg-config >/dev/null || need_packages+=(pkg-config)
[ -n "${HDF5_DIR:-}" ] || pkg-config --exists hdf5 2>/dev/null || need_packages+=(libhdf5-dev)
if ((${#need_packages[@]})) && ! install "${need_packages[@]}"; then
  echo "setup: please install ${need_packages[*]} and run this again" >&2
  exit 1
fi

if $mpi && ! scripts/has_mpi.sh; then
  mpi_packages=(libopenmpi-dev openmpi-bin libelpa-dev libscalapack-openmpi-dev libclang-dev)
  install "${mpi_packages[@]}" || echo "setup: without ${mpi_packages[*]} the tests of hzero-mpi are skipped" >&2
fi

if [ -n "${LIBTORCH:-}${LIBTORCH_USE_PYTORCH:-}" ]; then
  echo "setup: using your own libtorch (LIBTORCH=${LIBTORCH:-}, LIBTORCH_USE_PYTORCH=${LIBTORCH_USE_PYTORCH:-})"
elif [ -f .libtorch/build-version ]; then
  echo "setup: .libtorch is there ($(cat .libtorch/build-version))"
else
  echo "setup: fetching libtorch $version (544 MB) ..."
  rm -rf .whl .libtorch
  python3 -m pip --disable-pip-version-check download -q --no-deps --no-cache-dir --only-binary=:all: \
    --python-version 3.12 --implementation cp --abi cp312 \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux2014_x86_64 \
    -d .whl "torch==$version" nvidia-cuda-cupti==13.0.85 nvidia-cuda-runtime==13.0.96
  python3 scripts/unpack_libtorch.py .whl .libtorch
  rm -rf .whl
  echo "setup: libtorch $version is in .libtorch"
fi

! $peers || scripts/setup_peers.sh
