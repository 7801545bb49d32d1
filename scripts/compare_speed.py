#!/usr/bin/env python3
"""How fast hzero and other programs read the same files: CPU seconds of one reading, and their ratio.

    scripts/compare_speed.py

- HSX of SIESTA, a supercell of iron (230 MB): sisl, from `.venv` (`scripts/setup.sh --peers`).
- scfout of OpenMX, a chain of silicene cells (600 MB): DeepH-dock, which needs Python 3.12; put into `.venv-deeph` by this
  script. (It keeps position operators too, half of what it reads; both leave out their powers, most of the file.)

All end with matrices in memory that can be used: dense blocks here and in DeepH-dock, a sparse matrix in sisl. Other work on the
machine slows all down: they take turns, and the best of some rounds counts.
"""

import json
import re
import shutil
import subprocess
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


def deeph_python():
    """A Python with DeepH-dock, whose own list of needs is longer than what reading takes; None without Python 3.12."""
    own = PROJECT / ".venv-deeph/bin/python"
    if not own.exists():
        python = next(filter(works, ["python3.14", "python3.13", "python3.12"]), None)
        if python is None:
            return None
        subprocess.run([python, "-m", "venv", own.parent.parent], check=True)
        pip = [own, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        subprocess.run([*pip, "numpy", "h5py", "tqdm", "toml", "joblib"], check=True)
        subprocess.run([*pip, "--no-deps", "deepx-dock==0.9.11"], check=True)
    return own


def works(python):
    return shutil.which(python) and subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


def hsx(folder):
    file = folder / "fe.HSX"
    compare("HSX", file, [example("hsx_speed"), "8", file], "sisl", [PROJECT / ".venv/bin/python", "-c", SISL, file])


def scfout(folder):
    python, file = deeph_python(), folder / "openmx.scfout"
    if python is None:
        return print("scfout  skipped: DeepH-dock needs Python 3.12")
    (folder / "openmx.out").write_text(OUT + "1 Si\n" * 100_000)
    compare("scfout", file, [example("scfout_speed"), "600", file], "DeepH-dock", [python, "-c", DEEPH, folder])


with tempfile.TemporaryDirectory() as scratch:
    hsx(Path(scratch))
    scfout(Path(scratch))
