#!/usr/bin/env python3
"""How fast hzero and other programs read the same files: CPU seconds of one reading, and their ratio.

    scripts/compare_speed.py [CELLS_PER_AXIS]

The HSX file is a supercell of iron (8 cells per axis: 230 MB) and is read by sisl, which `scripts/setup.sh --peers` puts into
`.venv`. The scfout file is a chain of silicene cells (100 MB) and is read by DeepH-dock, where the environment names a Python
that has it (DEEPH_PYTHON; `deepx-dock` 0.9.11 needs Python 3.12). All end with matrices in memory that can be used: dense blocks
here and in DeepH-dock, a sparse matrix in sisl. Other work on the machine slows all down: they take turns, and the best of some
rounds counts.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
ROUNDS = 3

SISL = """
import sys, time, warnings
warnings.simplefilter("ignore")
import sisl
def seconds():
    start = time.process_time()
    sisl.get_sile(sys.argv[1]).read_hamiltonian()
    return time.process_time() - start
print(min(seconds() for _ in range(3)), "CPU s")
"""

# H, S, position operators and DM into its own order, as it needs them: it reads all of them or none.
DEEPH = """
import sys, time
from deepx_dock.convert.openmx.translate_openmx_to_deeph import OpenMXReader
def seconds():
    start = time.process_time()
    reader = OpenMXReader(sys.argv[1], sys.argv[1])
    reader._read_scfout_info()
    reader._read_out()
    reader._read_scfout_matrix()
    return time.process_time() - start
print(seconds(), "CPU s")
"""
# What it takes from the .out.
OUT = """Species.Number 1
<Definition.of.Atomic.Species
  Si  Si5.0t-s2p2d1f1  Si_PBE19
  Chemical potential (Hartree)      -0.1
  Fractional coordinates of the
-
-
-
"""


def example(name):
    """The program of an example, built."""
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "hzero-parsers", "--example", name], cwd=PROJECT, check=True)
    query = ["cargo", "metadata", "--format-version=1", "--no-deps"]
    metadata = subprocess.run(query, cwd=PROJECT, check=True, capture_output=True)
    return Path(json.loads(metadata.stdout)["target_directory"]) / "release/examples" / name


def seconds(command):
    """The last CPU seconds that a program prints."""
    output = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout
    return float(re.findall(r"(\S+) CPU s", output)[-1])


def compare(what, file, own, peer_name, peer):
    rounds = [(seconds(own), seconds(peer)) for _ in range(ROUNDS)]
    ours, theirs = map(min, zip(*rounds))
    megabytes = file.stat().st_size / 1e6
    print(f"{what:8}{megabytes:8.1f} MB   hzero {ours:.3f} s   {peer_name} {theirs:.3f} s   ratio {theirs / ours:.1f}")


def main():
    cells = sys.argv[1] if len(sys.argv) > 1 else "8"
    with tempfile.TemporaryDirectory() as folder:
        hsx = Path(folder) / "fe.HSX"
        compare("HSX", hsx, [example("hsx_speed"), cells, hsx], "sisl", [PROJECT / ".venv/bin/python", "-c", SISL, hsx])
        deeph = os.environ.get("DEEPH_PYTHON")
        if deeph is None:
            return print("scfout  skipped: DEEPH_PYTHON names no Python with DeepH-dock")
        scfout = Path(folder) / "openmx.scfout"
        (Path(folder) / "openmx.out").write_text(OUT + "1 Si\n" * 100_000)
        compare("scfout", scfout, [example("scfout_speed"), "100", scfout], "DeepH-dock", [deeph, "-c", DEEPH, folder])


main()
