# Kills aimed at file calls, before them and in the middle of writes, and a few at random moments.

kill_kinds=open,create,read,write,sync,rename,unlink,mkdir,allocate,truncate,mmap,stat,lock,writeback,list

# kills COUNT: spread over the kinds of runs.
kills() {
  local each=$((($1 + ${#runs[@]} - 1) / ${#runs[@]})) kind total place mode index again started wall
  local killed=0 aimed=0 finished=0 seconds=$SECONDS
  for kind in "${runs[@]}"; do
    expect "$kind" || { fail "$kind does not run"; continue; }
    command_of "$kind"
    total=$(calls "$kill_kinds")
    started=$(date +%s%N)
    fresh_room
    alone
    wall=$((($(date +%s%N) - started) / 1000000))
    local mine=0
    for ((index = 0; mine < each; index++)); do
      fresh_room
      draw 20
      local is_aimed=$((drawn > 0))
      # Evenly over all calls, from another first call with each seed.
      draw 1000
      place=$((1 + (index * total / each + drawn * total / each / 1000) % total))
      mode=kill
      [ $((index % 3)) = 2 ] && mode=half
      if [ "$is_aimed" = 1 ]; then
        attacked "$mode" ATTACK_KINDS=$kill_kinds ATTACK_AT="$place"
      else
        draw "$((wall + 1))"
        # In the foreground, since it would else kill itself, too, and not wait until the run is gone.
        code=0
        (timeout --foreground -s KILL "0.$(printf %03d "$drawn")" "${words[@]}" >/dev/null 2>&1; exit $?) 2>/dev/null || code=$?
      fi
      local what="killed ($mode) at call $place of $total"
      [ "$is_aimed" = 1 ] || what="killed after $drawn ms"
      if [ "$code" = 137 ]; then
        killed=$((killed + 1)) mine=$((mine + 1)) aimed=$((aimed + is_aimed))
        local early
        early=$(early_names "$kind")
        [ -z "$early" ] || fail "$kind, $what: $early"
        # Every third is killed again while it goes on.
        if [ $((index % 3)) = 1 ]; then
          draw "$total"
          again=$((drawn + 1))
          attacked kill ATTACK_KINDS=$kill_kinds ATTACK_AT="$again"
          if [ "$code" = 137 ]; then
            killed=$((killed + 1)) mine=$((mine + 1)) aimed=$((aimed + 1))
            what="$what, then at $again"
          fi
        fi
      # 124: it had ended by itself when its time was up.
      elif [ "$code" != 0 ] && { [ "$is_aimed" = 1 ] || [ "$code" != 124 ]; }; then
        fail "$kind, $what: exit code $code: $(head -c 600 "$work/errors")"
      else
        # The call was not reached; two lanes do not make the same calls each time.
        mine=$((mine + 1))
      fi
      finish "$kind" "$what"
      finished=$((finished + 1))
    done
  done
  echo "kills: $killed in $finished outputs of ${#runs[@]} kinds, $aimed of them aimed at file calls, $((SECONDS - seconds)) s, $failures failures"
}
