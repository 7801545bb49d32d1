#!/bin/bash
#SBATCH --job-name=hzero-siesta
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --time=01:00:00
#
# From your SIESTA input to energies, forces and bands without the SCF loop: H0, prediction, one diagonalisation.
#
#   bash   siesta.sh NAME.fdf MODEL.safetensors [ROUTE]     here
#   sbatch siesta.sh NAME.fdf MODEL.safetensors [ROUTE]     on a cluster
#
# Start it in the folder of NAME.fdf and its pseudopotentials. ROUTE is how SIESTA goes on (docs/siesta.md): one-shot
# (default), dm (SCF from the predicted density), scf-start, bands. It fills LABEL-hzero/ (LABEL: SystemLabel)
# with h0/, restart/ and run/, and stops where that is there already.
#
# SIESTA, HZERO: the commands. SIESTA_VERSION: 5 (default) or 4.1, for the input of H0.
set -euo pipefail

input=$1 model=$(realpath "$2") route=${3:-one-shot}
siesta=${SIESTA:-${SLURM_JOB_ID:+srun }siesta}
hzero=${HZERO:-hzero}
label=$(awk '{ key = tolower($1); gsub(/[-_.]/, "", key) } key == "systemlabel" { print $2; exit }' "$input")
label=${label:-siesta}

# run_in FOLDER INPUT OUTPUT, with the pseudopotentials and included files of this folder
run_in() {
    find . -maxdepth 1 \( -name '*.psml' -o -name '*.psf' -o -name '*.vps' -o -name '*.fdf' \) ! -name "$label.fdf" -exec cp {} "$1" \;
    (cd "$1" && $siesta < "$2" > "$3")
}

work=$label-hzero
[ ! -e "$work" ] || { echo "siesta.sh: $work/ is there already: move it away" >&2; exit 1; }
mkdir -p "$work/h0"

# 1. H0: the superposition of atomic densities, no iteration
$hzero h0-recipe siesta "$input" --version "${SIESTA_VERSION:-5}" --out "$work/h0/$label.fdf"
run_in "$work/h0" "$label.fdf" "$label.out"
compgen -G "$work/h0/$label*.HSX" > /dev/null || { echo "siesta.sh: SIESTA left no H0: see $work/h0/$label.out" >&2; exit 1; }

# 2. the predicted H, its density matrix, and an input for every route
$hzero predict "$work/h0" --model "$model" --restart --out "$work/restart"

# 3. SIESTA goes on, in a copy, so that restart/ stays as it was written
cp -r "$work/restart" "$work/run"
run_in "$work/run" "$label.$route.fdf" "$label.out"

grep -aE 'Attempting to read DM|^ +scf: +[0-9]|SCF cycle converged|siesta:         Total =' "$work/run/$label.out" || true
if [ "$route" != bands ] && ! grep -aq 'SCF cycle converged' "$work/run/$label.out"; then
    echo "siesta.sh: SIESTA did not reach the end of its SCF: see $work/run/$label.out" >&2
    exit 1
fi
