#!/usr/bin/env python3
"""CPU time and memory of `hzero predict` against the number of atoms, as a table and a plot.

    scripts/scaling_predict.py RUN MODEL 1x1x1 2x2x1 4x4x1 12x12x1 --svg docs/scaling.svg

Repeats RUN by `hzero tile` (cells that are in --work already are used again), predicts each cell in one process without domains and
bands, and reads the phases out of report.json. CPU seconds are of all threads; memory is the largest resident set (wait4).
Python 3.9 or later; no packages.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

PHASES = ["read", "features", "linear_stage", "network", "assemble", "fermi_level", "write", "compare", "check"]
COLOURS = ["#4477aa", "#66ccee", "#228833", "#ee6677", "#aa3377", "#999999", "#ccbb44", "#ee8866", "#555555"]


def main():
    options = arguments()
    work = Path(options.work or tempfile.mkdtemp(prefix="hzero-scaling-"))
    rows = [measured(options, work, repeats) for repeats in options.repeats]
    if not options.work:
        shutil.rmtree(work)
    print(table(rows))
    if options.svg:
        Path(options.svg).write_text(figure(rows, options.title or f"hzero predict, {Path(options.model).stem}"))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", help="folder of a run")
    parser.add_argument("model", help="model file")
    parser.add_argument("repeats", nargs="+", help="supercells, e.g. 4x4x1, from small to large")
    parser.add_argument("--hzero", default="target/release/hzero", help="the binary")
    parser.add_argument("--work", help="folder for cells and predictions; what is there is used again, and kept")
    parser.add_argument("--svg", help="plot to write")
    parser.add_argument("--title", help="title of the plot")
    return parser.parse_args()


def measured(options, work, repeats):
    """Predicts one supercell; returns what it took."""
    cell, out = work / repeats, work / f"predicted-{repeats}"
    if not cell.is_dir():
        subprocess.run([options.hzero, "tile", options.run, repeats, "--out", cell], check=True, stdout=subprocess.DEVNULL)
    command = [options.hzero, "predict", cell, "--model", options.model, "--out", out, "--no-bands", "--force"]
    command += ["--dense-minutes", "0"]
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(map(str, command))}: failed")
    report = json.loads((out / "report.json").read_text())
    shutil.rmtree(out)
    phases = {phase["name"]: phase["cpu_seconds"] for phase in report["phases"]}
    peak = max(phase["peak_memory_mb"] for phase in report["phases"])
    return {"atoms": report["n_atoms"], "orbitals": report["n_orbitals"], "phases": phases,
            "cpu": usage.ru_utime + usage.ru_stime, "memory": max(peak, usage.ru_maxrss * 1024 / 1e6)}


def per_atom(row, phase):
    """Milliseconds of CPU time."""
    return 1000 * row["phases"].get(phase, 0.0) / row["atoms"]


def memory_per_atom(row, rows):
    """MB beyond what the smallest cell takes."""
    atoms = row["atoms"] - rows[0]["atoms"]
    return (row["memory"] - rows[0]["memory"]) / atoms if atoms else None


def table(rows):
    used = [phase for phase in PHASES if any(per_atom(row, phase) >= 0.01 for row in rows)]
    head = ["atoms", "orbitals", "CPU s"] + [phase.replace("_", " ") for phase in used] + ["all, ms", "MB", "MB per atom"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        memory = memory_per_atom(row, rows)
        cells = [str(row["atoms"]), str(row["orbitals"]), f"{row['cpu']:.1f}"]
        cells += [f"{per_atom(row, phase):.2f}" for phase in used]
        cells += [f"{sum(per_atom(row, phase) for phase in used):.1f}", f"{row['memory']:.0f}"]
        cells.append("" if memory is None else f"{memory:.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


class Panel:
    """A set of axes: atoms to the right on a logarithmic scale, something from zero upwards."""

    WIDTH, HEIGHT = 360, 260

    def __init__(self, left, rows, most, label):
        self.left, self.most, self.names = left, ceiling(most), []
        self.low, self.high = (math.log(rows[k]["atoms"]) for k in (0, -1))
        self.parts = [f'<rect x="{left}" y="40" width="{self.WIDTH}" height="{self.HEIGHT}" fill="none" stroke="#888"/>']
        self.text(left + self.WIDTH / 2, 350, "atoms", "middle")
        self.text(left, 30, label, "start")
        for row in rows:
            self.text(self.x(row["atoms"]), 318, str(row["atoms"]), "middle")
        for k in range(5):
            value = self.most * k / 4
            self.text(left - 6, self.y(value) + 4, f"{value:g}", "end")

    def x(self, atoms):
        return self.left + self.WIDTH * (math.log(atoms) - self.low) / max(self.high - self.low, 1e-9)

    def y(self, value):
        return 40 + self.HEIGHT * (1 - value / self.most)

    def text(self, x, y, text, anchor):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>')

    def line(self, points, colour, name):
        """Values by atoms, with a name at the last of them."""
        places = [(self.x(atoms), self.y(value)) for atoms, value in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        self.parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in places]
        self.names.append((places[-1][1], name, colour))

    def drawn(self):
        """All parts; the names stand beside the last points, from the bottom up, and do not touch."""
        lowest = math.inf
        for y, name, colour in sorted(self.names, reverse=True):
            lowest = min(y, lowest - 13)
            x = self.left + self.WIDTH + 6
            self.parts.append(f'<text x="{x}" y="{lowest + 4:.1f}" fill="{colour}">{name}</text>')
        return self.parts


def ceiling(most):
    """The next of 1, 2, 4, 8 times a power of ten."""
    power = 10 ** math.floor(math.log10(most))
    return next(power * factor for factor in (1, 2, 4, 8, 10) if power * factor >= most)


def figure(rows, title):
    totals = [(row["atoms"], sum(per_atom(row, phase) for phase in PHASES)) for row in rows]
    time = Panel(60, rows, max(value for _, value in totals), "CPU ms per atom")
    time.line(totals, "#000000", "all")
    for phase, colour in zip(PHASES, COLOURS):
        points = [(row["atoms"], per_atom(row, phase)) for row in rows]
        if max(value for _, value in points) > 0.02 * max(value for _, value in totals):
            time.line(points, colour, phase.replace("_", " "))
    memory = [(row["atoms"], memory_per_atom(row, rows)) for row in rows[1:]]
    space = Panel(560, rows, max(value for _, value in memory), "MB per atom, beyond those of the smallest cell")
    space.line(memory, "#000000", "")
    body = "\n".join(time.drawn() + space.drawn())
    style = "font-family:sans-serif;font-size:12px"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 360" style="{style}">'
    return f'{head}\n<rect width="960" height="360" fill="#fff"/>\n<text x="60" y="14">{title}</text>\n{body}\n</svg>\n'


if __name__ == "__main__":
    main()
