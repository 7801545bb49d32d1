#!/usr/bin/env python3
"""How fast hzero and other programs read the same files: CPU seconds of one reading, and their ratio.

    scripts/compare_speed.py [CELLS_PER_AXIS]

The HSX file is a supercell of iron (8 cells per axis: 230 MB) and is read by sisl, which `scripts/setup.sh --peers` puts into
`.venv`. Both end with matrices in memory that can be used: dense blocks here, a sparse matrix there. Other work on the machine
slows both down: they take turns, and the best of some rounds counts.
"""

import json
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


main()
