#!/bin/bash
#SBATCH --job-name=hzero-abacus
#SBATCH --nodes=1
#SBATCH --ntasks=4
#SBATCH --cpus-per-task=1
#SBATCH --time=02:00:00
#
# From INPUT, STRU and KPT to a self-consistent ABACUS run that starts from a predicted Hamiltonian:
#
#     examples/jobs/abacus.sh RUN MODEL             here
#     sbatch examples/jobs/abacus.sh RUN MODEL      on a cluster
#
# RUN is a folder with INPUT, STRU and KPT, and stays as it is. Beside it appear RUN-h0 (the step-zero run) and RUN-hzero (the
# prediction, in which ABACUS then runs). Set ABACUS, HZERO and LAUNCH where the defaults do not fit; up to ABACUS 3.8 also
# VERSION=3.8 LAYOUT=old.
set -euo pipefail

if [ $# -ne 2 ]; then
    sed -n '9,17s/^# \?//p' "$0" >&2
    exit 2
fi
run=$(realpath "$1")
model=$(realpath "$2")
h0=$run-h0
out=$run-hzero
abacus=${ABACUS:-abacus}
hzero=${HZERO:-hzero}
launch=${LAUNCH-${SLURM_JOB_ID:+srun}}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}

in_folder() { (cd "$1" && $launch "$abacus" > abacus.out); }

# 1. H0 and S: one iteration, for which a single k point is enough
mkdir -p "$h0"
"$hzero" h0-recipe abacus "$run" --version "${VERSION:-3.11}" --out "$h0/INPUT"
cp "$run/STRU" "$h0/STRU"
printf 'K_POINTS\n0\nGamma\n1 1 1 0 0 0\n' > "$h0/KPT"
in_folder "$h0"

# 2. H, its density on the run's own mesh, and the inputs of the next step
"$hzero" predict "$h0" --kpt "$run/KPT" --model "$model" --layout "${LAYOUT:-new}" --restart --no-bands --out "$out"

# 3. the run itself; INPUT.energy, INPUT.bands and others lie beside INPUT
in_folder "$out"
grep -h -e 'E_KohnSham' -e 'SCF IS' -e 'convergence' "$out"/OUT.*/running_scf.log | tail -n 5
