#!/usr/bin/env bash
# What processes of a merge in shares ask of a file system, and how much memory they take, for checkpoints in the true
# shapes of large models: sparse files, of which only the headers take space. Gates are counts.
# Usage: bench/shares/counts.sh [--small] [SCRATCH]
#
# A base of 405 billion parameters with 3 fine-tunes, and a mixture of experts of 10^12; 512 shares. `prepare` and one
# share of each (the survey of DPPA, which reads 6 and 16 GB of zeros); then `reduce` and `finish` for as many tensors of
# the same names that are small, since all shares must be done before. --small leaves the second part out, for CI.
# Needs the release builds of this package and of sluice; SLUICE names another.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
small=
if [ "${1:-}" = --small ]; then
  small=--small
  shift
fi
if [ $# -ge 1 ]; then
  mkdir -p "$1"
  scratch=$(realpath "$1")
else
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
fi
sluice=$(realpath "${SLUICE:-$here/../../.build/release/sluice}")
bench=$(realpath "${BENCH:-$here/../.build/release/bench}")
cc -O1 -shared -fPIC -o "$scratch/calls.so" "$here/../../scripts/attack/calls.c" -ldl -pthread
cd "$scratch"
failed=0

family() { # NAME OPTIONS...: base and three fine-tunes, and a recipe of them
  local name=$1
  shift
  "$bench" generate --out "$name" --models 3 --sparse --shards-of 5GB "$@" >/dev/null
  cat >"$name.yaml" <<R
merge_method: dppa
base_model: $name/base
models: [{model: $name/math}, {model: $name/code}, {model: $name/law}]
parameters: {pruning-rate: 0.8}
R
}

counted() { # WORDS...: runs sluice; what it asked for is left in `counts`
  rm -f counts
  # A disk that has room for results that stay sparse.
  ATTACK_ROOM=1 ATTACK=count ATTACK_UNDER=$scratch ATTACK_AT=100000 ATTACK_LOG=$scratch/counts LD_PRELOAD=$scratch/calls.so \
    "$sluice" "$@" --quiet >output 2>errors || { cat errors >&2; exit 1; }
}
count() { awk -v name="$1" '$1 == name { print $2 }' counts; }
say() { # WHAT
  awk -v what="$1" '{ n[$1] = $2 } END {
    printf "%-34s opens %6d, reads %6d, stats %6d, read %8.1f MB, resident %5.1f MiB", what,
      n["open"] + n["create"], n["read"], n["stat"], n["bytes"] / 1e6, n["resident"] / 1024
    if ("first-read" in n) printf "; before the first chunk: opens %d, reads %d", n["first-open"] + n["first-create"], n["first-read"]
    print "" }' counts
}
gate() { # WHAT FOUND LIMIT
  if [ "$2" -gt "$3" ]; then
    echo "counts: $1: $2, more than $3" >&2
    failed=1
  fi
}

share() { # NAME SHARE: the survey of a share, gated
  counted work "$1-out" --share "$2/512" --phase survey --memory 96MiB --threads 1
  say "$1, share $2/512, survey"
  gate "$1: opens of share $2" $(($(count open) + $(count create))) 40
  local reads
  reads=$(count first-read)
  # One that has nothing to do has no chunk.
  gate "$1: reads of share $2 before the first chunk" "${reads:-$(count read)}" 300
  gate "$1: kilobytes of share $2" "$(count resident)" $((128 * 1024))
}

for shape in llama-405b moe-1t; do
  family "$shape" --shape "$shape"
  rm -rf "$shape-out"
  counted prepare "$shape.yaml" --out "$shape-out" --shares 512
  say "$shape, prepare"
  share "$shape" 0
  share "$shape" 511
  rm -rf "$shape-out"
done

if [ "$small" != --small ]; then
  # As many tensors and shares, but small ones.
  family moe-narrow --shape moe-1t --hidden 512 --heads 8 --kv-heads 8 --expert-intermediate 64 --intermediate 512 --vocab 4096
  rm -rf moe-narrow-out
  counted prepare moe-narrow.yaml --out moe-narrow-out --shares 512
  say "moe-narrow, prepare"
  phase() { seq 0 511 | xargs -P 2 -I{} "$sluice" work moe-narrow-out --share {}/512 --phase "$1" --threads 1 --quiet >/dev/null; }
  phase survey
  counted reduce moe-narrow-out
  say "moe-narrow, reduce"
  gate "moe-narrow: bytes that reduce reads" "$(count bytes)" 20000000
  phase merge
  counted finish moe-narrow-out
  say "moe-narrow, finish"
  rm -rf moe-narrow-out
fi
[ "$failed" = 0 ] && echo "counts: all within their gates"
exit "$failed"
