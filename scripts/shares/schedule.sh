# A random schedule of processes for one merge in shares. `schedule SEED` leaves what is wrong in `problem`.

processes=0 killed=0 stopped=0 early=0 restarts=0
pick() { local -n list=$1; picked=${list[RANDOM % ${#list[@]}]}; }
chance() { [ $((RANDOM % 100)) -lt "$1" ]; }

# begin NAME ATTACK AT WORDS...: starts a process in the background; its number is left in `begun`.
begin() {
  local name=$1 attack=$2 at=$3 kinds= under=$out
  shift 3
  if [ "$attack" = none ] && [ "$1" = work ] && [ "$broken" != none ] && chance 30; then
    attack=$broken at=$((1 + RANDOM % 4))
  fi
  case $attack in
    remake) kinds=open at=1 under=$(echo "$out"/.sluice/*/files) ;;
    drop | flip) kinds=write under=$(echo "$out"/.sluice/*/files) ;;
    tear) kinds=rename at=1 ;;
  esac
  processes=$((processes + 1))
  (
    # Processes have lanes and vector units of their own.
    [ "$1" != work ] || set -- "$@" --threads $((1 + RANDOM % 2)) --vector-level "${levels[RANDOM % ${#levels[@]}]}"
    [ "$attack" = none ] || export LD_PRELOAD=$work/calls.so
    ATTACK=$attack ATTACK_UNDER=$under ATTACK_KINDS=$kinds ATTACK_AT=$at ATTACK_LOG=$room/$name.log \
      exec "$sluice" "$@" --quiet >"$room/$name.out" 2>"$room/$name.err"
  ) &
  begun=$!
}

# ended NAME NUMBER [ALLOWED]: waits for a process, and looks at how it ended.
ended() {
  local code=0
  wait "$2" 2>/dev/null || code=$?
  case " ${3:-0 75} " in
    *" $code "*) ;;
    *) problem=${problem:-"$1 ended with $code: $(head -c 300 "$room/$1.err")"} ;;
  esac
  [ "$code" = 0 ] || [ "$code" -gt 130 ] || grep -q '^error: ' "$room/$1.err" || problem=${problem:-"$1 says nothing: $code"}
  [ "$code" != 137 ] || killed=$((killed + 1))
}

# Wakes the processes that were stopped, or some of them; where a run was thrown away beneath them, they say so.
wake() {
  local left=() zombie number name
  for zombie in "${zombies[@]}"; do
    if [ -n "${1:-}" ] && chance 60; then left+=("$zombie"); continue; fi
    read -r number name <<<"$zombie"
    kill -CONT "$number" 2>/dev/null || true
    ended "$name" "$number" "0 75 74"
  done
  zombies=("${left[@]}")
}

# Waits until a process has ended or stopped itself.
settle() {
  local state
  while :; do
    state=$(awk '{ sub(/.*\) /, ""); print $1; exit }' "/proc/$1/stat" 2>/dev/null) || return 0
    case $state in T | Z | "") return 0 ;; esac
    sleep 0.01
  done
}

