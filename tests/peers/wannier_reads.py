"""What sisl finds in Wannier90's `_hr.dat` and `_tb.dat`: one line of JSON per file.

    python wannier_reads.py 'k1 k2 k3' ... -- FILE ...

Energies in eV, ascending. sisl would drop small elements and imaginary parts; here it keeps them.
"""

import json
import sys
import warnings

import numpy as np
import sisl
from sisl.io.wannier90 import hrSileWannier90, tbSileWannier90


def hamiltonian(path):
    """The atoms do not matter: k is reduced."""
    everything = {"cutoff": 0.0, "dtype": np.complex128}
    if path.endswith("_tb.dat"):
        return tbSileWannier90(path).read_hamiltonian(**everything)
    with open(path) as file:
        orbitals = int(file.readlines()[1])
    anywhere = sisl.Geometry(np.zeros((orbitals, 3)), lattice=[10, 10, 10])
    return hrSileWannier90(path).read_hamiltonian(geometry=anywhere, **everything)


warnings.simplefilter("ignore")
split = sys.argv.index("--")
kpoints = [[float(x) for x in k.split()] for k in sys.argv[1:split]]
for path in sys.argv[split + 1 :]:
    found = hamiltonian(path)
    energies = [found.eigh(k, gauge="lattice").tolist() for k in kpoints]
    print(json.dumps({"path": path, "energies": energies}))
