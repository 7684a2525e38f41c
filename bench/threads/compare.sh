#!/usr/bin/env bash
# What two lanes bring in each pass of a DPPA merge, with inputs in the page cache and the output thrown away.
#
#     bench/threads/compare.sh BASE MATH CODE SCRATCH [TURNS]
#
# SLUICE names the binary. A turn is a merge with one lane and one with two; printed are the seconds of each pass, their
# medians, and the median of the quotients of turns.
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//' >&2; exit 64; }
base=$1 math=$2 code=$3 scratch=$4 turns=${5:-5}
here=$(cd "$(dirname "$0")/.." && pwd)
sluice=${SLUICE:-$here/../.build/release/sluice}
library=$here/.build/release/libDiscardedWrites.so
[ -e "$library" ] || swift build -c release --package-path "$here" --product DiscardedWrites >&2
mkdir -p "$scratch"
out=$(mktemp -d -p "$scratch")
trap 'rm -rf "$out"' EXIT
find "$base" "$math" "$code" -name '*.safetensors' -exec cat {} + > /dev/null

for turn in $(seq "$turns"); do
  for threads in 1 2; do
    LD_PRELOAD=$library "$sluice" merge --base "$base" --model math="$math" --model code="$code" \
      --out "$out/merged" --threads "$threads" --verbose > "$out/log" 2>&1 || { cat "$out/log" >&2; exit 1; }
    rm -rf "$out/merged"
    sed -nE "s/^(survey|merge) \[[0-9]\/[0-9]\]: .* in ([0-9.]+) s$/$turn $threads \1 \2/p" "$out/log"
  done
done | tee "$out/times" | sed 's/^/turn, lanes, pass, seconds: /'

for pass in survey merge; do
  awk -v pass="$pass" '
    function median(list, count,   i, j, x) {
      for (i = 2; i <= count; i++)
        for (j = i; j > 1 && list[j - 1] > list[j]; j--) { x = list[j]; list[j] = list[j - 1]; list[j - 1] = x }
      return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
    }
    $3 == pass { seconds[$1, $2] = $4; if ($1 > turns) turns = $1 }
    END {
      for (t = 1; t <= turns; t++) { one[t] = seconds[t, 1]; two[t] = seconds[t, 2]; ratio[t] = one[t] / two[t] }
      printf "%s: one lane %.2f s, two lanes %.2f s, %.2f times as fast\n", pass, median(one, turns), median(two, turns), median(ratio, turns)
    }' "$out/times"
done
