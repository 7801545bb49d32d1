#!/bin/bash
#SBATCH --job-name=hzero-mpi
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=16
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --requeue
#
# Eigenvalues of a large cell at many k points, on many nodes (docs/mpi.md).
#
#   bash   mpi.sh RUN KPOINTS OUT.json [OPTION...]     here
#   sbatch mpi.sh RUN KPOINTS OUT.json [OPTION...]     on a cluster
#
# Options go to `hzero-mpi eigenvalues`: --of h0, --ranks-per-k 16 (matrices larger than a node), ... A job that ran out of time,
# or lost a node, is submitted again as it was: finished k points are kept in OUT.json.journal.
#
# HZERO_MPI: the program. LAUNCH: what starts it on all ranks.
set -euo pipefail

if [ $# -lt 3 ]; then
    sed -n '9,18s/^# \?//p' "$0" >&2
    exit 2
fi
run=$1 kpoints=$2 out=$3
shift 3
hzero_mpi=${HZERO_MPI:-hzero-mpi}
# srun by itself would let the others wait for a rank that died
default_launch=mpirun
[ -z "${SLURM_JOB_ID:-}" ] || default_launch="srun --kill-on-bad-exit=1"
launch=${LAUNCH:-$default_launch}
# the ranks are what works in parallel, not the BLAS inside each
export OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 OMP_NUM_THREADS=1

$launch "$hzero_mpi" eigenvalues "$run" --kpoints "$kpoints" --out "$out" --threads "${SLURM_CPUS_PER_TASK:-1}" "$@"
