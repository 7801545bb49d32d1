#!/usr/bin/env bash
# The Python programs that the tests compare with, each in its own folder: sisl in .venv (0.4 GB), DeepH-dock in .venv-deeph
# (0.3 GB), DeePTB in .venv-deeptb (0.3 GB); and Chromium, in which pages are looked at (0.4 GB). What cannot be had here is said and left out; tests that need it are skipped.
set -uo pipefail
cd "$(dirname "$0")/.."

# The first of some Pythons for which a line of Python holds.
python_with() {
  local line=$1 python
  shift
  for python in "$@"; do
    if "$python" -c "$line" 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  return 1
}

# peer NAME FOLDER PYTHON [OPTION OF venv]: what tests/peers/NAME.txt lists, unless tests/peers/NAME_reads.py finds all there already.
peer() {
  local name=$1 folder=$2 python=$3 dependencies=--no-deps
  works() { "$folder/bin/python" "tests/peers/${name}_reads.py" -- 2>/dev/null; }
  ! works || return 0
  [ "$name" != sisl ] || dependencies=
  echo "setup: fetching what tests/peers/$name.txt lists ..."
  rm -rf "$folder"
  "$python" -m venv --without-pip "${@:4}" "$folder" &&
    python3 -m pip --python "$folder/bin/python" --disable-pip-version-check install -q --no-cache-dir --only-binary=:all: \
      $dependencies -r "tests/peers/$name.txt" &&
    works && echo "setup: $name is in $folder"
}

skipped() {
  echo "setup: without $1 ($2); its tests are skipped"
}

# fetched PACKAGE SIZE: Debian's, where that is possible.
fetched() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return
  echo "setup: fetching Debian's $1 ($2) ..."
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "$1" >/dev/null
}

# A browser for the page of bands.
command -v chromium chromium-browser google-chrome >/dev/null || fetched chromium "100 MB" || skipped Chromium "there is none, and Debian's needs root"

peer sisl .venv python3 || skipped sisl "see above"

newer=$(python_with 'import sys; assert sys.version_info >= (3, 12)' \
  python3 python3.14 python3.13 python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python) &&
  { peer deeph .venv-deeph "$newer" || skipped DeepH-dock "see above"; } ||
  skipped DeepH-dock "it needs Python 3.12"

# PyTorch without CUDA: Debian's, 0.15 GB. That of the registry brings 2.7 GB of CUDA.
with_torch() {
  hash -r # else bash tells only the python3 that ran before
  mapfile -t pythons < <(type -aP python3)
  python_with 'import torch' "${pythons[@]}"
}
with_torch >/dev/null || fetched python3-torch "146 MB"
torch=$(with_torch) &&
  { peer deeptb .venv-deeptb "$torch" --system-site-packages || skipped DeePTB "see above"; } ||
  skipped DeePTB "it needs a python3 with PyTorch, such as Debian's python3-torch"
