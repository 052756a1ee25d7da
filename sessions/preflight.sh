# Looked at before anything is built, sent or submitted: one round trip, nothing changed. Words: the container command, an
# image that was named or '', 1 where GPUs are asked for, then directories that may not be there yet.
say() { printf '%s=%s\n' "$1" "$2"; }
container=$1; sif=$2; gpus=$3; shift 3
say version "$("$container" --version 2>/dev/null | head -n 1)"
for path; do
  at=$path
  while [ -n "$at" ] && [ ! -d "$at" ]; do at=${at%/*}; done
  # device, free KiB, the directory that was asked for
  say disk "$(df -Pk "${at:-/}" 2>/dev/null | awk 'NR == 2 { print $1, $4 }') $path"
done
# rpc.rquotad may be down: then quota waits for long
if command -v quota >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
  # device, used and allowed KiB; a * marks what is over
  timeout 5 quota -w 2>/dev/null | tr -d '*' | awk 'NF >= 4 && $2 ~ /^[0-9]+$/ { print "quota=" $1, $2, ($4 > 0 ? $4 : $3) }'
fi
if [ -n "$sif" ]; then
  if [ -f "$sif" ] && [ -r "$sif" ]; then
    say sif.bytes "$(($(wc -c < "$sif")))"
    say sif.head "$(head -c 48 -- "$sif" | od -An -v -tx1 | tr -d ' \n')"
  else say sif.bytes -1; fi
fi
if [ "$gpus" = 1 ]; then
  for name in libcuda.so.1 libamdhip64.so; do
    lib=$({ ldconfig -p || /sbin/ldconfig -p; } 2>/dev/null | awk -v n="$name" '$1 == n { print $NF; exit }')
    [ -n "$lib" ] && say driver "$lib $(grep -aoE 'GLIBC_2[.][0-9]+' "$lib" 2>/dev/null | sort -t . -k 2 -n | tail -n 1)"
  done
fi
say looked 1
