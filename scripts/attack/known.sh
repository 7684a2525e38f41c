# Attacks that once got through, each by itself. Every function says what is wrong, or nothing.

# known [some]: all of them, or fewer places of each and none that takes long to prepare.
known() {
  places=12 full_kinds=(merge spill sparsegpt prune) full_parts=(10 30 50 70 80 90 95)
  if [ "${1:-}" = some ]; then places=3 full_kinds=(spill sparsegpt) full_parts=(30 80); fi
  try nameless_scratch linked_search strange_spill_place slow_program orphans foreign_files \
    kept_candidates strange_texts many_tensors
  [ "${1:-}" = some ] || try mapped_in_a_group
  # These need files of some length.
  prepare_runs demo
  try full_disk edited_input killed_evaluations
}

try() {
  local attack name problem begin
  for attack in "$@"; do
    name=${attack//_/ } begin=$SECONDS
    if problem=$("attack_$attack" 2>&1) && [ -z "$problem" ]; then
      echo "$name: held off ($((SECONDS - begin)) s)"
    elif [ "${problem#skipped}" != "$problem" ]; then
      echo "$name: $problem"
    else
      fail "$name: $problem"
    fi
  done
}

family_words() {
  local models=$work/pipelines/models
  words=("$sluice" merge --quiet --base "$models/base" --model "math=$models/math" --model "law=$models/law" --out "$room/out" "$@")
}

# A disk on which the run just fits; killed on the way, it goes on there.
attack_full_disk() {
  local disk=$work/disk kind kib low high total part
  mkdir -p "$disk"
  mount -t tmpfs -o size=16m tmpfs "$disk" 2>/dev/null || { echo "skipped: no right to mount"; return; }
  room=$disk/room
  for kind in "${full_kinds[@]}"; do
    low=1024 high=65536
    command_of "$kind"
    while [ $((high - low)) -gt 32 ]; do
      kib=$(((low + high) / 2))
      rm -rf "$room"
      mount -o remount,size=${kib}k "$disk"
      mkdir -p "$room"
      if "${words[@]}" >/dev/null 2>&1; then high=$kib; else low=$kib; fi
    done
    mount -o remount,size="${high}k" "$disk"
    total=$(calls write,sync,rename)
    for part in "${full_parts[@]}"; do
      fresh_room
      attacked kill ATTACK_KINDS=write,sync,rename ATTACK_AT=$((total * part / 100))
      alone
      [ "$code" = 0 ] || echo "$kind on ${high} KiB, killed at $part %: exit $code, $(head -n 1 "$work/errors")"
    done
  done
  umount "$disk"
}

# Scratch files that a kill right after they were made leaves behind.
attack_nameless_scratch() {
  local kind total place
  for kind in regmean sparsegpt original dare; do
    command_of "$kind"
    for calls in create unlink; do
      total=$(calls $calls)
      for ((place = 1; place <= total; place += 1 + total / places)); do
        fresh_room
        attacked kill ATTACK_KINDS=$calls ATTACK_AT="$place"
        alone
        [ "$code" = 0 ] || { echo "$kind, killed at $calls $place: exit $code, $(head -n 1 "$work/errors")"; break; }
      done
    done
  done
  # A name that somebody else's file has, or that an earlier version left, is in nobody's way.
  command_of sparsegpt
  total=$(calls write)
  fresh_room
  attacked kill ATTACK_KINDS=write ATTACK_AT=$((total / 2))
  for name in solve-1 solve-2 solve-1-gram solve-2-gram; do touch "$room/out/.sluice/$name"; done
  alone
  [ "$code" = 0 ] || echo "sparsegpt with left files: exit $code, $(head -n 1 "$work/errors")"
}

# A link in the place of a directory that is ours.
attack_linked_search() {
  local kind name
  for kind in search merge prune; do
    name=.sluice
    [ "$kind" = search ] && name=.sluice-search
    command_of "$kind"
    fresh_room
    mkdir -p "$room/out" "$room/victim/candidate-0" "$room/victim/stores"
    touch "$room/victim/candidate-0/keep" "$room/victim/statistics"
    ln -s ../victim "$room/out/$name"
    alone
    [ "$code" = 64 ] || echo "$kind with a linked $name: exit $code"
    [ "$(cd "$room/victim" && find . | sort | tr '\n' ' ')" = ". ./candidate-0 ./candidate-0/keep ./statistics ./stores " ] ||
      echo "$kind with a linked $name changed what is behind it: $(cd "$room/victim" && find . | tr '\n' ' ')"
  done
  # Links inside of a directory that is ours.
  command_of search
  fresh_room
  mkdir -p "$room/out/.sluice-search" "$room/victim/0"
  touch "$room/victim/0/keep"
  ln -s ../../victim "$room/out/.sluice-search/stores"
  alone
  [ -e "$room/victim/0/keep" ] || echo "search followed a linked stores: exit $code"
  [ "$(find "$room/victim" | wc -l)" = 3 ] || echo "search wrote behind a linked stores"
}

# A note of a stranger that names a spill elsewhere.
attack_strange_spill_place() {
  command_of spill
  fresh_room
  mkdir -p "$room/victim" "$room/out/.sluice"
  touch "$room/victim/sluice-0123456789abcdef.spill"
  printf %s "$room/victim/sluice-0123456789abcdef.spill" >"$room/out/.sluice/spill-place"
  alone
  [ -e "$room/victim/sluice-0123456789abcdef.spill" ] || echo "a spill of somebody else was removed"
  fresh_room
  command_of elsewhere
  local mine= at
  for at in 6 8 10 12 14 16; do
    fresh_room
    attacked kill ATTACK_KINDS=sync ATTACK_AT=$at
    mine=$(echo "$room"/elsewhere/*.spill)
    [ -e "$mine" ] && [ -d "$room/out/.sluice" ] && break
  done
  [ -e "$mine" ] || echo "the run has no spill to attack"
  printf %s "$room/victim/sluice-0123456789abcdef.spill" >"$room/out/.sluice/spill-place"
  mkdir -p "$room/victim"
  touch "$room/victim/sluice-0123456789abcdef.spill"
  alone
  [ "$code" = 0 ] || echo "with another's note of a spill: exit $code, $(head -n 1 "$work/errors")"
  [ -e "$room/victim/sluice-0123456789abcdef.spill" ] || echo "a spill of somebody else was removed on the way"
}

slow_recipe() {
  sed "s|\[$work/clip, \"0.001\"\]|[sh, -c, \"exec 0</dev/null; echo \$\$ >>$room/started; exec sleep 47\"]|" \
    "$work/pipelines/clip.yaml" >"$work/pipelines/slow.yaml"
  words=("$sluice" run --quiet "${allow[@]}" --out "$room/out" "$work/pipelines/slow.yaml")
  fresh_room
  # What a script starts in the background ignores SIGINT, unless somebody says otherwise.
  env --default-signal=INT "${words[@]}" >/dev/null 2>"$work/errors" &
  started=$!
  for _ in $(seq 100); do
    [ -s "$room/started" ] && break
    sleep 0.05
  done
}

# A signal while a program does not answer.
attack_slow_program() {
  local number begin wanted
  for number in INT TERM; do
    wanted=130
    [ $number = TERM ] && wanted=143
    slow_recipe
    begin=$(date +%s%N)
    kill -s $number "$started"
    code=0
    wait "$started" || code=$?
    local took=$((($(date +%s%N) - begin) / 1000000))
    [ $took -lt 3000 ] || echo "SIG$number took $took ms"
    [ "$code" = $wanted ] || echo "SIG$number: exit $code"
    leftovers "SIG$number"
  done
}

# Programs that outlive a killed run.
attack_orphans() {
  slow_recipe
  kill -s KILL "$started"
  wait "$started" 2>/dev/null
  leftovers SIGKILL
}

leftovers() {
  local pid
  sleep 0.5
  while read -r pid; do
    # What nobody collects is no program any more.
    grep -qs '^State:.[^ZX]' "/proc/$pid/status" || continue
    echo "$1: program $pid is still there"
    kill -s KILL "$pid"
  done <"$room/started"
}

# Files that others put into an output.
attack_foreign_files() {
  local total names
  family_words --threads 1 --shard-size "${shard_sizes[1]}" --journal-interval 0.01
  total=$(calls rename)
  # Stopped while names are given, begun anew: the adapter stays.
  fresh_room
  attacked kill ATTACK_KINDS=rename ATTACK_AT=$((total - 2))
  [ "$code" = 137 ] || echo "not killed: $code"
  echo mine >"$room/out/my-adapter.safetensors"
  echo mine >"$room/out/pytorch_model_notes.txt"
  words+=(--restart)
  alone
  for name in my-adapter.safetensors pytorch_model_notes.txt; do
    [ "$(cat "$room/out/$name" 2>/dev/null)" = mine ] || echo "--restart removed $name (exit $code)"
  done
  # There before the run: refused, all of them named, before anything is made.
  family_words
  for name in config.json sluice-recipe.yaml; do
    fresh_room
    mkdir -p "$room/out"
    echo mine >"$room/out/$name"
    alone
    [ "$(cat "$room/out/$name")" = mine ] || echo "$name was replaced (exit $code)"
    [ "$code" = 64 ] || echo "$name in the output: exit $code"
    grep -q "$name" "$work/errors" || echo "$name is not named: $(cat "$work/errors")"
    [ ! -e "$room/out/.sluice" ] || echo "work was begun beside a foreign $name"
  done
  # What is no name of the plan is in nobody's way.
  fresh_room
  mkdir -p "$room/out"
  echo mine >"$room/out/README.md"
  alone
  [ "$code" = 0 ] || echo "a README.md is in the way: exit $code, $(head -n 1 "$work/errors")"
  [ "$(cat "$room/out/README.md")" = mine ] || echo "README.md was replaced"
}

# What a search keeps can be made again.
attack_kept_candidates() {
  command_of search
  fresh_room
  alone
  local first name
  first=$(grep -h '"identity"' "$room"/out/best/*/sluice-report.json)
  for name in math law; do
    "$sluice" run --quiet "$room/out/best/$name/sluice-recipe.yaml" --out "$room/again-$name" >/dev/null 2>"$work/errors" ||
      { echo "best/$name cannot be made again: $(head -n 1 "$work/errors")"; continue; }
    cmp -s "$room/again-$name/model.safetensors" "$room/out/best/$name/model.safetensors" || echo "best/$name is different when made again"
  done
  fresh_room
  sleep 0.02
  alone
  [ "$first" = "$(grep -h '"identity"' "$room"/out/best/*/sluice-report.json)" ] || echo "another search, another identity"
}

# Texts of a stranger's report on the terminal.
attack_strange_texts() {
  local out=$work/expected/merge format
  expect spill
  fresh_room
  command_of spill
  alone
  out=$room/out
  # Every text of the report gets what a terminal must not see.
  sed -E -i 's/: "([^"]*)"/: "\1\\u202e\\u2028\\u001b[31m\\u0085"/g; s/\["/["\\u202e\\u2028/g' "$out/sluice-report.json"
  for format in text json dot mermaid; do
    for words in plan\ --actual status report\ --out verify inspect; do
      # shellcheck disable=SC2086
      case $words in
        plan*) "$sluice" plan --actual "$out" --format $format >"$work/output" 2>&1 ;;
        report*) "$sluice" report --out "$work/page.html" "$out" >"$work/output" 2>&1 ;;
        *) "$sluice" $words "$out" >"$work/output" 2>&1 ;;
      esac
      if LC_ALL=C grep -q -e $'\xe2\x80\xae' -e $'\xe2\x80\xa8' -e $'\x1b' -e $'\xc2\x85' "$work/output"; then
        echo "${words%% *} ($format): $(LC_ALL=C grep -o -a -e $'.\{0,30\}\xe2\x80\xae' -e $'.\{0,30\}\xe2\x80\xa8' -e $'.\{0,30\}\x1b' -e $'.\{0,30\}\xc2\x85' "$work/output" | head -n 3 | cat -v | tr '\n' ' ')"
      fi
    done
  done
}

