#!/bin/bash
#SBATCH --job-name=hzero-openmx
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --time=01:00:00
#
# From your OpenMX input to bands of the predicted H, and on to energies and forces or a converged SCF.
#
#   bash   openmx.sh NAME.dat MODEL.safetensors [ROUTE]     here
#   sbatch openmx.sh NAME.dat MODEL.safetensors [ROUTE]     on a cluster
#
# Start it in the folder of NAME.dat. ROUTE is how OpenMX goes on after the run that takes H (docs/openmx.md): energies
# (default: one more diagonalisation), scf (to your own criterion), one-shot (nothing more). It fills
# NAME-hzero/ with h0/, restart/ and run/, and stops where that is there already.
#
# OPENMX, HZERO: the commands. OPENMX_DATA: your DFT_DATA19, where NAME.dat does not say it by DATA.PATH.
set -euo pipefail

input=$1 model=$(realpath "$2") route=${3:-energies}
openmx=${OPENMX:-${SLURM_JOB_ID:+srun }openmx}
hzero=${HZERO:-hzero}
value_of() { awk -v key="$1" 'tolower($1) == key { print $2; exit }' "$input"; }
name=$(value_of system.name)
stated=$(value_of data.path)
data=$(realpath "${OPENMX_DATA:-${stated:-../DFT_DATA19}}")

# run_in FOLDER INPUT, with the absolute DATA.PATH; leaves INPUT.std
run_in() {
    sed -i '/^[[:space:]]*DATA\.PATH/Id' "$1/$2"
    echo "DATA.PATH $data" >> "$1/$2"
    (cd "$1" && $openmx "$2" > "$2.std")
}

# without this line in its output OpenMX started from atoms, and nobody would notice
check_restart() {
    grep -aq '<Restart>  Found restart files' "$work/run/$1.std" && return
    echo "openmx.sh: OpenMX did not take the restart files: see $work/run/$1.std" >&2
    exit 1
}

work=$name-hzero
[ ! -e "$work" ] || { echo "openmx.sh: $work/ is there already: move it away" >&2; exit 1; }
mkdir -p "$work/h0"

# 1. H0: one iteration from the superposition of atomic densities
$hzero h0-recipe openmx "$input" --out "$work/h0/$name.dat"
run_in "$work/h0" "$name.dat"
compgen -G "$work/h0/$name.scfout*" > /dev/null || { echo "openmx.sh: OpenMX left no H0: see $work/h0/$name.dat.std" >&2; exit 1; }

# 2. the predicted H, its density matrix, and the inputs
$hzero predict "$work/h0" --model "$model" --restart --out "$work/restart"

# 3. OpenMX diagonalises the predicted H (in a copy, so that restart/ stays as it was written): bands, DOS, charges
cp -r "$work/restart" "$work/run"
run_in "$work/run" "$name.dat"
check_restart "$name.dat"

# 4. and goes on from the density of that H; the files of step 3 are kept in run/one-shot/
if [ "$route" != one-shot ]; then
    mkdir "$work/run/one-shot"
    find "$work/run" -maxdepth 1 -type f -name "$name.*" ! -name '*.dat' -exec cp {} "$work/run/one-shot" \;
    run_in "$work/run" "$name.$route.dat"
    check_restart "$name.$route.dat"
fi
grep -aE 'Utot\.|Chemical potential' "$work/run/$name.out" || true
