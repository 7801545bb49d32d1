#!/usr/bin/env python3
"""What a prediction buys: runs a DFT code cold, from its own converged H, and from predicted ones, and prints a table.

    scripts/continue_scf.py siesta --binary siesta --data PSEUDOPOTENTIALS \\
        --model models/mos2-siesta.safetensors --out measured RUN...

A RUN is a folder that `hzero predict` reads (with H0), with the input of the self-consistent run in it or in `scf/`. For each,
`--out` gets the folders `cold`, `converged` (from `hzero restart cold`) and one per model (from `hzero predict --restart`).
All go on to the tightest of the code's criteria below; iterations to each of them are counted in what the code printed. What has
ended is not run again. `table.md` and `table.csv` have

- iterations, as the code counts them;
- first: energy after the first iteration, minus that at the end of the cold run, meV per atom;
- as close: after how many iterations the cold run's energy is, and stays, no further off than that;
- last: energy at the end, as above.

Needs Python 3.9 or later, and nothing else.
"""

import argparse
import csv
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HARTREE_IN_EV = 27.211386245988


@dataclass
class Step:
    """One iteration: total energy in eV (None where it is not printed), and the changes that have to vanish."""

    energy: "float | None"
    changes: tuple


def numbers(text):
    """All numbers with a decimal point; codes print them without space between, if need be."""
    return [float(word) for word in re.findall(r"[-+]?\d+\.\d+(?:[eE][-+]\d+)?", text)]


class Code:
    """How one code is told what to do, run and read."""

    #: Patterns of the files that make the user's input; the first is the one with the settings.
    inputs = ()
    #: The routes of restart.json by which an SCF starts from H; the first that is there.
    routes = ()
    #: Name of a criterion and the changes that it allows, the tightest last.
    criteria = {}
    #: No run has fewer iterations.
    fewest = 1
    #: What every run is told.
    settings = {}
    #: How hzero is to write.
    layout = ()

    def __init__(self, binary, data):
        self.binary, self.data = binary, data

    def place(self, folder, text):
        """The input with the paths of pseudopotentials and the like; or the files themselves, put into the folder."""
        return text

    def command(self, file):
        """How the input `file` is run in its folder."""
        return [*self.binary, file]

    def steps(self, log):
        """The iterations in what the code printed."""
        raise NotImplementedError

    def first_energy(self, folder):
        """Energy after the first iteration of a run from H, where the run itself does not print it."""
        return None

    def run(self, folder, file, settings):
        """Runs an input in its folder, unless that has been done."""
        log = folder / (file + ".log")
        if not log.exists():
            path = folder / file
            path.write_text(self.place(folder, with_settings(path.read_text(), settings)))
            unfinished = folder / (file + ".unfinished")
            with open(unfinished, "w") as out:
                subprocess.run(self.command(file), cwd=folder, stdout=out, stderr=subprocess.STDOUT, check=True)
            unfinished.rename(log)
        return self.steps(log.read_text(errors="replace"))

    def go_on(self, folder):
        """Runs the input that hzero left in a folder for its own route."""
        return self.run(folder, self.route_input(folder, self.routes), self.settings)

    def route_input(self, folder, names):
        """The ready input of a route."""
        routes = {route["name"]: route for route in json.loads((folder / "restart.json").read_text())["routes"]}
        route = next(routes[name] for name in names if name in routes)
        return next(file for file in route["files"] if Path(file).match(self.inputs[0]))


def with_settings(text, settings):
    """Each setting once, at the end, instead of the user's own, however that is spelled."""
    ours = {spelling(key) for key in settings}
    kept = [line for line in text.splitlines() if not ours.intersection(map(spelling, line.split()[:1]))]
    return "\n".join(kept + [f"{key} {value}" for key, value in settings.items()]) + "\n"


def spelling(key):
    """A key as SIESTA compares it; no other code has keys that differ by these characters alone."""
    return re.sub("[-_.]", "", key.lower())