# A family of many tiny tensors: many COUNT DIRECTORY BYTE.
many() {
  local header=$work/header length
  mkdir -p "$2"
  awk -v count="$1" -f "$project/scripts/attack/many.awk" >"$header"
  length=$(stat -c %s "$header")
  # shellcheck disable=SC2059
  printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x\\x00\\x00\\x00\\x00' $((length & 255)) $((length >> 8 & 255)) $((length >> 16 & 255)) $((length >> 24 & 255)))" >"$2/model.safetensors"
  cat "$header" >>"$2/model.safetensors"
  head -c $(($1 * 8)) /dev/zero | tr '\0' "$3" >>"$2/model.safetensors"
  echo '{"model_type": "llama"}' >"$2/config.json"
}

# The peak of the process stays within the budget and what the program itself takes (32 MiB), or the
# run is refused with the smallest budget that works.
attack_many_tensors() {
  local count=${tensor_count:-100000} budget=64 peak
  many "$count" "$work/many/base" '\075'
  many "$count" "$work/many/math" '\076'
  for _ in 1 2; do
    fresh_room
    words=("$sluice" merge --quiet --base "$work/many/base" --model "math=$work/many/math" --memory ${budget}MiB --out "$room/out")
    alone
    if [ "$code" = 64 ]; then
      budget=$(sed -n 's/.*--memory \([0-9]*\)MiB.*/\1/p' "$work/errors")
      [ -n "$budget" ] || { echo "refused without a budget: $(cat "$work/errors")"; return; }
      continue
    fi
    [ "$code" = 0 ] || { echo "exit $code: $(head -n 1 "$work/errors")"; return; }
    peak=$(sed -n 's/.*"peakMemory": \([0-9]*\),.*/\1/p' "$room/out/sluice-report.json" | head -n 1)
    [ $((peak / 1048576)) -le $((budget + 32)) ] || echo "$count tensors peak at $((peak / 1048576)) MiB with --memory ${budget}MiB"
    return
  done
  echo "the budget that was named is refused, too"
}

