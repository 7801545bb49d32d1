"""unpack_libtorch.py WHEELS DEST: the CPU half of libtorch and its headers, out of PyTorch's own wheels.

Only what a build and a CPU run need is taken (0.5 GB instead of 4.6 GB). `libtorch.so` becomes a linker script, so that
the CUDA libraries, which are not unpacked, are never asked for at link time.
"""
import glob
import os
import shutil
import sys
import zipfile

LIBRARIES = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcupti.so.13", "libcudart.so.13"}


def target(name: str) -> str | None:
    base = os.path.basename(name)
    if base in LIBRARIES and "/lib/" in name:
        return os.path.join("lib", base)
    if name.startswith("torch/include/") and base:
        return name[len("torch/"):]
    return None


def main() -> None:
    wheels, dest = sys.argv[1:3]
    for wheel in glob.glob(os.path.join(wheels, "*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                relative = target(info.filename)
                if relative is None:
                    continue
                out = os.path.join(dest, relative)
                os.makedirs(os.path.dirname(out), exist_ok=True)
                with archive.open(info) as source, open(out, "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
    with open(os.path.join(dest, "lib", "libtorch.so"), "w") as script:
        script.write("INPUT(AS_NEEDED(-ltorch_cpu))\n")
    with open(os.path.join(dest, "build-version"), "w") as version:  # torch-sys checks this file; written last
        version.write("2.11.0+cu130\n")


main()
