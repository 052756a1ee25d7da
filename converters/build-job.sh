#!/bin/sh
# hpcbinder: builds image.def of this job's directory into a SIF. A constant: what differs is in files beside it.
#   container  the apptainer or singularity command      output  where the SIF goes, absolute
#   scratch    a directory on the shared disk            prologue.sh  the user's own lines (modules), if any
#   epilogue.sh the same, for the end                    reach        hosts and ports that the steps fetch from, if any
#   needs-ids  is there where packages need other users or groups
# Leaves `result` (bytes, then sha256 of the SIF). Exit: 0 built, 94 no internet, 95 no room, 96 no way to build here, 97 no other ids here,
# else that of the build. All that it writes meanwhile lies in one directory that is removed, and never in the home directory.
umask 077
ulimit -c 0
dir=$PWD
# Slurm passes no environment on; the user's own lines name their home.
own_names() {
  [ -n "$HOME" ] || { HOME=$(getent passwd "$(id -u)" | cut -d: -f6) && export HOME; }
  [ -n "$USER" ] || { USER=$(id -un) && LOGNAME=$USER && export USER LOGNAME; }
}
if [ -f prologue.sh ] || [ -f epilogue.sh ]; then own_names; fi
if [ -f prologue.sh ]; then . ./prologue.sh; fi
cd "$dir" || exit 2
IFS= read -r container < container || exit 2
IFS= read -r scratch < scratch || exit 2
IFS= read -r output < output || exit 2
say() { printf 'hpcbinder: %s\n' "$*"; }
set +eu
epilogue() { if [ -f "$dir/epilogue.sh" ]; then (cd "$dir" && . ./epilogue.sh) || say "the epilogue ended with exit $?"; fi; }
trap epilogue EXIT

# -- from where: a node without a way to the indexes fails at its first package, after minutes of time-outs
# a proxy of the site resolves names by itself; without bash or timeout(1) nobody can look
if [ -f reach ] && [ -z "$https_proxy$HTTPS_PROXY$http_proxy$HTTP_PROXY" ] && command -v bash timeout >/dev/null; then
  while read -r host port; do
    timeout 10 bash -c 'exec 3<> "/dev/tcp/$0/$1"' "$host" "$port" 2>/dev/null && continue
    say "no way from $(uname -n) to $host"
    exit 94
  done < reach
fi

