#!/usr/bin/env python3
"""hzero's `slem` preset beside DeePTB's SLEM on DeePTB's own example: 64 silicon atoms, one frame, 1s1p, learned by heart.

    scripts/compare_slem.py EXAMPLE [--steps 100 200 600] [--only hzero|deeptb] [--out slem.json]

EXAMPLE is the folder `examples/e3/data` of DeePTB, which holds Si64.0. Both programs see the same blocks of H and run on one thread;
CPU seconds (user + system). DeePTB (`scripts/setup.sh --peers` puts it into .venv-deeptb) trains once, with the input of its example, and is
looked at after each number of steps; hzero is trained anew for each, because its learning rate ends with the run.

The loss is that of DeePTB without its overlap term, which hzero reads exactly: the mean of (MAE + RMSE) / 2 over the elements of on-site
blocks and over those of the bonds up to 7.4 angstrom, in eV.
"""

import argparse
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
R_MAX = 7.4
BOHR = 0.529177210903

DEEPTB = r"""
import json, os, sys, time
from unittest.mock import MagicMock
for unused in ["torch_scatter", "lmdb", "matplotlib", "matplotlib.pyplot", "torch.utils.tensorboard"]:
    sys.modules[unused] = MagicMock()
import numpy as np, torch
torch.set_num_threads(1)
from dptb.data import AtomicData
from dptb.entrypoints.train import train
from dptb.nnops.trainer import Trainer

example, out, *steps = sys.argv[1:]
steps = [int(step) for step in steps]
options = {
    "common_options": {"basis": {"Si": "1s1p"}, "device": "cpu", "overlap": True, "seed": 42},
    "model_options": {
        "embedding": {"method": "slem", "r_max": {"Si": 7.4}, "irreps_hidden": "32x0e+32x1o+16x2e", "n_layers": 3,
                      "avg_num_neighbors": 86, "tp_radial_emb": True},
        "prediction": {"method": "e3tb", "neurons": [64, 64]},
    },
    "train_options": {
        "num_epoch": max(steps), "batch_size": 1, "optimizer": {"lr": 0.005, "type": "Adam"},
        "lr_scheduler": {"type": "rop", "factor": 0.8, "patience": 50, "min_lr": 1e-06},
        "loss_options": {"train": {"method": "hamil_abs"}},
        "save_freq": 1000000, "validation_freq": 10, "display_freq": 1,
    },
    "data_options": {"train": {"root": example, "prefix": "Si64", "get_Hamiltonian": True, "get_overlap": True}},
}
with open(out + "/input.json", "w") as file:
    json.dump(options, file)
seconds = []

def half(errors, weights):
    mae = (weights * errors.abs()).sum() / weights.sum()
    rmse = ((weights * errors**2).sum() / weights.sum()) ** 0.5
    return float(mae + rmse) / 2

def terms(model, batch):
    reference = model.idp(AtomicData.to_AtomicDataDict(batch.clone()))
    frame = AtomicData.to_AtomicDataDict(batch.clone())
    start = time.process_time()
    with torch.no_grad():
        found = model(frame)
    forward = time.process_time() - start
    # The features hold s-p of a block and leave its p-s to the reverse bond: it counts twice, as in the block.
    maps = model.idp.orbpairtype_maps
    weight = torch.ones(found["edge_features"].shape[1])
    weight[maps["s-p"]] = 2.0
    losses = []
    for name in ("node_features", "edge_features"):
        errors = found[name] - reference[name]
        losses.append(half(errors, weight.expand_as(errors)))
    return {"onsite": losses[0], "hopping": losses[1], "loss": sum(losses) / 2, "forward_s": forward}

iteration = Trainer.iteration

def timed(self, batch, ref_batch=None):
    start = time.process_time()
    result = iteration(self, batch, ref_batch)
    seconds.append(time.process_time() - start)
    if len(seconds) in steps:
        row = {"steps": len(seconds), "step_s": float(np.median(seconds)), **terms(self.model, batch)}
        row["parameters"] = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
        print("ROW " + json.dumps(row), flush=True)
    return result

Trainer.iteration = timed
train(INPUT=out + "/input.json", init_model=None, restart=None, output=out + "/run", log_level=40, log_path=None)
"""

