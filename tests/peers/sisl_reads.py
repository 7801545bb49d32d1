"""What sisl finds in files of SIESTA's formats: one line of JSON per file.

    python sisl_reads.py 'k1 k2 k3' ... -- FILE ...

Energies in Ry (by sisl's own eV); H(k) with the Fermi level that sisl subtracts added again; all up components before all down
ones. A complex matrix is the list of its real parts and the list of its imaginary parts.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import sisl

RYDBERG_IN_EV = sisl.unit.siesta.unit_convert("Ry", "eV")


def of_file(path, ks):
    sile, tshs = sisl.get_sile(path), sisl.get_sile(path.with_suffix(".TSHS"))
    if path.suffix == ".DM":
        hamiltonian = tshs.read_hamiltonian()
        return of_density_matrix(sile.read_density_matrix(geometry=hamiltonian.geometry, overlap=hamiltonian), ks)
    # HSX of SIESTA 4.1 holds no cell.
    known = {"geometry": tshs.read_geometry()} if path.suffix == ".HSX" else {}
    found = of_hamiltonian(sile.read_hamiltonian(**known), fermi_level(sile), ks)
    with_dm = path.suffix == ".nc" and "DM" in sile.groups["SPARSE"].variables
    return found | (of_density_matrix(sile.read_density_matrix(), ks) if with_dm else {})


def fermi_level(sile):
    """In eV; 0 where the file has none, and sisl subtracts nothing."""
    level = sile.read_fermi_level()
    return 0.0 if level is None else float(np.ravel(level)[0])


def of_hamiltonian(hamiltonian, level, ks):
    hamiltonian.shift(level)
    channels = channels_of(hamiltonian.spin)
    return {
        "fermi_level": level / RYDBERG_IN_EV,
        "h": [[matrix(hamiltonian, hamiltonian.Hk(k, **IN_CELLS, **which) / RYDBERG_IN_EV) for which in channels] for k in ks],
        "s": [matrix(hamiltonian, hamiltonian.Sk(k, **IN_CELLS)) for k in ks],
        "energies": [[(hamiltonian.eigh(k, **which) / RYDBERG_IN_EV).tolist() for which in channels] for k in ks],
    }


def of_density_matrix(density, ks):
    channels = channels_of(density.spin)
    return {
        "dm": [[matrix(density, density.Dk(k, **IN_CELLS, **which)) for which in channels] for k in ks],
        "electrons": float(np.atleast_2d(density.mulliken("orbital"))[0].sum()),
    }


def channels_of(spin):
    return [{"spin": 0}, {"spin": 1}] if spin.is_polarized else [{}]


def matrix(operator, array):
    """The two spins of an orbital follow each other in sisl."""
    if len(array) == 2 * operator.geometry.no:
        order = np.arange(len(array)).reshape(-1, 2).T.ravel()
        array = array[np.ix_(order, order)]
    return [array.real.ravel().tolist(), array.imag.ravel().tolist()]


IN_CELLS = {"gauge": "lattice", "format": "array"}
warnings.simplefilter("ignore")
split = sys.argv.index("--")
kpoints = [[float(x) for x in k.split()] for k in sys.argv[1:split]]
for file in sys.argv[split + 1 :]:
    print(json.dumps({"file": file, **of_file(Path(file), kpoints)}))
