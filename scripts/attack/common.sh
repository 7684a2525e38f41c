# What the attacks share: building the library, starting a run under it, and counting what came of it.

failures=0
attempts=0

fail() {
  failures=$((failures + 1))
  echo "FAILED $*" | tee -a "$work/failures" >&2
}

build_tools() {
  mkdir -p "$work"
  cc -O1 -Wall -Wextra -shared -fPIC -o "$work/calls.so" "$project/scripts/attack/calls.c" -ldl -pthread
  cc -O1 -Wall -Wextra -o "$work/power" "$project/scripts/attack/power.c"
  cc -O1 -Wall -Wextra -o "$work/compare" "$project/scripts/attack/compare.c"
}

# attacked MODE [NAME=VALUE ...]: runs `words` with the library; the exit code is left in `code`.
attacked() {
  local mode=$1
  shift
  rm -f "$work/log"
  code=0
  # In a shell of its own, which would otherwise say that a process was killed.
  (timeout 60 env LD_PRELOAD="$work/calls.so" ATTACK="$mode" ATTACK_UNDER="$room" ATTACK_LOG="$work/log" "$@" \
    "${words[@]}" >"$work/output" 2>"$work/errors"; exit $?) 2>/dev/null || code=$?
  attempts=$((attempts + 1))
}

# Runs `words` without an attack.
alone() {
  code=0
  timeout 60 "${words[@]}" >"$work/output" 2>"$work/errors" || code=$?
}

fresh_room() {
  rm -rf "$room"
  mkdir -p "$room"
}

# Goes on after an attack and compares: finish KIND DESCRIPTION.
finish() {
  alone
  if [ "$code" != 0 ]; then
    fail "$1, $2: the next attempt ended with $code: $(head -c 600 "$work/errors")"
    return
  fi
  local found
  found=$(problems "$1")
  [ -z "$found" ] || fail "$1, $2: $found"
}

# calls KINDS: how many calls of these kinds `words` makes.
calls() {
  fresh_room
  attacked count "${@:2}"
  [ "$code" = 0 ] || { cat "$work/errors" >&2; exit 1; }
  local sum=0 kind count
  while read -r kind count; do
    case ,$1, in *,"$kind",*) sum=$((sum + count)) ;; esac
  done <"$work/log"
  echo "$sum"
}

# A repeatable draw from 0 ... $1 - 1 into `drawn`.
draw() {
  seed=$(((seed * 1103515245 + 12345) % 2147483648))
  drawn=$(((seed >> 8) % ($1 > 0 ? $1 : 1)))
}