CONFIG = """preset = "slem"
[data]
train = [{folder}]
validation_fraction = 0.0
[model]
channels = {channels}
l_max = 2
envelope = {envelope}
[training]
steps = {steps}
schedule = "cosine"
threads = 1
[output]
model = "model.safetensors"
"""


def deeptb(args, folder):
    """Rows of DeePTB."""
    python = os.environ.get("DEEPTB_VENV", PROJECT / ".venv-deeptb") 
    command = [Path(python) / "bin/python", "-c", DEEPTB, args.example, folder, *map(str, sorted(args.steps))]
    for line in started(command, folder):
        if line.startswith("ROW "):
            yield json.loads(line[4:])


def hzero(args, folder):
    """Rows of hzero, a training run each."""
    binary = os.environ.get("HZERO", PROJECT / "target/release/hzero")
    run = Path(args.example).resolve() / "Si64.0"
    for steps in sorted(args.steps):
        here = Path(folder) / str(steps)
        here.mkdir()
        fields = {"folder": json.dumps(str(run)), "channels": args.channels, "steps": steps, "envelope": R_MAX / BOHR}
        (here / "config.toml").write_text(CONFIG.format(**fields))
        log = "".join(started([binary, "train", "config.toml", "--device", "cpu"], here))
        parameters = int(re.search(r"(\d+) parameters", log).group(1))
        model = here / "model.safetensors"
        evaluate = [binary, "eval", run, "--model", model, "--no-bands", "--details", "--json", "--device", "cpu"]
        row = json.loads("".join(started(evaluate, here, errors=False)))["runs"][0]
        last = json.loads((here / "model.log.jsonl").read_text().strip().split("\n")[-1])
        parts = {part["name"]: part["errors"] for part in row["details"]["by_distance"]}
        near = [errors for name, errors in parts.items() if name != "on-site" and upper_bohr(name) <= R_MAX / BOHR + 0.1]
        onsite, hopping = half([parts["on-site"]]), half(near)
        yield {
            "steps": steps, "step_s": last["cpu_seconds"] / last["step"], "onsite": onsite, "hopping": hopping, "loss": (onsite + hopping) / 2,
            "forward_s": row["seconds"], "parameters": parameters,
        }


def upper_bohr(name):
    """The end of the range `12-14 bohr`."""
    return float(re.match(r"[\d.]+-([\d.]+) bohr", name).group(1))


def half(parts):
    """(MAE + RMSE) / 2 of some parts of `hzero eval --details` together, eV."""
    n = sum(part["n"] for part in parts)
    mae = sum(part["n"] * part["mae"] for part in parts) / n
    rmse = (sum(part["n"] * part["rms"] ** 2 for part in parts) / n) ** 0.5
    return 1e-3 * (mae + rmse) / 2


def started(command, folder, errors=True):
    """Lines that a process prints, as they come."""
    one_thread = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")}
    err = subprocess.STDOUT if errors else None
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=err, text=True, cwd=folder, env={**os.environ, **one_thread}
    )
    printed = []
    for line in process.stdout:
        printed.append(line)
        yield line
    if process.wait() != 0:
        raise SystemExit(f"{command[0]} failed:\n" + "".join(printed[-20:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("example")
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 200, 600])
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--only", choices=["hzero", "deeptb"])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    args.example = str(Path(args.example).resolve())
    programs = {"hzero": hzero, "deeptb": deeptb}
    rows = []
    print(f"{'program':<8} {'parameters':>10} {'steps':>6} {'loss, eV':>10} {'on-site':>10} {'hopping':>10} {'step, s':>8} {'forward, s':>10}")
    for name in [args.only] if args.only else programs:
        with tempfile.TemporaryDirectory() as folder:
            for row in programs[name](args, folder):
                rows.append({"program": name, **row})
                print(
                    f"{name:<8} {row['parameters']:>10} {row['steps']:>6} {row['loss']:>10.6f} {row['onsite']:>10.6f} {row['hopping']:>10.6f} "
                    f"{row['step_s']:>8.3f} {row['forward_s']:>10.3f}",
                    flush=True,
                )
                if args.out:
                    args.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
