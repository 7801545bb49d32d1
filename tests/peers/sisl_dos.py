"""Densities of states by sisl, the way its users compute them: one line of JSON.

    python sisl_dos.py FILE.TSHS NxMxL WIDTH E_MIN E_MAX STEP

States broadened by Gaussians of standard deviation WIDTH, eV relative to the Fermi level, which sisl subtracts; densities in states per eV and
cell: of all orbitals, and of each (orbitals in the order of the file), of each spin.
"""

import json
import sys
import warnings

import numpy as np
import sisl

warnings.simplefilter("ignore")
path, mesh, *numbers = sys.argv[1:]
width, low, high, step = map(float, numbers)
energies = np.arange(round((high - low) / step) + 1) * step + low
hamiltonian = sisl.get_sile(path).read_hamiltonian()
points = sisl.MonkhorstPack(hamiltonian, [int(n) for n in mesh.split("x")])
gaussian = sisl.get_distribution("gaussian", smearing=width)




def densities(states):
    total, orbitals = states.DOS(energies, distribution=gaussian), states.PDOS(energies, distribution=gaussian)
    return np.vstack([total[None, :], orbitals.reshape(-1, len(energies))])


channels = [{"spin": 0}, {"spin": 1}] if hamiltonian.spin.is_polarized else [{}]
found = [points.apply.average.eigenstate(wrap=densities, **which) for which in channels]
print(json.dumps({"total": [of[0].tolist() for of in found], "orbitals": [of[1:].tolist() for of in found]}))
