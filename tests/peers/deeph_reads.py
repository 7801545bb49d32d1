"""What DeepH-dock finds in folders of DeepH: one line of JSON per folder.

    python deeph_reads.py 'k1 k2 k3' ... -- FOLDER ...

Energies in eV: eigenvalues, ascending, and the Fermi level. Folders of the legacy layout go through DeepH-dock's own upgrade first.
"""

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from deepx_dock.compute.eigen.hamiltonian import HamiltonianObj
from deepx_dock.convert.deeph.translate_old_dataset_to_new import NewDatasetTranslator


def of_folder(folder, ks):
    if not (folder / "POSCAR").exists():
        with tempfile.TemporaryDirectory() as scratch:
            NewDatasetTranslator.transfer_one_old_to_new(folder.name, folder.parent, Path(scratch))
            return of_folder(Path(scratch) / folder.name, ks)
    found = HamiltonianObj(folder)
    return {
        "energies": found.diag(np.array(ks)).T.tolist(),
        "fermi_level": found.fermi_energy,
        "electrons": found.occupation,
        "atoms": found.atoms_quantity,
    }


split = sys.argv.index("--")
kpoints = [[float(x) for x in k.split()] for k in sys.argv[1:split]]
for path in map(Path, sys.argv[split + 1 :]):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        found = of_folder(path, kpoints)
    print(json.dumps({"path": str(path), **found}))
