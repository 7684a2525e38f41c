#!/usr/bin/env bash
# What dividing a merge costs: one process with two lanes against two processes with one lane each, which do the shares
# of the same merge, turn by turn; and what a share costs that has nothing to do.
# Usage: bench/shares/compare.sh BASE MATH CODE SCRATCH [TURNS [SHARES]]
#
# The three models are what `bench generate --shape llama-1.1b` makes; SCRATCH needs room for three results. Five
# turns of 1.1 billion parameters take about a minute.
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,7s/^# //p' "$0" >&2; exit 64; }
base=$(realpath "$1") math=$(realpath "$2") code=$(realpath "$3")
mkdir -p "$4"
scratch=$(realpath "$4") turns=${5:-5} shares=${6:-16}
sluice=$(realpath "${SLUICE:-$(dirname "$0")/../../.build/release/sluice}")
export sluice
cd "$scratch"
cat >recipe.yaml <<R
merge_method: dppa
base_model: $base
models:
  - model: $math
  - model: $code
parameters: {pruning-rate: 0.8}
R

seconds() { # runs a command, and prints how long it took
  local start=$EPOCHREALTIME
  "$@" >/dev/null 2>errors || { cat errors >&2; exit 1; }
  awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }'
}
phase() { seq 0 $((shares - 1)) | xargs -P 2 -I{} "$sluice" work many --share "{}/$shares" --phase "$1" --threads 1 --quiet; }
one() { "$sluice" run recipe.yaml one --threads 2 --spill off --quiet; }
many() {
  "$sluice" prepare recipe.yaml --out many --shares "$shares" --quiet
  phase survey
  "$sluice" reduce many --quiet
  phase merge
  "$sluice" finish many --quiet
}
median() { sort -n | awk '{ a[NR] = $1 } END { print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2 }'; }

: >turns
for turn in $(seq 0 "$turns"); do
  rm -rf one many
  if [ $((turn % 2)) = 0 ]; then a=$(seconds one) b=$(seconds many); else b=$(seconds many) a=$(seconds one); fi
  for file in one/*.safetensors; do cmp "$file" "many/$(basename "$file")"; done
  # The first turn warms the page cache.
  [ "$turn" = 0 ] || { echo "$a $b" >>turns; echo "turn $turn: one process $a s, $shares shares by two $b s"; }
done
awk '{ print $2 / $1 }' turns | median | sed 's/^/shares take so many times as long (median): /'

# Many more shares than pieces: the last has nothing to do but begin and end.
rm -rf many
last=9999
"$sluice" prepare recipe.yaml --out many --shares 10000 --quiet >/dev/null 2>&1
: >starts
for _ in 1 2 3 4 5; do
  rm -f many/.sluice/*/survey/$last.done
  seconds "$sluice" work many --share "$last/10000" --phase survey --quiet >>starts
  echo >>starts
done
median <starts | awk '{ printf "a share that has nothing to do (median): %d ms\n", $1 * 1000 }'
rm -rf one many
