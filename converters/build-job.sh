#!/bin/sh
# hpcbinder: builds image.def of this job's directory into a SIF. A constant: what differs is in files beside it.
#   container  the apptainer or singularity command      output  where the SIF goes, absolute
#   scratch    a directory with room for the build       prologue.sh  the user's own lines (modules), if any
# Leaves `result` (bytes, then sha256 of the SIF); the exit status is that of the build.
umask 077
if [ -f prologue.sh ]; then . ./prologue.sh; fi
IFS= read -r container < container || exit 2
IFS= read -r scratch < scratch || exit 2
IFS= read -r output < output || exit 2
mkdir -p -- "$scratch" || exit 1
work=$(mktemp -d "$scratch/build.XXXXXXXX") || exit 1
# a root file system of our own making can hold directories without write permission
trap 'chmod -R u+rwX "$work" 2>/dev/null; rm -rf "$work" "$output.partial"' EXIT
trap 'kill -TERM "$build" 2>/dev/null; wait "$build" 2>/dev/null; exit 143' TERM INT HUP
export APPTAINER_TMPDIR="$work" APPTAINER_CACHEDIR="$work/cache"
export SINGULARITY_TMPDIR="$work" SINGULARITY_CACHEDIR="$work/cache"
unset APPTAINER_BIND APPTAINER_BINDPATH SINGULARITY_BIND SINGULARITY_BINDPATH
set --
help=$("$container" build --help 2>&1)
case $help in *--ignore-fakeroot-command*) set -- "$@" --ignore-fakeroot-command ;; esac
# zstd at level 3: a tenth of the default's time for 4 % more bytes
case $help in *--mksquashfs-args*) set -- "$@" --mksquashfs-args '-comp zstd -Xcompression-level 3' ;; esac
"$container" build --force "$@" "$output.partial" image.def &
build=$!
wait "$build" || exit $?
size=$(wc -c < "$output.partial") && sum=$(sha256sum < "$output.partial") || exit 1
printf '%s\n%s\n' "$((size))" "${sum%% *}" > result.partial || exit 1
# a job on another host may still read the former one
[ ! -f "$output" ] || ln -f -- "$output" "$output.old-$(date +%s)" 2>/dev/null
mv -f -- "$output.partial" "$output" && mv -f result.partial result
