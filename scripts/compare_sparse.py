#!/usr/bin/env python3
"""A few states of a large cell, by hzero and by others: CPU seconds (user + system), the largest memory, equal energies.

    scripts/compare_sparse.py RUN [--states 50] [--around EV] [--k KX KY KZ] [--limit GB] [--only NAME ...] [--table FILE]
    scripts/compare_sparse.py --table FILE --svg docs/sparse.svg

RUN is a folder of DeepH (`--example twisted_bilayer` writes one; `ham-convert --to deeph` makes one of any run). Each program
is a process of its own that reads the files and computes the states nearest to EV at one k point:

- hzero: `hzero eigenvalues --nearest`.
- sisl: `sisl.Hamiltonian.eigsh`, which is shift-invert by scipy with SuperLU; with `which="LM"`, as its default ("SM") makes
  scipy look for the states farthest from EV, which does not end.
- DeepH-dock: `HamiltonianObj.diag(sparse_calc=True)` with the options of its `--sparse-calc`, but for those that choose the states.

The peers come from `scripts/setup.sh --peers`. One thread each; a process may take no more than the limit of memory. --table appends
what was measured to a file of tab-separated values, and --svg draws all of such a file.
"""

import argparse
import json
import math
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
states = hamiltonian.eigsh(k=k, n=n, sigma=around, which="LM", eigvals_only=True)
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


def n_orbitals(folder):
    return json.loads((Path(folder) / "info.json").read_text())["orbits_quantity"]


def append(table, row):
    """One measurement: run, program, orbitals, CPU seconds, GB; the last two are empty where it failed."""
    with open(table, "a") as file:
        file.write("\t".join(map(str, row)) + "\n")


COLOURS = {"hzero": "#0072b2", "sisl": "#d55e00", "DeepH-dock": "#009e73"}
PANEL = {"width": 380, "height": 270, "top": 40}


def figure(rows):
    """CPU seconds and GB against orbitals, both logarithmic; a line for every program and series of runs."""
    panels = [panel(rows, 3, 70, "CPU seconds"), panel(rows, 4, 550, "GB of memory")]
    series = sorted({(row[1], series_of(row)) for row in rows})
    key = [legend(number, *names, dashes(names[1], rows)) for number, names in enumerate(series)]
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 400" style="font: 12px sans-serif">'
    return "\n".join([head, '<rect width="960" height="400" fill="#fff"/>', *panels, *key, "</svg>", ""])


def series_of(row):
    """The name of a run without its numbers: cells of one kind."""
    return Path(row[0]).name.rstrip("0123456789x-")


def dashes(name, rows):
    return ["", "6 3", "2 3"][sorted({series_of(row) for row in rows}).index(name) % 3]


def panel(rows, column, left, title):
    points = [row for row in rows if row[column]]
    ranges = [[math.floor(min(values)), math.ceil(max(values))] for values in
              ([math.log10(float(row[c])) for row in points] for c in (2, column))]
    x, y = (scale(ranges[0], left, PANEL["width"]), scale(ranges[1], PANEL["top"] + PANEL["height"], -PANEL["height"]))
    parts = [f'<text x="{left}" y="{PANEL["top"] - 12}">{title}</text>', *grid(ranges, x, y)]
    for names in sorted({(row[1], series_of(row)) for row in points}):
        own = sorted((float(row[2]), float(row[column])) for row in points if (row[1], series_of(row)) == names)
        line = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, value in own)
        style = f'fill="none" stroke="{COLOURS[names[0]]}" stroke-dasharray="{dashes(names[1], rows)}"'
        parts.append(f'<polyline points="{line}" {style} stroke-width="2"/>')
        parts += [f'<circle cx="{x(n):.1f}" cy="{y(value):.1f}" r="3.5" fill="{COLOURS[names[0]]}"/>' for n, value in own]
    return "\n".join(parts)


def scale(ends, start, length):
    return lambda value: start + length * (math.log10(value) - ends[0]) / max(ends[1] - ends[0], 1)


def grid(ranges, x, y):
    """Lines and numbers at powers of ten."""
    powers = [[10.0**power for power in range(low, high + 1)] for low, high in ranges]
    ends = [[f(values[0]), f(values[-1])] for f, values in zip((x, y), powers)]
    for value in powers[0]:
        yield f'<path d="M{x(value)} {ends[1][0]}V{ends[1][1]}" stroke="#ddd"/>'
        yield f'<text x="{x(value)}" y="{ends[1][0] + 18}" text-anchor="middle">{value:,.0f}</text>'
    for value in powers[1]:
        yield f'<path d="M{ends[0][0]} {y(value)}H{ends[0][1]}" stroke="#ddd"/>'
        yield f'<text x="{ends[0][0] - 6}" y="{y(value) + 4}" text-anchor="end">{value:g}</text>'


def legend(number, program, series, dash):
    x, y = 70 + 300 * (number % 3), 358 + 20 * (number // 3)
    line = f'<path d="M{x} {y - 4}h30" stroke="{COLOURS[program]}" stroke-dasharray="{dash}" stroke-width="2"/>'
    return f'{line}<text x="{x + 36}" y="{y}">{program}, {series}</text>'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?")
    parser.add_argument("--states", type=int, default=50)
    parser.add_argument("--around", type=float, default=0.0)
    parser.add_argument("--k", type=float, nargs=3, default=[0.1, 0.2, 0.0])
    parser.add_argument("--limit", type=float, default=16.0)
    parser.add_argument("--only", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    parser.add_argument("--table")
    parser.add_argument("--svg")
    args = parser.parse_args()
    if args.run:
        compare(args)
    if args.svg:
        rows = [line.split("\t") for line in Path(args.table).read_text().splitlines()]
        Path(args.svg).write_text(figure(rows))


def compare(args):
    reference = None
    for name in args.only:
        with tempfile.TemporaryDirectory() as folder:
            text, seconds, memory, message = run(PROGRAMS[name](args, folder), int(args.limit * 1e9))
        if args.table:
            measured = [round(seconds, 1), round(memory, 2)] if text else ["", ""]
            append(args.table, [Path(args.run).name, name, n_orbitals(args.run), *measured])
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