class Siesta(Code):
    inputs = ("*.fdf",)
    routes = ("scf-start",)
    criteria = {"DM 1e-4, H 1e-3 eV": (1e-4, 1e-3), "DM 1e-6, H 1e-5 eV": (1e-6, 1e-5)}
    settings = {
        "SCF.DM.Tolerance": "1.0e-6",
        "SCF.H.Tolerance": "1.0e-5 eV",
        "MaxSCFIterations": "500",
        "SaveHS": "T",
        "Compute-Forces": "T",
    }

    def place(self, folder, text):
        for file in [*self.data.glob("*.psml"), *self.data.glob("*.psf")]:
            shutil.copy(file, folder)
        return text

    def steps(self, log):
        # scf: n, Eharris, E_KS, free energy, dDmax, Ef, dHmax
        lines = [numbers(line) for line in re.findall(r"^ +scf: +\d+ (.*)$", log, re.MULTILINE)]
        return [Step(line[1], (line[3], line[-1])) for line in lines]


class Abacus(Code):
    inputs = ("INPUT*", "STRU", "KPT")
    routes = ("hr", "dm")
    criteria = {"scf_thr 1e-6": (1e-6,), "scf_thr 1e-7": (1e-7,), "scf_thr 1e-8": (1e-8,)}
    settings = {"scf_thr": "1e-8", "scf_nmax": "200", "symmetry": "0", "out_mat_hs2": "1", "suffix": "ABACUS"}
    layout = ("--layout", "new")

    def place(self, folder, text):
        return with_settings(text, {"pseudo_dir": f"{self.data}/", "orbital_dir": f"{self.data}/"})

    def command(self, file):
        return self.binary  # reads INPUT

    def route_input(self, folder, names):
        return "INPUT"  # the first route's

    def steps(self, log):
        # CU1, (moments,) energy, change of energy, change of density, seconds
        lines = [numbers(line) for line in re.findall(r"^ *[A-Z]{2}\d+ (.*)$", log, re.MULTILINE)]
        return [Step(line[-4], (line[-2],)) for line in lines]


class OpenMx(Code):
    """From H it takes two runs: the first makes the density of H, the second goes on from it."""

    inputs = ("*.dat",)
    routes = ("scf",)
    criteria = {"1e-6 Ha": (1e-6,), "1e-8 Ha": (1e-8,)}
    fewest = 3  # the first two have the same H
    settings = {"scf.criterion": "1.0e-8", "scf.maxIter": "200", "HS.fileout": "on"}

    def place(self, folder, text):
        return with_settings(text, {"DATA.PATH": self.data})

    def go_on(self, folder):
        self.run(folder, self.route_input(folder, ["one-shot"]), {})
        seed = folder.with_name(folder.name + ".seed")
        if not seed.exists():
            shutil.copytree(folder, seed)
        return super().go_on(folder)

    def first_energy(self, folder):
        seed = folder.with_name(folder.name + ".seed")
        return self.run(seed, self.route_input(seed, ["energies"]), {})[-1].energy

    def steps(self, log):
        steps = [Step(None, (float(change),)) for change in re.findall(r"dUele +=\s*(\S+)", log)]
        totals = re.findall(r"^ *Utot += +(\S+)", log, re.MULTILINE)
        if steps and totals:
            steps[-1].energy = float(totals[-1]) * HARTREE_IN_EV
        return steps


CODES = {"siesta": Siesta, "abacus": Abacus, "openmx": OpenMx}


def iterations(steps, allowed, fewest):
    """The first step whose changes are all allowed; None where there is none."""
    met = (all(change <= most for change, most in zip(step.changes, allowed)) for step in steps)
    return next((number for number, is_met in enumerate(met, start=1) if is_met and number >= fewest), None)


@dataclass
class Row:
    """How one run fared."""

    structure: str
    start: str
    #: One per criterion.
    iterations: list
    #: Against the end of the cold run, meV per atom.
    first: "float | None"
    #: Iterations of the cold run to an energy as close as the first.
    as_close: "int | None"
    last: "float | None"


