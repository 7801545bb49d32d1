#!/usr/bin/env python3
"""A few states of a large cell, by hzero and by others: CPU seconds (user + system), the largest memory, equal energies.

    scripts/compare_sparse.py RUN [--states 50] [--around EV] [--k KX KY KZ] [--limit GB] [--only NAME ...]

RUN is a folder of DeepH (`--example twisted_bilayer` writes one; `ham-convert --to deeph` makes one of any run). Each program
is a process of its own that reads the files and computes the states nearest to EV at one k point:

- hzero: `hzero eigenvalues --nearest`.
- sisl: `sisl.Hamiltonian.eigsh`, which is shift-invert by scipy with SuperLU.
- DeepH-dock: `HamiltonianObj.diag(sparse_calc=True)` with the options of its `--sparse-calc`, but for those that choose the states.

The peers come from `scripts/setup.sh --peers`. One thread each; a process may take no more than the limit of memory.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SAME_EV = 1e-6

SISL = """
import json, sys, warnings
import h5py, numpy as np, sisl
from scipy.sparse import csr_matrix
warnings.simplefilter("ignore")
folder, n, around, k = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), [float(x) for x in sys.argv[4:7]]
lines = open(folder + "/POSCAR").read().split("\\n")
cell = float(lines[1]) * np.array([[float(x) for x in line.split()] for line in lines[2:5]])
counts = [int(x) for x in lines[6].split()]
xyz = np.array([[float(x) for x in line.split()[:3]] for line in lines[8:8 + sum(counts)]])
if lines[7].strip().lower()[0] == "d":
    xyz = xyz @ cell
elements = json.load(open(folder + "/info.json"))["elements_orbital_map"]
sizes = [sum(2 * l + 1 for l in elements[name]) for name in lines[5].split()]
atoms = [sisl.Atom(name, orbitals=[-1.0] * size) for name, size in zip(lines[5].split(), sizes)]
atoms = [atom for atom, count in zip(atoms, counts) for _ in range(count)]
geometry = sisl.Geometry(xyz, atoms, lattice=cell)
def matrix(name):
    with h5py.File(folder + "/" + name) as file:
        pairs, bounds, values = file["atom_pairs"][:], file["chunk_boundaries"][:], file["entries"][:]
    reach = np.abs(pairs[:, :3]).max(axis=0)
    geometry.set_nsc(2 * np.maximum(reach, (geometry.nsc - 1) // 2) + 1)
    first, no = np.asarray(geometry.firsto), geometry.no
    cells, cell_of = np.unique(pairs[:, :3], axis=0, return_inverse=True)
    offset = no * np.array([geometry.lattice.sc_index(cell) for cell in cells])[cell_of.ravel()]
    i, j = pairs[:, 3], pairs[:, 4]
    width = first[j + 1] - first[j]
    pair = np.repeat(np.arange(len(pairs)), np.diff(bounds))
    within = np.arange(len(values)) - np.asarray(bounds)[pair]
    rows = first[i][pair] + within // width[pair]
    columns = (first[j] + offset)[pair] + within % width[pair]
    return csr_matrix((values, (rows, columns)), shape=(no, no * geometry.n_s))
h = matrix("hamiltonian.h5")
hamiltonian = sisl.Hamiltonian.fromsp(geometry, h, matrix("overlap.h5"))
states = hamiltonian.eigsh(k=k, n=n, sigma=around, eigvals_only=True)
print(json.dumps(sorted(float(e) for e in states)))
"""

DOCK = """
import json, sys
import numpy as np
from deepx_dock.compute.eigen.hamiltonian import HamiltonianObj
folder, n, around, k = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), [float(x) for x in sys.argv[4:7]]
states = HamiltonianObj(folder).diag(np.array([k]), sparse_calc=True, k=n, sigma=around, which="LM", maxiter=300, tol=1e-5, mode="normal")
print(json.dumps(sorted(float(e) for e in states[:, 0])))
"""


def hzero(args, folder):
    kpoints = Path(folder) / "kpoints"
    kpoints.write_text(" ".join(map(str, args.k)) + "\n")
    binary = os.environ.get("HZERO", PROJECT / "target/release/hzero")
    options = ["--kpoints", kpoints, "--nearest", args.states, "--around", args.around, "--json"]
    return [binary, "eigenvalues", args.run, *options]


def python(venv, program):
    return lambda args, _: [PROJECT / venv / "bin/python", "-c", program, args.run, args.states, args.around, *args.k]


PROGRAMS = {
    "hzero": hzero,
    "sisl": python(os.environ.get("SISL_VENV", ".venv"), SISL),
    "DeepH-dock": python(os.environ.get("DEEPH_VENV", ".venv-deeph"), DOCK),
}


def run(command, limit):
    """Standard output, CPU seconds and GB of a process; no output where it fails."""
    one_thread = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=out, stderr=err, env={**os.environ, **one_thread},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )
        _, status, usage = os.wait4(process.pid, 0)
        out.seek(0)
        err.seek(0)
        message = (err.read().strip().split("\n") or [""])[-1]
        return (out.read() if status == 0 else None), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6, message


def energies(text):
    answer = json.loads(text)
    return answer["energies"][0][0] if isinstance(answer, dict) else answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--states", type=int, default=50)
    parser.add_argument("--around", type=float, default=0.0)
    parser.add_argument("--k", type=float, nargs=3, default=[0.1, 0.2, 0.0])
    parser.add_argument("--limit", type=float, default=16.0)
    parser.add_argument("--only", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    args = parser.parse_args()
    reference = None
    for name in args.only:
        with tempfile.TemporaryDirectory() as folder:
            text, seconds, memory, message = run(PROGRAMS[name](args, folder), int(args.limit * 1e9))
        if text is None:
            print(f"{name:<12} {seconds:8.1f} CPU s {memory:6.2f} GB  failed: {message}", flush=True)
            continue
        found = energies(text)
        reference = reference or found
        difference = max(abs(a - b) for a, b in zip(reference, found))
        same = len(found) == len(reference) and difference < SAME_EV
        print(f"{name:<12} {seconds:8.1f} CPU s {memory:6.2f} GB  largest difference {difference:.1e} eV", flush=True)
        if not same:
            sys.exit(f"{name} has other states: {found[0]} ... {found[-1]} instead of {reference[0]} ... {reference[-1]}")


if __name__ == "__main__":
    main()