# -- where: 6 GB, on the node where the site offers a place there, else on scratch; memory (tmpfs) only where nothing else is
# a scheduler that passes no environment on sets no HOME either
home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
real_home=$(cd "${home:-/nonexistent}" 2>/dev/null && pwd -P) || real_home=/nonexistent
has_room() { # directory, word
  [ -d "$1" ] && [ -w "$1" ] || return 1
  case $(cd "$1" && pwd -P)/ in "$real_home"/*) return 1 ;; esac
  [ "$2" = memory ] || [ "$(stat -f -c %T "$1" 2>/dev/null)" != tmpfs ] || return 1
  free=$(df -Pk "$1" | awk 'NR == 2 { print $4 }')
  [ "${free:-0}" -ge 6291456 ]
}
mkdir -p -- "$scratch" 2>/dev/null
root=
for kind in disk memory; do
  for place in "$SLURM_TMPDIR" "$TMPDIR" "$scratch" /var/tmp /tmp; do
    if [ -z "$root" ] && has_room "$place" "$kind"; then root=$place; fi
  done
done
if [ -z "$root" ]; then
  say "no place for the build: none of $SLURM_TMPDIR $TMPDIR $scratch /var/tmp /tmp on $(uname -n) has 6 GB outside of the home directory"
  exit 95
fi
# A build with the user's other ids leaves files of theirs: they go in a namespace that has these ids, newuidmap(1) makes it.
# In it, rm is root, from its exec on: user_namespaces(7).
remove() {
  chmod -R u+rwX "$1" 2>/dev/null
  rm -rf -- "$1" 2>/dev/null
  [ -e "$1" ] || return 0
  uids=$(own_range /etc/subuid) gids=$(own_range /etc/subgid -g)
  [ -n "$uids" ] && [ -n "$gids" ] || return 0
  in_it='for try in 1 2 3 4 5 6 7 8 9 10; do read -r map < /proc/self/uid_map && exec rm -rf -- "$1"; sleep 1; done'
  unshare --user sh -c "$in_it" sh "$1" < /dev/null & space=$!
  for try in 1 2 3 4 5; do
    [ "$(readlink /proc/$space/ns/user)" = "$(readlink /proc/self/ns/user)" ] || break
    sleep 1
  done
  # the groups first: with users alone it has no right over files of other groups, and it begins with the map of users
  # shellcheck disable=SC2086 # two numbers each
  newgidmap $space 0 "$(id -g)" 1 1 $gids && newuidmap $space 0 "$(id -u)" 1 1 $uids
  wait $space
}
own_range() { # file, option of getsubids: first id and count
  { getsubids ${2:+"$2"} "$(id -un)" 2>/dev/null | awk '{ print $3, $4; exit }'
    awk -F : -v name="$(id -un)" -v id="$(id -u)" '$1 == name || $1 == id { print $2, $3; exit }' "$1" 2>/dev/null; } |
    grep -m 1 -E '^[0-9]+ [0-9]+$'
}
# what a killed node or job could not remove; no build lasts two days
find "$root" -mindepth 1 -maxdepth 1 -name 'hpcbinder-build.*' -user "$(id -un)" -mtime +1 2>/dev/null |
  while IFS= read -r old; do remove "$old"; done
work=$(mktemp -d "$root/hpcbinder-build.XXXXXXXX") || exit 95
# the context holds the settings of the user's machine, a password of an index among them
trap 'remove "$work"; rm -rf "$output.building" "$dir/context.tar"; epilogue' EXIT
trap 'trap "" TERM INT HUP; say "ended from outside"; end_build; exit 143' TERM INT HUP
build=
end_build() { # its whole process group: the container's processes do not die with their parent
  [ -n "$build" ] || return
  kill -TERM -- "-$build" 2>/dev/null
  for second in 1 2 3 4 5; do kill -0 -- "-$build" 2>/dev/null || return; sleep 1; done
  kill -KILL -- "-$build" 2>/dev/null
}
mkdir "$work/tmp" "$work/cache" && chmod 1777 "$work/tmp" && mkfifo "$work/pipe" || exit 95
export TMPDIR="$work/tmp" APPTAINER_TMPDIR="$work" APPTAINER_CACHEDIR="$work/cache"
export SINGULARITY_TMPDIR="$work" SINGULARITY_CACHEDIR="$work/cache"
# its own folder in the home directory only where the user has one: credentials for a registry
version=$("$container" --version 2>&1)
case $version in
  *singularity*) [ -d "$home/.singularity" ] || export SINGULARITY_CONFIGDIR="$work/config" ;;
  *) [ -d "$home/.apptainer" ] || export APPTAINER_CONFIGDIR="$work/config" ;;
esac
unset APPTAINER_BIND APPTAINER_BINDPATH SINGULARITY_BIND SINGULARITY_BINDPATH APPTAINER_FAKEROOT SINGULARITY_FAKEROOT

help=$("$container" build --help 2>&1)
say "building on $(uname -n) in $work with $version"
set --
# zstd at level 3: a tenth of the default's time for 4 % more bytes
case $help in *--mksquashfs-args*) set -- "$@" --mksquashfs-args '-comp zstd -Xcompression-level 3' ;; esac
# %post sees the node's /tmp otherwise, and what it leaves there would stay
case $help in *--bind*) set -- "$@" --bind "$work/tmp:/tmp" --bind "$work/tmp:/var/tmp" ;; esac

# -- how: each way is the build itself; it says in its first line which mode it got. The next way is tried only where one
# ended before that line, for a reason of modes, or without the ids that are needed.
# Apptainer 1.1 and newer: user manual, "Fakeroot feature"; its --ignore options are not in --help
ended=NONE
case $version in
  *apptainer*\ 1.0.* | *singularity*) ways='--fakeroot|--no-options' ;;
  *)
    if [ -f needs-ids ]; then ways='--fakeroot|--fakeroot --ignore-subuid'
    else ways='--fakeroot --ignore-fakeroot-command|--fakeroot --ignore-subuid --ignore-fakeroot-command|--fakeroot --ignore-subuid'; fi
    ways="$ways|--fakeroot --ignore-subuid --ignore-userns"
    ;;
esac
logged() { # 16 MB of a log, and its end: neither the disk nor who reads it has room for what never stops
  # a write beyond the limit fails; without the trap it would kill
  if ! (ulimit -f 32768; trap '' XFSZ; exec tee -a "$work/said" 2>/dev/null); then
    printf '\n'; say "the log is too long: what follows are its last lines"
    tail -c 65536
  fi
}
attempt() { # options of this way
  : > "$work/said"
  logged < "$work/pipe" & tee=$!
  # a session of its own: one process group to end
  setsid "$container" build --force "$@" "$output.building" image.def > "$work/pipe" 2>&1 < /dev/null &
  build=$!
  wait "$build"; ended=$?
  wait "$tee"
  build=
}
IFS='|'
for way in $ways; do
  IFS=' '
  [ "$way" != --no-options ] || way=
  # shellcheck disable=SC2086 # the words of a way are ours
  attempt $way "$@"
  [ "$ended" != 0 ] || break
  mode=$(grep -m 1 '^hpcbinder: mode ' "$work/said")
  case $mode in
    *ids=no*) [ -f needs-ids ] || exit "$ended"; ended=97 ;;
    ?*) exit "$ended" ;;
    *)
      grep -E 'FATAL|ERROR' "$work/said" |
        grep -qiE 'name ?space|subuid|subgid|newuidmap|newgidmap|fakeroot|suid|proot|not permitted|permission denied|privilege' || exit "$ended"
      ended=96
      ;;
  esac
  say "not by \"$container build $way\""
  IFS='|'
done
IFS=' '
[ "$ended" = 0 ] || exit "$ended"
size=$(wc -c < "$output.building") && sum=$(sha256sum < "$output.building") || exit 1
printf '%s\n%s\n' "$((size))" "${sum%% *}" > result.partial || exit 1
# a job on another host may still read the former one
[ ! -f "$output" ] || ln -f -- "$output" "$output.old-$(date +%s)" 2>/dev/null
mv -f -- "$output.building" "$output" && mv -f result.partial result
