# The kinds of runs that are attacked. Each merges the family of `sluice demo` into $room/out.

# With a journal that keeps each finished unit, there is most to go wrong.
pace=(--quiet --threads 2 --journal-interval 0.01)

run_names=(
  merge shards spill elsewhere mergekit original dare wanda regmean sparsegpt clip mean prune search
)

# Makes the models, the recipes and the programs once.
prepare_runs() {
  local source=$project/pipelines recipe
  rm -rf "$work/pipelines"
  mkdir -p "$work/pipelines"
  "$sluice" demo --quiet --out "$work/pipelines/models" >/dev/null
  for recipe in dppa ties-mergekit ties-original dare-l1 wanda regmean sparsegpt; do
    cp "$source/$recipe.yaml" "$work/pipelines/"
  done
  cc -O2 -o "$work/clip" "$source/stages/clip.c"
  cc -O2 -Wall -Wextra -o "$work/mean" "$project/scripts/attack/mean.c"
  sed "s|\[python3, stages/clip.py, \"8\"\]|[$work/clip, \"0.001\"]|" \
    "$source/clip-before-ties.yaml" >"$work/pipelines/clip.yaml"
  sed "s|\[python3, stages/soft_average.py\]|[$work/mean]|" \
    "$source/soft-average.yaml" >"$work/pipelines/mean.yaml"
  # A score that the weights alone decide.
  cat >"$work/score" <<'SCORE'
#!/bin/sh
sum=$(cat "$1"/*.safetensors | cksum | cut -d' ' -f1)
printf '{"tasks": {"made-up": 0.%03d}}\n' $((sum % 1000))
SCORE
  chmod +x "$work/score"
  inputs_before=$(inputs_sum)
}

inputs_sum() { find "$work/pipelines/models" -type f -print0 | sort -z | xargs -0 cat | cksum; }

# Puts the command of a kind of run into `words`.
command_of() {
  local models=$work/pipelines/models out=$room/out
  local family=(--base "$models/base" --model "math=$models/math" --model "law=$models/law")
  local merge=("$sluice" merge "${family[@]}" --out "$out" "${pace[@]}")
  local run=("$sluice" run --out "$out" "${pace[@]}")
  case $1 in
    merge) words=("${merge[@]}" --amplify math=1.1,1.3) ;;
    shards) words=("${merge[@]}" --shard-size 1MB --spill off --io mmap) ;;
    spill) words=("${merge[@]}" --shard-size 2MB --spill zstd) ;;
    elsewhere) words=("${merge[@]}" --spill none --spill-dir "$room/elsewhere") ;;
    mergekit) words=("${run[@]}" "$work/pipelines/ties-mergekit.yaml") ;;
    original) words=("${run[@]}" "$work/pipelines/ties-original.yaml") ;;
    dare) words=("${run[@]}" "$work/pipelines/dare-l1.yaml") ;;
    wanda | regmean | sparsegpt | clip | mean) words=("${run[@]}" "$work/pipelines/$1.yaml") ;;
    prune)
      words=("$sluice" prune --quiet --threads 2 --base "$models/base" --model "$models/math" --out "$out")
      ;;
    search)
      words=("$sluice" search "$work/pipelines/dppa.yaml" --quiet --threads 1 --bound 1.3 --keep best
        --jobs 2 --evaluator "$work/score {model}" --out "$out")
      ;;
    *) echo "attacks: no kind of run named $1" >&2; exit 64 ;;
  esac
}

# A file without what an interruption may change: costs, and how the last attempt was run.
plain() {
  case ${1##*/} in
    sluice-report.json)
      # Where such a warning is the last or the only one, brackets and commas around it change.
      sed -e '/^ "explanation": {/,/^ }/d' -E \
        -e '/"kind": "(damaged-work|unlocked-output)"/d; s/^( "warnings": \[)\],$/\1/; /^ \],$/d; s/("message": "[^"]*"\}),$/\1/' \
        -e '/"(seconds|bytesRead|bytesWritten|bytesSpilled|peakMemory|peakLeased|attempts|memory|plannedMemory|lanes|chunkElements|outputBuffers|io|vectorLevel|passes)": /d' "$1"
      ;;
    search.json) sed -E 's/"seconds": [-0-9.e]+//; /"(evaluations|wastedEvaluations|reusedEvaluations|idleSeconds)": /d' "$1" ;;
    search.journal) ;;
    *) cat "$1" ;;
  esac
}

# Runs without an attack and keeps what it gave: $work/expected/KIND, and the names in it.
expect() {
  command_of "$1"
  rm -rf "$room" "$work/expected/$1"
  mkdir -p "$room" "$work/expected"
  "${words[@]}" >/dev/null 2>"$work/errors" || { cat "$work/errors" >&2; return 1; }
  mv "$room/out" "$work/expected/$1"
  (cd "$work/expected/$1" && find . -type f -printf '%P\n' | sort) >"$work/expected/$1.names"
  local name
  while read -r name; do
    plain "$work/expected/$1/$name" >"$work/plain" && cp "$work/plain" "$work/expected/$1/$name"
  done <"$work/expected/$1.names"
}

same_file() {
  case ${2##*/} in
    sluice-report.json | search.json | search.journal) plain "$2" | cmp -s - "$1" ;;
    *) cmp -s "$1" "$2" ;;
  esac
}

# Says what is wrong with a finished output; nothing if nothing is.
problems() {
  local name
  [ ! -d "$room/out" ] && { echo "no output"; return; }
  (cd "$room/out" && find . -type f -printf '%P\n' | sort) >"$work/names"
  cmp -s "$work/names" "$work/expected/$1.names" || echo "other files: $(comm -3 "$work/names" "$work/expected/$1.names" | tr '\n' ' ')"
  while read -r name; do
    same_file "$work/expected/$1/$name" "$room/out/$name" || echo "$name is different"
  done <"$work/expected/$1.names"
  for name in "$room"/* "$room"/.[!.]* "$room"/elsewhere/*; do
    [ -e "$name" ] || continue
    case $name in "$room/out" | "$room/elsewhere") ;; *) echo "left behind: $name" ;; esac
  done
}

# Says which files have a finished name without being whole.
early_names() {
  [ "$1" = search ] && return
  local path name
  for path in "$room"/out/*; do
    [ -f "$path" ] || continue
    name=${path##*/}
    [ -f "$work/expected/$1/$name" ] && same_file "$work/expected/$1/$name" "$path" && continue
    echo "$name is not whole"
  done
}