class Measurement:
    """One structure: its cold run, and all that start from an H."""

    def __init__(self, code, hzero, structure, out):
        self.code, self.hzero, self.structure, self.out = code, hzero, structure, out
        self.n_atoms, self.cold_energies = 1, []

    def rows(self, models):
        cold = self.cold()
        self.n_atoms = json.loads(self.call("info", "--json", self.out / "cold"))["atoms"]
        self.cold_energies = [step.energy for step in cold]
        yield self.row("cold", cold, cold[0].energy)
        yield self.started("converged H", "converged", ["restart", self.out / "cold"])
        for model in models:
            predict = ["predict", self.structure, "--restart", "--no-bands", "--model", model]
            yield self.started(model.stem, model.stem, predict)

    def cold(self):
        """The user's own run."""
        folder = self.out / "cold"
        source = self.structure / "scf" if (self.structure / "scf").is_dir() else self.structure
        files = [file for pattern in self.code.inputs for file in sorted(source.glob(pattern))]
        if not files:
            raise SystemExit(f"{source}: no {self.code.inputs[0]}")
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            if not (folder / file.name).exists():
                shutil.copy(file, folder)
        return self.code.run(folder, files[0].name, self.code.settings)

    def started(self, start, name, command):
        """The run from the H that a command of hzero writes."""
        folder = self.out / name
        if not (folder / "restart.json").exists():
            self.call(*command, *self.code.layout, "--out", folder)
        steps = self.code.go_on(folder)
        first = steps[0].energy if len(steps) == 1 else steps[0].energy or self.code.first_energy(folder)
        return self.row(start, steps, first)

    def row(self, start, steps, first):
        counts = [iterations(steps, allowed, self.code.fewest) for allowed in self.code.criteria.values()]
        as_close = None if start == "cold" else self.as_close(first)
        return Row(self.structure.name, start, counts, self.error(first), as_close, self.error(steps[-1].energy))

    def error(self, energy):
        return None if energy is None else (energy - self.cold_energies[-1]) / self.n_atoms * 1e3

    def as_close(self, energy):
        """Iterations of the cold run; None where it does not print its energies."""
        if None in (energy, *self.cold_energies):
            return None
        further = [abs(self.error(cold)) > abs(self.error(energy)) for cold in self.cold_energies]
        return max((number for number, is_further in enumerate(further, start=1) if is_further), default=0) + 1

    def call(self, *words):
        done = subprocess.run([self.hzero, *map(str, words)], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"failed: {self.hzero} {' '.join(map(str, words))}")
        return done.stdout


def written(value):
    """A cell of the table."""
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def table(rows, code):
    """Header, then cells."""
    yield ["structure", "start", *code.criteria, "first (meV/atom)", "as close", "last (meV/atom)"]
    for row in rows:
        yield [written(value) for value in (row.structure, row.start, *row.iterations, row.first, row.as_close, row.last)]


def write(lines, out):
    """The table as Markdown, printed too, and as CSV."""
    header, *rest = lines
    markdown = "".join(f"| {' | '.join(line)} |\n" for line in [header, ["---"] * len(header), *rest])
    (out / "table.md").write_text(markdown)
    with open(out / "table.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)
    print(markdown)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("code", choices=CODES)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--binary", required=True, type=str.split, help="the code, with mpirun and all: 'mpirun -n 4 siesta'")
    parser.add_argument("--data", required=True, type=Path, help="pseudopotentials, orbitals, DFT_DATA")
    parser.add_argument("--model", type=Path, action="append", default=[], help="may be given several times")
    parser.add_argument("--hzero", default="hzero", help="its binary")
    parser.add_argument("--out", required=True, type=Path)
    return parser.parse_args()


def main():
    options = arguments()
    code = CODES[options.code](options.binary, options.data.resolve())
    rows = []
    for run in options.runs:
        rows.extend(Measurement(code, options.hzero, run, options.out / run.name).rows(options.model))
        write(list(table(rows, code)), options.out)


if __name__ == "__main__":
    main()
