#!/bin/sh
# Trains a small family, searches factors, merges, and prints tables like Tables 2 and 3 of DPPA.
#
#   run_tables.sh [--sluice PATH] [--work DIR] [--python PROGRAM] [-- OPTIONS FOR tables.py]
#
# The family is made once per work folder. What was evaluated stays in the searches' journals, so that
# a second call goes on where the first was stopped.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sluice=$here/../../.build/release/sluice
work=$here/../data/real-model
python=${PYTHON:-python3}
while [ $# -gt 0 ]; do
  case $1 in
    --sluice) sluice=$2; shift 2 ;;
    --work) work=$2; shift 2 ;;
    --python) python=$2; shift 2 ;;
    --) shift; break ;;
    *) echo "error: unknown argument '$1'" >&2; exit 64 ;;
  esac
done

if ! reason=$("$python" -c 'import torch, transformers, safetensors, tokenizers' 2>&1); then
  echo "skipped: $python lacks a module: $(printf '%s' "$reason" | tail -n 1)" >&2
  echo "hint: pip install torch transformers safetensors, or --python PROGRAM" >&2
  exit 0
fi
if [ ! -x "$sluice" ]; then
  echo "error: $sluice: no such program" >&2
  echo "hint: swift build -c release, or --sluice PATH" >&2
  exit 64
fi
if [ ! -f "$work/family/made-with.json" ]; then
  "$python" "$here/make_family.py" --out "$work/family"
fi
rm -rf "$work"/tables/*-merged* "$work"/tables/*-arithmetic* "$work"/tables/*-reversal*
"$python" "$here/tables.py" --work "$work" --sluice "$sluice" --python "$python" "$@"
