#!/bin/sh
# Trains a small model and two fine-tunes, merges them with sluice, and compares the answers.
#
#   run.sh [--sluice PATH] [--work DIR] [--python PROGRAM] [-- OPTIONS FOR sluice merge]
#
# The family is made once per work folder; the merges are made anew each time.
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

# The last file that make_family.py writes; without it the family is not complete.
if [ ! -f "$work/family/made-with.json" ]; then
  "$python" "$here/make_family.py" --out "$work/family"
fi

# merge NAME OPTIONS...: one merged model under $work/merged/NAME.
merge() {
  name=$1
  shift
  rm -rf "$work/merged/$name"
  "$sluice" merge --base "$work/family/base" \
    --model arithmetic="$work/family/arithmetic" --model reversal="$work/family/reversal" \
    --out "$work/merged/$name" "$@"
}

mkdir -p "$work/merged"
# Several files, so that the index of a merged model is checked as well.
merge dppa-0.8 --pruning-rate 0.8 --shard-size 500KB "$@"
merge dppa-0.8-amplified --pruning-rate 0.8 --amplify arithmetic=2,1.5 --amplify reversal=2,1.5 "$@"
merge dppa-0.5 --pruning-rate 0.5 "$@"

"$python" "$here/check_merge.py" --family "$work/family" --json "$work/scores.json" \
  --merged dppa-0.8="$work/merged/dppa-0.8" \
  --merged dppa-0.8-amplified="$work/merged/dppa-0.8-amplified" \
  --merged dppa-0.5="$work/merged/dppa-0.5"

"$python" "$here/own_scores.py" --sluice "$sluice" --family "$work/family" --scores "$work/scores.json" \
  --tasks "$work/tasks" \
  --merged dppa-0.8="$work/merged/dppa-0.8" \
  --merged dppa-0.8-amplified="$work/merged/dppa-0.8-amplified" \
  --merged dppa-0.5="$work/merged/dppa-0.5"