# An input that changes between its samples, with its length and the time of its change restored.
attack_edited_input() {
  local file copy=$work/edited
  rm -rf "$copy"
  cp -r "$work/pipelines/models" "$copy"
  for file in "$copy/math/model-00001-of-00003.safetensors"; do
    fresh_room
    words=("$sluice" merge --quiet --threads 1 --journal-interval 0.01 --base "$copy/base" --model "math=$copy/math" --model "law=$copy/law" --out "$room/out")
    attacked kill ATTACK_KINDS=write ATTACK_AT=20
    [ "$code" = 137 ] || echo "the run was not killed before its end: exit $code"
    touch -r "$file" "$work/time"
    printf '\x11\x12' | dd of="$file" bs=1 seek=700001 conv=notrunc status=none
    touch -r "$work/time" "$file"
    alone
    [ "$code" = 65 ] || echo "an edited input was not seen: exit $code"
  done
  # The same on request, where files were moved.
  rm -rf "$copy"
}

# Mapped inputs in a group with little memory take no longer than some times what read ones take.
attack_mapped_in_a_group() {
  local group=/sys/fs/cgroup/memory/sluice-attacks io begin taken=()
  mkdir -p "$group" 2>/dev/null && [ -w "$group/memory.limit_in_bytes" ] || { echo "skipped: no memory groups (version 1) to make"; return; }
  # What is written there counts as the group's memory.
  [ "$(stat -f -c %T "$work")" != tmpfs ] || { echo "skipped: $work is in memory"; rmdir "$group"; return; }
  mkdir -p "$work/large"
  for name in base math law; do
    [ -f "$work/large/$name/model.safetensors" ] || large "$work/large/$name"
  done
  echo $((48 << 20)) >"$group/memory.limit_in_bytes"
  for io in pread mmap; do
    fresh_room
    words=("$sluice" merge --quiet --memory 24MiB --io $io --base "$work/large/base" --model "math=$work/large/math" --model "law=$work/large/law" --out "$room/out")
    begin=$(date +%s%N)
    code=0
    sh -c "echo \$\$ >$group/cgroup.procs && exec \"\$0\" \"\$@\"" "${words[@]}" >/dev/null 2>"$work/errors" || code=$?
    taken+=($((($(date +%s%N) - begin) / 1000000)))
    [ "$code" = 0 ] || echo "$io: exit $code, $(head -n 1 "$work/errors")"
  done
  rmdir "$group"
  [ "${taken[1]}" -le $((taken[0] * 3 + 2000)) ] || echo "pread took ${taken[0]} ms, mmap ${taken[1]}"
}

