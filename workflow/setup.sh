#!/usr/bin/env bash
# Sets up a virtual environment from requirements.lock: workflow/setup.sh PYTHON VENV
set -euo pipefail
python=$1 venv=$2
say() { printf 'vidsal: %s\n' "$1" >&2; exit 1; }

command -v "$python" >/dev/null || say "no $python here; install Python 3.11 or newer"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  say "$("$python" --version) is too old; install Python 3.11 or newer and run make with PYTHON=python3.12"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  say "this Python lacks the venv module; on Debian or Ubuntu: apt install python3-venv"
free_kb=$(df -Pk . | awk 'NR==2 {print $4}')
[ "$free_kb" -gt 9000000 ] || [ -x "$venv/bin/snakemake" ] ||
  say "the environment needs 9 GB of disk, $((free_kb / 1000000)) GB are free here; free some space"

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --compile-bytecode \
  --require-hashes -r requirements.lock
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --editable .
touch "$venv/.ready"
