# Disks that are full, that have no more names, or that let nobody write so much.

disks() {
  local seconds=$SECONDS tried=0 kind system
  local kinds=()
  for kind in "${runs[@]}"; do
    # Of each way to use a disk one.
    case $kind in merge | spill | elsewhere | regmean | prune | search) kinds+=("$kind") ;; esac
  done
  # A recipe in an output names models by the way from there: as deep as a disk will be.
  mkdir -p "$work/plain"
  room=$work/plain/room
  for kind in "${kinds[@]}"; do expect "$kind"; done
  for system in tmpfs ext4 xfs btrfs; do
    on_disk "$system" || continue
    for kind in "${kinds[@]}"; do fill_disk "$system" "$kind"; done
    off_disk
  done
  if on_disk tmpfs; then
    for kind in "${kinds[@]}"; do few_names "$kind"; done
    off_disk
  fi
  quota "${kinds[@]}"
  subvolume_quota "${kinds[@]}"
  room=$work/plain/room
  for kind in "${kinds[@]}"; do limits "$kind"; done
  echo "disks: $tried runs on full disks and under limits, $((SECONDS - seconds)) s, $failures failures"
}

# on_disk SYSTEM [OPTIONS OF MKFS]: mounts a disk of 64 MiB (xfs and btrfs: the least they take) at $work/disk.
on_disk() {
  local size=64M image=$work/image
  mkdir -p "$work/disk"
  if [ "$1" = tmpfs ]; then
    mount -t tmpfs -o size=64m tmpfs "$work/disk" 2>/dev/null || { echo "disks: $1 skipped, it cannot be mounted"; return 1; }
  else
    command -v "mkfs.$1" >/dev/null || { echo "disks: $1 skipped, there is no mkfs.$1"; return 1; }
    [ "$1" = xfs ] && size=320M
    [ "$1" = btrfs ] && size=160M
    rm -f "$image"
    truncate -s $size "$image"
    if ! { "mkfs.$1" -q "${@:2}" "$image" >/dev/null 2>&1 && mount -o loop "$image" "$work/disk" 2>/dev/null; }; then
      echo "disks: $1 skipped, it cannot be made or mounted"
      return 1
    fi
  fi
  room=$work/disk/room
}

off_disk() {
  sync -f "$work/disk"
  umount "$work/disk"
  rm -f "$work/image"
  room=$work/plain/room
}

# Puts other files in the way so that so many KiB are left, lets the run fail, takes them away, goes on.
fill_disk() {
  local free left
  for left in 100 700 3000 6000 9000; do
    command_of "$2"
    fresh_room
    free=$(df --output=avail -k "$work/disk" | tail -n 1)
    [ "$free" -gt "$left" ] || continue
    head -c $(((free - left) * 1024)) /dev/zero >"$work/disk/others" 2>/dev/null || true
    sync -f "$work/disk"
    expect_full "$2" "$left KiB of $1"
    # The disk fills up while the run lasts.
    fresh_room
    free=$(df --output=avail -k "$work/disk" | tail -n 1)
    (code=0; "${words[@]}" >/dev/null 2>"$work/errors" || code=$?; echo $code >"$work/code") &
    head -c $(((free - left) * 1024)) /dev/zero >"$work/disk/others" 2>/dev/null || true
    wait
    code=$(cat "$work/code")
    judge_full "$2" "$1 filled up to $left KiB on the way"
  done
}

expect_full() {
  alone
  [ "${3:-}" != unlimited ] || btrfs qgroup limit none "$room"
  judge_full "$@"
}

# A run that did not fit ends with 74 and goes on once there is room.
judge_full() {
  tried=$((tried + 1))
  case $code in
    0 | 74) ;;
    *) fail "$1, $2: exit code $code: $(head -c 400 "$work/errors")" ;;
  esac
  rm -f "$work/disk/others"
  [ -d "$work/disk/room" ] && sync -f "$work/disk" 2>/dev/null
  finish "$1" "$2"
}

few_names() {
  local count
  for count in 6 9 12 16; do
    command_of "$1"
    fresh_room
    mount -o "remount,nr_inodes=$count" "$work/disk" 2>/dev/null || continue
    alone
    tried=$((tried + 1))
    case $code in
      0 | 74) ;;
      *) fail "$1, $count inodes: exit code $code: $(head -c 400 "$work/errors")" ;;
    esac
    mount -o remount,nr_inodes=1000 "$work/disk"
    finish "$1" "$count inodes"
  done
}

# Limits that the system sets on a process.
limits() {
  local limit
  for limit in "-f 200" "-f 2000" "-n 12" "-n 16" "-n 24" "-v 200000" "-v 400000"; do
    command_of "$1"
    fresh_room
    code=0
    # shellcheck disable=SC2086
    (ulimit $limit && exec "${words[@]}" >/dev/null 2>"$work/errors") || code=$?
    tried=$((tried + 1))
    case $code in
      0 | 74 | 75) ;;
      # Without room for addresses even the libraries may not be there.
      *) case $limit in -v*) ;; *) fail "$1, ulimit $limit: exit code $code: $(head -c 400 "$work/errors")" ;; esac ;;
    esac
    finish "$1" "ulimit $limit"
  done
}

# A quota of blocks for a user who is not root.
quota() {
  if ! command -v setquota >/dev/null || ! on_disk ext4 -O quota -E quotatype=usrquota; then
    echo "disks: quotas skipped, there is no setquota or no disk with quotas"
    return
  fi
  if ! quotaon "$work/disk" >/dev/null 2>&1 && ! quotaon -p "$work/disk" 2>/dev/null | grep -q 'is on'; then
    echo "disks: quotas skipped, they cannot be turned on"
    off_disk
    return
  fi
  local kind limit user=65534 plain_words
  # Who is not root must get at the models.
  chmod 755 "$work"
  for kind in "$@"; do
    for limit in 400 4000 7000; do
      command_of "$kind"
      plain_words=("${words[@]}")
      rm -rf "$room"
      mkdir -p "$room"
      chmod 777 "$room"
      setquota -u $user $limit $limit 0 0 "$work/disk"
      words=(setpriv --reuid $user --clear-groups "${plain_words[@]}")
      alone
      tried=$((tried + 1))
      case $code in
        0 | 74) ;;
        *) fail "$kind, a quota of $limit KiB: exit code $code: $(head -c 400 "$work/errors")" ;;
      esac
      setquota -u $user 0 0 0 0 "$work/disk"
      finish "$kind" "a quota of $limit KiB"
    done
  done
  quotaoff "$work/disk"
  off_disk
}

# A quota of a subvolume of btrfs, which root meets, too.
subvolume_quota() {
  command -v btrfs >/dev/null && on_disk btrfs || { echo "disks: quotas of subvolumes skipped, there is no btrfs"; return; }
  if ! btrfs quota enable "$work/disk" 2>/dev/null; then
    echo "disks: quotas of subvolumes skipped, they cannot be turned on"
    off_disk
    return
  fi
  local kind limit
  for kind in "$@"; do
    for limit in 400 4000 7000; do
      command_of "$kind"
      rm -rf "$room"
      btrfs subvolume create "$room" >/dev/null
      btrfs qgroup limit "${limit}K" "$room"
      expect_full "$kind" "a quota of $limit KiB for a subvolume" unlimited
    done
  done
  off_disk
}
