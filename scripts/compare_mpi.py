#!/usr/bin/env python3
"""The same eigenvalues by one process and by hzero-mpi: agreement, CPU seconds, wall time, memory of the largest rank.

    scripts/compare_mpi.py                   graphene of 128 atoms, made by `hzero tile`
    scripts/compare_mpi.py RUN OPTION...     any run; options of `hzero eigenvalues`, such as --of h0

Needs target/release/hzero and hzero-mpi (features mpi, elpa). CPU seconds are those of all processes together. Ranks that share a
matrix wait for each other by spinning, which costs CPU time on cores that others use, too.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARIES = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
LAUNCH = "mpirun --oversubscribe --mca btl_vader_single_copy_mechanism none --mca mpi_yield_when_idle 1".split()
KPOINTS = "0.11 0.07 0\n0.31 0.17 0\n"
# ranks, solver, ranks for each k point; 0 ranks: `hzero` itself
WAYS = [(0, "", 1), (1, "faer", 1), (2, "faer", 1), (1, "elpa", 1), (2, "elpa", 2), (4, "elpa", 2)]


def measured(command, out):
    """CPU seconds, wall seconds, and megabytes of the largest process."""
    start = time.time()
    process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command}: {error.decode()}")
    return usage.ru_utime + usage.ru_stime, time.time() - start, usage.ru_maxrss / 1024


def command_of(ranks, solver, ranks_per_k, problem, out):
    if ranks == 0:
        return [BINARIES / "hzero", "eigenvalues", *problem, "--json"]
    root = ["--allow-run-as-root"] if os.getuid() == 0 else []
    division = ["--solver", solver, "--ranks-per-k", str(ranks_per_k)]
    return [*LAUNCH, *root, "-n", str(ranks), BINARIES / "hzero-mpi", "eigenvalues", *problem, "--out", out, *division]


def largest_difference(a, b):
    pairs = [(x, y) for s, t in zip(a, b) for k, l in zip(s, t) for x, y in zip(k, l, strict=True)]
    return max(abs(x - y) for x, y in pairs)


def main():
    os.environ.update(OPENBLAS_NUM_THREADS="1", RAYON_NUM_THREADS="1")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        run, options = sys.argv[1:2], sys.argv[2:]
        if not run:
            run, options = [home / "graphene"], ["--of", "h0"]
            tiled = ["tile", ROOT / "fixtures/abacus/graphene", "8x8x1", "--out", run[0]]
            subprocess.run([BINARIES / "hzero", *tiled], check=True, stdout=subprocess.DEVNULL)
        (home / "kpoints").write_text(KPOINTS)
        problem = [*run, "--kpoints", home / "kpoints", *options]
        expected = None
        print(f"{'':<28} {'CPU s':>8} {'wall s':>8} {'MB':>8} {'eV':>9}")
        for ranks, solver, ranks_per_k in WAYS:
            out = home / "out.json"
            command = command_of(ranks, solver, ranks_per_k, problem, out)
            with open(out if ranks == 0 else os.devnull, "wb") as file:
                cpu, wall, memory = measured(command, file)
            energies = json.loads(out.read_text())["energies"]
            expected = expected or energies
            name = f"{ranks} ranks, {solver}, {ranks_per_k} per k" if ranks else "hzero, one thread"
            difference = largest_difference(energies, expected)
            print(f"{name:<28} {cpu:8.1f} {wall:8.1f} {memory:8.0f} {difference:9.1e}")


main()