# A model of 200 MB in linear layers: large DIRECTORY.
large() {
  local count=24 elements=4194304 header= i length
  mkdir -p "$1"
  for ((i = 0; i < count; i++)); do
    header+="${header:+,}\"model.layers.$i.mlp.up_proj.weight\":{\"dtype\":\"BF16\",\"shape\":[2048,2048],\"data_offsets\":[$((i * elements * 2)),$(((i + 1) * elements * 2))]}"
  done
  header="{$header}"
  length=${#header}
  # shellcheck disable=SC2059
  printf "$(printf '\\x%02x\\x%02x\\x00\\x00\\x00\\x00\\x00\\x00' $((length & 255)) $((length >> 8)))" >"$1/model.safetensors"
  printf %s "$header" >>"$1/model.safetensors"
  # Any bytes but those of infinity: 0x3c and what a generator from the name draws.
  openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv "$(printf %s "${1##*/}" | od -An -tx1 | tr -d ' \n')$(printf '%032d' 0)" -in /dev/zero 2>/dev/null |
    head -c $((count * elements * 2)) | LC_ALL=C tr '\100-\377' '\000-\077\000-\077\000-\077' >>"$1/model.safetensors"
  echo '{"model_type": "llama"}' >"$1/config.json"
}

# Evaluations and searches that are killed do nothing again that was finished, end with the same, and leave nothing.
attack_killed_evaluations() {
  local place=$work/killed recipe=$work/pipelines/dppa.yaml pause expected found
  "$sluice" search --help | grep -q -e --task-files || { echo "skipped: no task files"; return; }
  rm -rf "$place"
  mkdir -p "$place"
  awk 'BEGIN { srand(1); for (i = 0; i < 60; i++) { printf "{\"prompt\":[1"
    for (j = 0; j < 150; j++) printf ",%d", 1 + int(rand() * 500); print "],\"choices\":[[7],[8]],\"index\":0}" } }' >"$place/tasks.jsonl"
  local evaluate=("$sluice" evaluate "$recipe" --tasks "$place/tasks.jsonl" --scratch "$place" --threads 1 --quiet)
  local search=(env "TMPDIR=$place" "$sluice" search "$recipe" --task-files "$place/tasks.jsonl" --threads 1 --bound 1.2
    --out "$place/found" --json)
  expected=$("${evaluate[@]}")
  for pause in 0.05 0.2 0.5 1 2; do
    killed_after "$pause" "${evaluate[@]}" --state "$place/state"
    killed_after "$pause" "${search[@]}"
  done
  found=$("${evaluate[@]}" --state "$place/state")
  [ "$found" = "$expected" ] || echo "other scores after kills"
  [ ! -e "$place/state" ] || echo "finished layers stay behind an evaluation that has ended"
  "${search[@]}" 2>>"$place/events" >/dev/null || echo "the search fails after kills"
  grep '"event":"evaluated"' "$place/events" | grep -o '"model":"[^"]*","candidate":"[^"]*"' | sort | uniq -d |
    sed 's/^/evaluated twice: /'
  find "$place" -maxdepth 1 -name 'sluice-merge.*' | sed 's/^/left: /'
  rm -rf "$place"
}

# killed_after SECONDS COMMAND...: what it writes to its standard error is kept.
killed_after() {
  local pause=$1 process
  shift
  "$@" >/dev/null 2>>"$place/events" &
  process=$!
  sleep "$pause"
  kill -9 "$process" 2>/dev/null || true
  wait "$process" 2>/dev/null || true
}
