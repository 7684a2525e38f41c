# Losses of power, rebuilt from recorded calls.

# power COUNT: spread over the kinds of runs; models of what a disk keeps take turns.
power_losses() {
  local each=$((($1 + ${#runs[@]} - 1) / ${#runs[@]})) kind index total cut model states=0 seconds=$SECONDS early
  local models=(strict ordered any)
  for kind in "${runs[@]}"; do
    expect "$kind" || { fail "$kind does not run"; continue; }
    command_of "$kind"
    fresh_room
    attacked record
    [ "$code" = 0 ] || { fail "$kind does not run: $(cat "$work/errors")"; continue; }
    mv "$work/log" "$work/record"
    total=$("$work/power" count "$work/record")
    for ((index = 0; index < each; index++)); do
      model=${models[index % 3]}
      draw 1000
      cut=$((index * total / each + drawn * total / each / 1000))
      [ "$index" = 0 ] && cut=$total
      fresh_room
      "$work/power" rebuild "$work/record" "$room" "$cut" "$model" "$((seed % 1000))"
      states=$((states + 1))
      local what="power lost after call $cut of $total ($model)"
      early=$(early_names "$kind")
      [ -z "$early" ] || fail "$kind, $what: $early"
      if [ "$cut" = "$total" ]; then
        # What ended with 0 is there for good.
        early=$(problems "$kind")
        [ -z "$early" ] || fail "$kind, $what: $early"
      fi
      finish "$kind" "$what"
    done
  done
  echo "power losses: $states states of ${#runs[@]} kinds of runs, $((SECONDS - seconds)) s, $failures failures"
}