# Does a phase: each share once, some of them in other ways as well, four at the same time.
phase_of_shares() {
  local phase=$1 list=() running=() share job name number
  for share in $(seq 0 $((shares - 1))); do
    list+=("$share plain")
    chance 25 && list+=("$share plain")
    chance 25 && list+=("$share kill")
    chance 10 && list+=("$share half")
    chance 15 && list+=("$share stop")
    chance 5 && list+=("$share early")
  done
  local order=() index
  while [ ${#list[@]} -gt 0 ]; do
    index=$((RANDOM % ${#list[@]}))
    order+=("${list[index]}")
    list[index]=${list[-1]}
    unset 'list[-1]'
  done
  for job in "${order[@]}"; do
    read -r share job <<<"$job"
    name=$phase-$share-$job-$processes
    local words=(work "$out" --share "$share/$shares" --phase "$phase")
    case $job in
      plain) begin "$name" none 0 "${words[@]}" ;;
      kill | half) begin "$name" "$job" $((1 + RANDOM % 120)) "${words[@]}" ;;
      stop) begin "$name" stop $((1 + RANDOM % 90)) "${words[@]}" ;;
      early)
        early=$((early + 1))
        if chance 50; then
          begin "$name" none 0 finish "$out"
        else
          begin "$name" none 0 work "$out" --share "$share/$shares" --phase merge
        fi
        ;;
    esac
    if [ "$job" = stop ]; then
      # Another one does the same meanwhile.
      number=$begun
      settle "$number"
      if kill -0 "$number" 2>/dev/null && grep -q '^State:.*stopped' "/proc/$number/status" 2>/dev/null; then
        zombies+=("$number $name")
        stopped=$((stopped + 1))
      else
        ended "$name" "$number"
      fi
      continue
    fi
    running+=("$begun $name")
    if [ ${#running[@]} -ge 4 ]; then
      for job in "${running[@]}"; do read -r number name <<<"$job"; ended "$name" "$number" "0 75 137"; done
      running=()
    fi
    [ -z "$problem" ] || break
  done
  for job in "${running[@]}"; do read -r number name <<<"$job"; ended "$name" "$number" "0 75 137"; done
  chance 30 && wake some
  # Whoever hands out gives what is not done once more.
  for share in $(seq 0 $((shares - 1))); do
    [ -n "$problem" ] && break
    name=$phase-$share-last
    begin "$name" none 0 work "$out" --share "$share/$shares" --phase "$phase"
    ended "$name" "$begun" "0 $([ "$broken" = none ] || echo 137)"
  done
}

# once WORDS...: a verb that is killed first at times, or given twice at the same time, and then ends well.
once() {
  local name=$1-$processes first
  if chance 30; then
    begin "$name-killed" kill $((1 + RANDOM % 80)) "$@"
    ended "$name-killed" "$begun" "0 75 137"
  fi
  if chance 30; then
    begin "$name-twin" none 0 "$@"
    first=$begun
    begin "$name" none 0 "$@"
    ended "$name" "$begun"
    ended "$name-twin" "$first"
  fi
  begin "$name-last" none 0 "$@"
  ended "$name-last" "$begun" 0
}

# What is left of a recipe's merge from its preparation on, unless something else is wanted in the middle of it.
merge_in_shares() {
  local phase phases
  [ "${recipe%-spill}" = "$recipe" ] || set -- "$@" --spill rice
  once prepare "recipes/$recipe.yaml" --out "$out" --shares "$shares" "$@"
  [ -z "$problem" ] || return 0
  phases=$("$sluice" status "$out" --json | grep -o '"name":"[a-z]*"' | cut -d'"' -f4)
  for phase in $phases; do
    # Shells say of a killed process that it was.
    phase_of_shares "$phase" 2>/dev/null
    [ -z "$problem" ] || return 0
    if [ "$next" != none ] && chance 40; then return 0; fi
    [ "$phase" = merge ] || once reduce "$out" --phase "$phase"
    [ -z "$problem" ] || return 0
  done
  next=none
  once finish "$out"
}

schedule() {
  RANDOM=$1
  problem= room=$work/room zombies=()
  # At the depth of the others, since paths in it are relative.
  out=$work/out
  rm -rf "$room" "$out"
  mkdir "$room"
  local counts=(1 2 3 4 5 7 16) file
  levels=(baseline)
  grep -qw avx2 /proc/cpuinfo && levels+=(avx2)
  grep -qw avx512bw /proc/cpuinfo && levels+=(avx512)
  grep -qw avx512_vbmi2 /proc/cpuinfo && levels+=(avx512-vbmi2)
  pick recipes; recipe=$picked
  pick counts; shares=$picked
  next=none
  if chance 20; then pick recipes; next=$picked; fi
  [ "$next" != "$recipe" ] || next=none
  merge_in_shares
  if [ -z "$problem" ] && [ "$next" != none ]; then
    # Another recipe takes the place of the run; who was stopped in the old one may wake at any time.
    recipe=$next next=none
    restarts=$((restarts + 1))
    pick counts; shares=$picked
    merge_in_shares --restart
  fi
  wake
  wait 2>/dev/null || true
  [ -z "$problem" ] || return 0
  for file in "$work/one-$recipe"/*; do
    case $file in */sluice-report.json) continue ;; esac
    cmp -s "$file" "$out/$(basename "$file")" || problem=${problem:-"$(basename "$file") differs"}
  done
  [ ! -e "$out/.sluice" ] || problem=${problem:-"the work directory is left: $(find "$out/.sluice" | head -3 | tr '\n' ' ')"}
  "$sluice" verify "$out" --quiet >/dev/null 2>"$room/verify" || problem=${problem:-"verify: $(cat "$room/verify")"}
}
