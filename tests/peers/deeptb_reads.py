"""What DeePTB finds in `dat` folders of dftio: one line of JSON per folder.

    python deeptb_reads.py 'k1 k2 k3' ... -- FOLDER ...

It reads H and S as its training does, block by block into features, and sums H(k) and S(k) from these. Energies in eV, ascending.
Packages that only its networks need, or that check their configuration, are replaced by nothing.
"""

import ast
import json
import sys
from pathlib import Path
from unittest.mock import MagicMock

for unused in ["torch_scatter", "lmdb", "matplotlib", "matplotlib.pyplot"]:
    sys.modules[unused] = MagicMock()

import h5py
import numpy as np
import torch
from dptb.data import AtomicDataDict, AtomicData, build_dataset
from dptb.nn.hr2hk import HR2HK
from scipy.linalg import eigh


def of_folder(folder, ks):
    basis = ast.literal_eval((folder / "basis.dat").read_text())
    name, _ = folder.name.rsplit(".", 1)
    reach = farthest(folder)
    dataset = build_dataset(
        root=str(folder.parent), prefix=name, basis=basis, r_max=reach, get_Hamiltonian=True, get_overlap=True
    )
    frame = AtomicData.to_AtomicDataDict(dataset[0])
    frame[AtomicDataDict.KPOINT_KEY] = torch.tensor(ks)
    known = {"idp": dataset.type_mapper, "dtype": torch.float64}
    h = HR2HK(**known)(frame)[AtomicDataDict.HAMILTONIAN_KEY].numpy()
    overlap = {"edge_field": AtomicDataDict.EDGE_OVERLAP_KEY, "node_field": AtomicDataDict.NODE_OVERLAP_KEY}
    s = HR2HK(**known, **overlap, overlap=True, out_field="overlap")(frame)["overlap"].numpy()
    return {"energies": [eigh(h_k, s_k, eigvals_only=True).tolist() for h_k, s_k in zip(h, s)]}


def farthest(folder):
    """Å: DeePTB looks for blocks between atoms up to here, and takes for 0 what it does not find."""
    positions = np.loadtxt(folder / "positions.dat", ndmin=2)
    cell = np.loadtxt(folder / "cell.dat")
    with h5py.File(folder / "hamiltonians.h5") as file:
        keys = [[int(number) for number in key.split("_")] for key in file["0"]]
    return 1e-3 + max(np.linalg.norm(positions[j] + np.array(r) @ cell - positions[i]) for i, j, *r in keys)


torch.set_default_dtype(torch.float64)
split = sys.argv.index("--")
kpoints = [[float(x) for x in k.split()] for k in sys.argv[1:split]]
for folder in map(Path, sys.argv[split + 1 :]):
    print(json.dumps({"path": str(folder), **of_folder(folder, kpoints)}))
