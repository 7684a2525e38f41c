# The kinds of runs that are attacked. Each merges a family into $room/out.

# With a journal that keeps each finished unit, there is most to go wrong.
pace=(--quiet --threads 2 --journal-interval 0.01)

run_names=(
  merge shards spill elsewhere mergekit original dare wanda regmean sparsegpt
  compensated blended clip mean prune search
)

# prepare_runs small|demo: makes the models, the recipes and the programs. The small family reaches every call
# in a twentieth of a second; that of `sluice demo` takes room on disks and time to change.
prepare_runs() {
  local source=$project/pipelines recipe
  # Earlier versions, which can be attacked for comparison, ran programs without being asked, and folded nothing.
  allow=()
  if "$sluice" run --help | grep -q -e --allow-exec; then allow=(--allow-exec); fi
  if [ ${#runs[@]} = 0 ]; then
    runs=("${run_names[@]}")
    if "$sluice" --help | grep -q '^  fold'; then runs+=(fold); fi
  fi
  rm -rf "$work/pipelines"
  mkdir -p "$work/pipelines"
  if [ "$1" = demo ]; then
    "$sluice" demo --quiet --out "$work/pipelines/models" >/dev/null
    shard_sizes=(1MB 2MB)
  else
    cc -O1 -Wall -Wextra -o "$work/family" "$project/scripts/attack/family.c" -lm
    "$work/family" "$work/pipelines/models"
    shard_sizes=(8KB 16KB)
  fi
  for recipe in dppa ties-mergekit ties-original dare-l1 wanda regmean sparsegpt compensated own-regmean-sparse; do
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
    shards) words=("${merge[@]}" --shard-size "${shard_sizes[0]}" --spill off --io mmap) ;;
    spill) words=("${merge[@]}" --shard-size "${shard_sizes[1]}" --spill rice) ;;
    elsewhere) words=("${merge[@]}" --spill none --spill-dir "$room/elsewhere") ;;
    mergekit) words=("${run[@]}" "$work/pipelines/ties-mergekit.yaml") ;;
    original) words=("${run[@]}" "$work/pipelines/ties-original.yaml") ;;
    dare) words=("${run[@]}" "$work/pipelines/dare-l1.yaml") ;;
    clip | mean) words=("${run[@]}" "${allow[@]}" "$work/pipelines/$1.yaml") ;;
    blended) words=("${run[@]}" "$work/pipelines/own-regmean-sparse.yaml") ;;
    wanda | regmean | sparsegpt | compensated) words=("${run[@]}" "$work/pipelines/$1.yaml") ;;
    fold) words=("$sluice" fold --base "$models/base" --adapter "$models/adapter" --out "$out" "${pace[@]}") ;;
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

# Runs without an attack and keeps what it gave: $work/expected/KIND.
expect() {
  command_of "$1"
  rm -rf "$room" "$work/expected/$1"
  mkdir -p "$room" "$work/expected"
  "${words[@]}" >/dev/null 2>"$work/errors" || { cat "$work/errors" >&2; return 1; }
  mv "$room/out" "$work/expected/$1"
}

# Says what is wrong with a finished output; nothing if nothing is.
problems() { "$work/compare" whole "$work/expected/$1" "$room"; }

# Says which files have a finished name without being whole.
early_names() { [ "$1" = search ] || "$work/compare" early "$work/expected/$1" "$room"; }
