"""What DeepH-dock makes of our band.h5: one line of JSON per pair of folder and file.

    python deeph_plots.py FOLDER BAND.h5 ...

FOLDER is DeepH's, of the same Hamiltonian. DeepH-dock computes the bands of our file's path, and draws our file by what its command
`plot-band` calls. `data`: of every data set of its own file [shape and kind there, shape and kind here, largest difference].
`energies`: largest difference of absolute energies. `lines`: what it drew, energies by band. `picture`: bytes of the PNG.
"""

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

import h5py
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from deepx_dock.compute.eigen.band import BandDataGenerator, BandPlotter
from deepx_dock.compute.eigen.hamiltonian import HamiltonianObj


def path_of(file):
    """The path as DeepH's K_PATH has it."""
    legs = zip(file["k_path_density_list"][()], file["hsk_vector_list"][()], file["hsk_symbol_list"][()])
    words = lambda leg: [leg[0], *map(float, leg[1].flatten()), *(s.decode() or "-" for s in leg[2])]
    return "\n".join(" ".join(map(str, words(leg))) for leg in legs)


def kind(values):
    return [list(values.shape), values.dtype.kind]


def compared(theirs, ours):
    found = {}
    for name in theirs:
        a, b = theirs[name][()], ours[name][()] if name in ours else None
        if b is None:
            found[name] = None
            continue
        a, b = np.asarray(a), np.asarray(b)
        same = a.shape == b.shape
        if a.dtype.kind == "O":
            difference = float(not same or (a != b).any())
        else:
            difference = float(abs(a.astype(float) - b).max()) if same else None
        found[name] = [kind(a), kind(b), difference]
    return found


def of_pair(folder, path, scratch):
    with h5py.File(path) as ours:
        generator = BandDataGenerator(HamiltonianObj(folder), {"k_list_spell": path_of(ours)})
        generator.calc_band_data()
        generator.dump_band_data(scratch / "theirs.h5")
        with h5py.File(scratch / "theirs.h5") as theirs:
            data = compared(theirs, ours)
            absolute = lambda file: file["band_data"][()] + file["fermi_energy_before_shift_eV"][()]
            energies = float(abs(absolute(theirs) - absolute(ours)).max())
    copy = scratch / "band.h5"
    copy.write_bytes(path.read_bytes())
    plt.close("all")
    plotter = BandPlotter(copy)
    plotter.plot(Emin=-5.0, Emax=5.0)
    axes = plt.gcf().axes[0]
    return {
        "data": data,
        "energies": energies,
        "lines": [line.get_ydata().tolist() for line in axes.get_lines()],
        "labels": [label.get_text() for label in axes.get_xticklabels()],
        "picture": (scratch / "band.png").stat().st_size,
    }


pairs = [Path(argument) for argument in sys.argv[1:]]
for folder, path in zip(pairs[::2], pairs[1::2]):
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        found = of_pair(folder, path, Path(scratch))
    print(json.dumps(found))
