# Calls that fail or do less than they are asked to.

# What is tried: kind of call, then the errors that it may give; `short` is less than was asked for.
fault_table=(
  "open EIO=5 ENOMEM=12 EMFILE=24 EINTR=4"
  "create EIO=5 ENOSPC=28 EDQUOT=122 EROFS=30 EMFILE=24 EINTR=4"
  "read EIO=5 EINTR=4 short"
  "write EIO=5 ENOSPC=28 EDQUOT=122 EINTR=4 EFBIG=27 short"
  "sync EIO=5 ENOSPC=28 EINTR=4 EDQUOT=122"
  "rename EIO=5 ENOSPC=28 EINTR=4 EROFS=30"
  "unlink EIO=5 EINTR=4 EROFS=30"
  "mkdir ENOSPC=28 EDQUOT=122 EINTR=4"
  "allocate ENOSPC=28 EINTR=4 EOPNOTSUPP=95 EIO=5 EINVAL=22"
  "truncate EIO=5 EINTR=4 EINVAL=22"
  "mmap ENOMEM=12 EAGAIN=11"
  "stat EIO=5 EINTR=4 ENOMEM=12"
  "lock ENOLCK=37 EINTR=4 EOPNOTSUPP=95"
  "writeback EIO=5 EINTR=4 EOPNOTSUPP=95 ESPIPE=29"
  # The system has no EINTR for it.
  "list EIO=5 EMFILE=24"
)

# one_fault KIND CALL-KIND FAULT PLACE LASTS
one_fault() {
  local mode=fail number=${3##*=} what="$2 $4 gives $3"
  [ "$3" = short ] && mode=short number=0
  [ "$5" = 1 ] && what="$what from then on"
  fresh_room
  attacked "$mode" ATTACK_UNDER="$room:$work/pipelines" ATTACK_KINDS="$2" ATTACK_AT="$4" \
    ATTACK_ERRNO="$number" ATTACK_LASTS="$5"
  [ -s "$work/log" ] || return 0
  struck=$((struck + 1))
  case $code in
    0)
      local found
      found=$(problems "$1")
      [ -z "$found" ] || fail "$1, $what: exit 0, but $found"
      return 0
      ;;
    74)
      grep -q '^error: ' "$work/errors" || fail "$1, $what: no message"
      if [ "$3" = EINTR=4 ] || [ "$3" = short ]; then fail "$1, $what: $(head -c 300 "$work/errors")"; fi
      ;;
    *) fail "$1, $what: exit code $code: $(head -c 600 "$work/errors")" ;;
  esac
  finish "$1" "$what"
}

# faults COUNT: spread over kinds of runs, kinds of calls and errors.
faults() {
  local struck=0 seconds=$SECONDS row words_of_row kind fault places place index lasts offset=0
  local each=$((($1 + ${#runs[@]} - 1) / ${#runs[@]}))
  for kind in "${runs[@]}"; do
    expect "$kind" || { fail "$kind does not run"; continue; }
    command_of "$kind"
    fresh_room
    attacked count ATTACK_UNDER="$room:$work/pipelines"
    cp "$work/log" "$work/counts"
    # All that can happen to this kind of run: kind of call, error, number of such calls.
    local cells=()
    for row in "${fault_table[@]}"; do
      read -ra words_of_row <<<"$row"
      places=$(awk -v kind="${words_of_row[0]}" '$1 == kind {print $2}' "$work/counts")
      [ "${places:-0}" -gt 0 ] || continue
      for fault in "${words_of_row[@]:1}"; do cells+=("${words_of_row[0]} $fault $places"); done
    done
    local step=$((${#cells[@]} / each))
    [ "$step" -gt 0 ] || step=1
    for ((index = 0; index < each; index++)); do
      # Another first one for each kind of run.
      read -r row fault places <<<"${cells[(index * step + offset) % ${#cells[@]}]}"
      draw "$places"
      place=$((drawn + 1))
      draw 3
      lasts=$((drawn == 0))
      # An interrupted call is tried again: one that always is would be tried for ever.
      case $fault in EINTR*) lasts=0 ;; esac
      one_fault "$kind" "$row" "$fault" "$place" "$lasts"
    done
    offset=$((offset + 7))
  done
  [ "$(inputs_sum)" = "$inputs_before" ] || fail "faults: an input was changed"
  echo "faults: $struck over ${#runs[@]} kinds of runs, $((SECONDS - seconds)) s, $failures failures"
}
