#!/bin/sh
# The inputs of the runs that models/*.safetensors were trained on besides the sets of small cells, and of those that they are tested on.
# Put pseudopotentials and orbitals (the templates name them) beside the templates first, then run the code in every h0/ and scf/: ABACUS 3.11,
# SIESTA 5; about a minute of one core for each structure. Their H agrees with that of the sets of small cells (ABACUS 3.8.1) to the last digit.
#
#     examples/train/generate.sh DIR
set -e
here=$(dirname "$0")/templates
generate() { "${HZERO:-hzero}" dataset generate --strain 0.01 "$@"; }

generate "$here/silicon" --out "$1/abacus-si-large" --seed 11 --count 28 --displacement 0.05,0.08,0.065,0.045 \
    --cells "2,0,0;0,2,0;0,0,2" --cells "2,1,0;0,2,1;1,0,2" --cells "2,1,0;-1,2,0;0,1,2" --cells "2,0,0;0,2,1;0,-1,2" \
    --cells "-1,1,1;1,-1,1;2,2,-1" --cells "2,1,-1;0,2,1;1,-1,1" --cells "3,0,1;0,2,-1;-1,1,1"
# Left out afterwards: the 13 structures whose k mesh has more than 400 points.
generate "$here/silicon" --out "$1/abacus-si-shapes" --seed 21 --count 56 --displacement 0.04,0.06,0.08 \
    --cells "0,-1,0;1,-1,0;-1,-1,2" --cells "-1,2,-2;-1,2,0;0,1,3" --cells "-1,1,0;1,0,1;0,2,0" --cells "1,1,-1;2,-1,-1;0,0,-1" \
    --cells "2,0,-1;1,0,-2;-1,1,0" --cells "0,-2,1;-1,1,0;1,0,-2" --cells "-1,-1,2;2,-1,-1;1,0,0" --cells "1,2,-1;-2,0,-2;0,-2,3" \
    --cells "3,-2,-1;-1,1,2;3,-2,3" --cells "2,0,-1;-2,2,0;0,-2,2" --cells "0,0,-2;1,3,0;0,-2,2" --cells "-2,2,0;-2,1,-2;-1,1,2" \
    --cells "-2,-1,1;0,-2,-1;-1,0,2" --cells "3,0,-1;1,-1,1;1,0,-2" --cells "-1,-2,0;-1,1,2;-2,0,1" --cells "1,-1,-1;1,0,2;-2,0,1" \
    --cells "-1,0,2;0,2,-1;-2,2,0" --cells "3,-2,2;-2,3,0;0,1,2" --cells "-1,1,1;-2,2,-1;-1,-1,2" --cells "1,1,-2;0,0,-2;0,3,0" \
    --cells "1,2,-1;1,-2,1;2,-1,-1" --cells "2,-1,-1;-1,3,0;2,1,0" --cells "-1,-2,3;3,2,0;-1,1,-2" --cells "0,-2,1;-2,1,1;-1,0,-1" \
    --cells "1,3,-2;0,-1,2;1,-1,-1" --cells "1,0,-2;2,-1,0;0,-2,0" --cells "1,0,1;0,-2,1;2,-2,-1" --cells "1,-1,-1;1,-2,2;-1,-2,2" \
    --cells "3,0,-2;-1,-2,1;-1,1,-1" --cells "-1,0,3;-1,3,0;-1,1,-1" --cells "-1,2,-1;2,1,-1;1,0,-2" --cells "0,2,-1;0,-1,3;2,-1,0" \
    --cells "-1,3,0;-2,1,0;-2,-1,2" --cells "1,-2,2;-2,0,1;2,-2,-1" --cells "0,-2,3;0,-2,0;2,-1,-1" --cells "0,2,-2;0,0,3;2,3,0"
generate "$here/silicon" --out "$1/abacus-si-tests" --seed 22 --count 3 --displacement 0.05,0.05,0.08 \
    --cells 2x2x4 --cells "2,2,0;-2,2,0;0,1,4" --cells "3,0,0;0,3,1;0,-1,3"

generate "$here/graphene" --out "$1/abacus-graphene-large" --seed 12 --count 21 --displacement 0.05,0.08,0.065 \
    --cells "4,0,0;0,2,0;0,0,1" --cells "4,1,0;-1,3,0;0,0,1" --cells "4,0,0;0,3,0;0,0,1" --cells "3,1,0;-1,3,0;0,0,1" \
    --cells "4,1,0;0,3,0;0,0,1" --cells "3,1,0;0,3,0;0,0,1" --cells "3,2,0;-1,3,0;0,0,1"
generate "$here/graphene" --out "$1/abacus-graphene-tests" --seed 23 --count 3 --displacement 0.05,0.08 \
    --cells 4x4x1 --cells "4,1,0;-1,4,0;0,0,1" --cells 5x4x1

# Of these the models have 000, 001, 003 to 006 and 008 to 011, those that were computed.
generate "$here/mos2/mos2.fdf" --out "$1/siesta-mos2-large" --seed 13 --count 28 --displacement 0.05,0.08,0.065,0.04 \
    --cells "2,1,0;-1,1,0;0,0,1" --cells "3,0,0;0,2,0;0,0,1" --cells "3,1,0;-1,2,0;0,0,1" --cells "3,0,0;0,1,0;0,0,1" \
    --cells "3,1,0;-1,2,0;0,0,1" --cells "2,1,0;-1,2,0;0,0,1" --cells "2,1,0;0,2,0;0,0,1" --cells "3,1,0;0,2,0;0,0,1"
generate "$here/mos2/mos2.fdf" --out "$1/siesta-mos2-tests" --seed 24 --count 2 --displacement 0.05,0.08 --cells 4x3x1 --cells "4,0,0;1,3,0;0,0,1"
