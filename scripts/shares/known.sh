# What must be refused by name, and mended as the message says.

# refused CODE PATTERN WORDS...: a command that ends with a code and says something.
refused() {
  local code=0 wanted=$1 pattern=$2
  shift 2
  "$@" >output 2>errors || code=$?
  [ "$code" = "$wanted" ] || fail "$* ended with $code, not $wanted: $(cat errors)"
  grep -q -- "$pattern" errors || fail "$* does not say \"$pattern\": $(cat errors)"
}

same() { cmp "one-$1/model.safetensors" "$2/model.safetensors" || fail "$2 has other bytes"; }

known_cases() {
  local file run first share

  # What jobs prints for xargs does all of it, with all barriers.
  "$sluice" prepare recipes/dppa-original.yaml --out printed --shares 5 --quiet >/dev/null
  "$sluice" jobs printed --for xargs --workers 2 | sed 's/^sluice .*/& --quiet/' \
    | PATH="$(dirname "$sluice"):$PATH" sh >/dev/null
  same dppa-original printed
  "$sluice" report printed --html page.html --dimensions none --quiet >/dev/null

  # An input that changed is found before a share is done, and nothing is lost if it comes back.
  cp -r models changing && sed 's|models/|changing/|' recipes/dppa.yaml >changing.yaml
  "$sluice" prepare changing.yaml --out changed --shares 3 --quiet >/dev/null
  "$sluice" work changed --share 0/3 --phase survey --quiet >/dev/null
  cp -r changing/math kept
  for file in changing/math/*.safetensors; do
    printf '\x55' | dd of="$file" bs=1 seek=$(($(stat -c %s "$file") - 9)) conv=notrunc status=none
  done
  refused 65 'the inputs changed' "$sluice" work changed --share 1/3 --phase survey
  refused 65 'the inputs changed' "$sluice" work changed
  cp kept/* changing/math
  "$sluice" work changed --quiet >/dev/null
  "$sluice" finish changed --quiet >/dev/null
  same dppa changed

  # A worker of another version, as one looks that finds a run which another version prepared.
  "$sluice" prepare recipes/dppa.yaml --out version --shares 2 --quiet >/dev/null
  run=$(basename version/.sluice/*-2)
  sed -i 's/\("sluice": *\)"[^"]*"/\1"0.0.1"/' version/.sluice/manifest.json version/.sluice/shares.json
  sed -i "s/\"identity\": *\"${run%-2}/\"identity\": \"0123456789abcdef/" version/.sluice/shares.json
  mv "version/.sluice/$run" version/.sluice/0123456789abcdef-2
  refused 64 'sluice was 0.0.1' "$sluice" work version --share 0/2
  refused 64 'another version of its format' sh -c "sed -i 's/\"version\": 1/\"version\": 2/' version/.sluice/shares.json
    '$sluice' work version --share 0/2"

  # Records that are not what was written.
  "$sluice" prepare recipes/dppa.yaml --out damaged --shares 3 --quiet >/dev/null
  for share in 0 1 2; do "$sluice" work damaged --share "$share/3" --phase survey --quiet >/dev/null; done
  for file in damaged/.sluice/*/survey/0001.done; do
    printf '\xaa\x55' | dd of="$file" bs=1 seek=300 conv=notrunc status=none
    refused 65 'not what a share leaves' "$sluice" reduce damaged
    rm "$file"
    refused 75 'of 1 of 3 shares: 1' "$sluice" reduce damaged
    "$sluice" work damaged --share 1/3 --phase survey --quiet >/dev/null
  done
  "$sluice" reduce damaged --quiet >/dev/null
  # A directory that does not show yet what is in it: the share is done again, or later.
  for file in damaged/.sluice/*/survey/rates; do
    mv "$file" hidden
    refused 75 'is not put together yet' "$sluice" work damaged --share 0/3 --phase merge
    mv hidden "$file"
  done
  for share in 0 1 2; do "$sluice" work damaged --share "$share/3" --quiet >/dev/null; done
  "$sluice" finish damaged --quiet >/dev/null
  same dppa damaged

  # A process that comes back after its share was given away, when the run is over.
  "$sluice" prepare recipes/dppa.yaml --out zombie --shares 2 --quiet >/dev/null
  (LD_PRELOAD=$work/calls.so ATTACK=stop ATTACK_UNDER=$work/zombie ATTACK_KINDS=write ATTACK_AT=3 ATTACK_LOG=log \
    exec "$sluice" work zombie --quiet >/dev/null 2>zombie.errors) &
  first=$!
  settle "$first"
  "$sluice" work zombie --quiet >/dev/null
  "$sluice" finish zombie --quiet >/dev/null
  kill -CONT "$first"
  wait "$first" || fail "the process that came back failed: $(cat zombie.errors)"
  same dppa zombie
  [ ! -e zombie/.sluice ] || fail "the process that came back left something"
  echo "check-shares: changed inputs, other versions, damaged and missing records are refused by name, and mended"
}
