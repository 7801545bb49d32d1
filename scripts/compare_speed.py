#!/usr/bin/env python3
"""How fast hzero and other programs read and convert the same files: CPU seconds, and their ratio.

    scripts/compare_speed.py [RUN_OF_ABACUS]

- HSX of SIESTA, a supercell of iron (230 MB), into memory: sisl.
- scfout of OpenMX, a chain of silicene cells (600 MB), into memory: DeepH-dock. (It keeps position operators too, half of what it
  reads; both leave out their powers, most of the file.)
- The same, 60 MB, into a folder of DeepH: `ham-convert --to deeph`, DeepH-dock.
- csr files of ABACUS into a folder of DeepH: those of RUN_OF_ABACUS (with `OUT.*/` and its log), else the chain's.
- `ham-convert --version`: what starting takes.

The peers come from `scripts/setup.sh --peers`. In memory is: dense blocks here and in DeepH-dock, a sparse matrix in sisl. Their
seconds are without the import of their modules, ours are those of the whole process. Other work on the machine slows all down: they
take turns, and the best of some rounds counts.
"""

import functools
import json
import re
import resource
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
TO_DEEPH = """
import sys, time
from pathlib import Path
run, target = map(Path, sys.argv[2:])
target.mkdir()
def convert_openmx():
    from deepx_dock.convert.openmx.translate_openmx_to_deeph import OpenMXReader
    return lambda: OpenMXReader(run, target).dump_data(export_rho=True)
def convert_abacus():
    from deepx_dock.convert.abacus.translate_abacus_to_deeph import AbacusReader
    return lambda: AbacusReader(next(run.glob("OUT.*")).name, run, target, export_rho=True).dump_data()
convert = {"openmx": convert_openmx, "abacus": convert_abacus}[sys.argv[1]]()
start = time.process_time()
convert()
print(time.process_time() - start, "CPU s")
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


# What it takes from ABACUS' log.
LOG = """ABACUS v3.8.1
 READING UNITCELL
 ntype = 1
 lattice constant (Angstrom) = 0.529177
 READING ATOM TYPE 1
 atom label = Si
{zetas} number of atom for this type = {atoms}
 TOTAL ATOM NUMBER = {atoms}
 DIRECT COORDINATES
 atom x y z mag
{positions} Lattice vectors: (Cartesian coordinate: in unit of a_0)
 20 0 0
 0 20 0
 0 0 20
 nspin = 1
 EFERMI = -2.7 eV
"""


def example(name):
    """The program of an example, built."""
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "hzero-parsers", "--example", name], cwd=PROJECT, check=True)
    return target_directory() / "release/examples" / name


def target_directory():
    query = ["cargo", "metadata", "--format-version=1", "--no-deps"]
    metadata = subprocess.run(query, cwd=PROJECT, check=True, capture_output=True)
    return Path(json.loads(metadata.stdout)["target_directory"])


def seconds(command):
    """The last CPU seconds that a program prints."""
    output = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(re.findall(r"(\S+) CPU s", output)[-1])


def compare(what, file, own, peer_name, peer):
    rounds = [(seconds(own), seconds(peer)) for _ in range(ROUNDS)]
    ours, theirs = map(min, zip(*rounds))
    megabytes = file.stat().st_size / 1e6
    print(f"{what:8}{megabytes:8.1f} MB   hzero {ours:.3f} s   {peer_name} {theirs:.3f} s   ratio {theirs / ours:.1f}")


def deeph_python():
    """None without DeepH-dock."""
    python = PROJECT / ".venv-deeph/bin/python"
    return python if python.exists() else None


def process_seconds(command):
    """CPU seconds of a whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare_conversion(code, run, python):
    """Both write a new folder each time; the size is that of the matrices read."""
    size = sum(file.stat().st_size for pattern in ["*.scfout", "OUT.*/data-*.csr"] for file in run.glob(pattern)) / 1e6
    ours, theirs = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            own, peer = Path(folder) / "own", Path(folder) / "peer"
            ours.append(process_seconds([ham_convert(), run, own, "--to", "deeph"]))
            theirs.append(seconds([python, "-c", TO_DEEPH, code, run, peer]))
    ratio = min(theirs) / min(ours)
    print(f"{code} to DeepH {size:.1f} MB   hzero {min(ours):.3f} s   DeepH-dock {min(theirs):.3f} s   ratio {ratio:.1f}")


@functools.cache
def ham_convert():
    """The program, built."""
    build = ["cargo", "build", "--release", "-q", "--features", "hdf5", "--bin", "ham-convert"]
    subprocess.run(build, cwd=PROJECT, check=True)
    return target_directory() / "release/ham-convert"


def conversions(folder, run_of_abacus):
    python, openmx = deeph_python(), folder / "openmx"
    if python is None:
        return print("conversions skipped: no DeepH-dock (scripts/setup.sh --peers)")
    openmx.mkdir()
    subprocess.run([example("scfout_speed"), "60", openmx / "openmx.scfout"], check=True, capture_output=True)
    (openmx / "openmx.out").write_text(OUT + "1 Si\n" * 100_000)
    compare_conversion("openmx", openmx, python)
    compare_conversion("abacus", run_of_abacus or abacus_of(openmx, folder / "abacus"), python)


def abacus_of(openmx, run):
    """The same matrices as files of ABACUS, and a log that satisfies DeepH-dock."""
    subprocess.run([ham_convert(), openmx, run, "--to", "abacus-old"], check=True, capture_output=True)
    (run / "hzero.json").unlink()
    out = run / "OUT.ABACUS"
    out.mkdir()
    for file in run.glob("data-*.csr"):
        file.rename(out / file.name)
    atoms = int(re.search(r"Matrix Dimension of S\(R\): (\d+)", (out / "data-SR-sparse_SPIN0.csr").read_text()[:200])[1]) // 20
    zetas = "".join(f" L={l}, number of zeta = {n}\n" for l, n in enumerate([2, 2, 1, 1]))
    log = LOG.format(atoms=atoms, zetas=zetas, positions="".join(f" taud_Si{n + 1} 0 0 0 0\n" for n in range(atoms)))
    (out / "running_scf.log").write_text(log)
    return run


def start():
    print(f"ham-convert starts in {1e3 * min(process_seconds([ham_convert(), '--version']) for _ in range(20)):.1f} ms")


def hsx(folder):
    file = folder / "fe.HSX"
    compare("HSX", file, [example("hsx_speed"), "8", file], "sisl", [PROJECT / ".venv/bin/python", "-c", SISL, file])


def scfout(folder):
    python, file = deeph_python(), folder / "openmx.scfout"
    if python is None:
        return print("scfout  skipped: no DeepH-dock (scripts/setup.sh --peers)")
    (folder / "openmx.out").write_text(OUT + "1 Si\n" * 100_000)
    compare("scfout", file, [example("scfout_speed"), "600", file], "DeepH-dock", [python, "-c", DEEPH, folder])


with tempfile.TemporaryDirectory() as scratch:
    hsx(Path(scratch))
    scfout(Path(scratch))
    conversions(Path(scratch), Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    start()
