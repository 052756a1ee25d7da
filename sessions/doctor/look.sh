# Looks at a machine of a cluster: key=value lines, nothing changed, every wait ends. Words: `login` or `node`, the container
# command, the Python, and paths to look at. A node looks from its job's directory, where tiny images lie.
say() { printf '%s=%s\n' "$1" "$2"; }
within() { s=$1; shift; if command -v timeout >/dev/null 2>&1; then timeout -k 2 "$s" "$@"; else "$@"; fi; }
role=$1; container=$2; python=$3; shift 3
say now "$(date +%s)"; say host "$(uname -n)"; say machine "$(uname -m)"; say kernel "$(uname -r)"
say glibc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
# proc(5): a name of 25 columns, then the soft limit
awk '/^Max / { name = substr($0, 5, 21); sub(/ +$/, "", name); soft = substr($0, 27, 20); gsub(/ /, "", soft); print "limit=" soft " " name }' /proc/self/limits 2>/dev/null
say cgroup "$(head -n 1 /proc/self/cgroup 2>/dev/null)"
if [ ! -e /dev/fuse ]; then say fuse absent; elif (: <> /dev/fuse) 2>/dev/null; then say fuse yes; else say fuse denied; fi
if command -v unshare >/dev/null 2>&1; then
  if within 5 unshare --user --map-root-user true >/dev/null 2>&1; then say userns yes; else say userns no; fi
fi
[ -f "$container" ] && [ -x "$container" ] && say container "$(within 15 "$container" --version 2>/dev/null | head -n 1)"
say python "$(within 15 "$python" -I -c 'import sys, ssl, selectors; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)"

tmp=${TMPDIR:-/tmp}
say tmp "$tmp"; say tmp.free "$(df -Pk "$tmp" 2>/dev/null | awk 'NR == 2 { print $4 }')"
if try=$(mktemp "$tmp/hpcbinder-doctor.XXXXXX" 2>/dev/null); then
  if printf '#!/bin/sh\nexit 0\n' > "$try" 2>/dev/null && chmod 700 "$try" && [ -s "$try" ]; then
    if "$try" 2>/dev/null; then say tmp.runs yes; else say tmp.runs no; fi
  else say tmp.runs full; fi
  rm -f "$try"
else say tmp.runs unwritable; fi

for path; do
  # what a login node has just written: a directory that is listed is believed anew (NFS)
  for again in 1 2 3; do
    [ -e "$path" ] || [ "$role" = login ] && break
    ls "${path%/*}" >/dev/null 2>&1; [ -e "$path" ] || sleep 1
  done
  if [ -e "$path" ]; then
    r=0; w=0; [ -r "$path" ] && r=1; [ -w "$path" ] && w=1
    say path "1 $r $w $(stat -c '%u %a' -- "$path" 2>/dev/null || echo '- -') $path"
  else say path "0 0 0 - - $path"; fi
done

# any answer will do, also one that asks for a password
within 20 "$python" -I -c '
import os, sys, threading, urllib.error, urllib.request
said = {}
def look(host, url):
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=8).close()
        said[host] = "yes"
    except urllib.error.HTTPError:
        said[host] = "yes"
    except Exception as error:
        said[host] = "certificate" if "CERTIFICATE" in str(error).upper() else "no"
hosts = {"pypi.org": "https://pypi.org/simple/pip/", "registry-1.docker.io": "https://registry-1.docker.io/v2/"}
threads = [threading.Thread(target=look, args=each, daemon=True) for each in hosts.items()]
for each in threads:
    each.start()
for each in threads:
    each.join(10)
for host in hosts:
    print("internet=%s %s" % (said.get(host, "no"), host))
sys.stdout.flush()
os._exit(0)
' 2>/dev/null

if [ "$role" = login ]; then
  # address and port of the sshd that let us in
  say sshd "$(echo "${SSH_CONNECTION:-}" | awk '{ print $3, $4 }')"
  # bash reads .bashrc for the first shell of a connection alone; the others read theirs each time
  began=$(date +%s%N)
  noise=$(SHLVL=0 within 20 "${SHELL:-/bin/sh}" -c true </dev/null 2>/dev/null | head -c 4096 | sed -n '/./ { s/[[:cntrl:]]//g; p; q; }')
  ended=$(date +%s%N)
  case $began$ended in *[!0-9]*) ;; *) say shell.ms "$(((ended - began) / 1000000))";; esac
  say shell.noise "$noise"
else
  command -v nvidia-smi >/dev/null 2>&1 && within 10 nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -n 8 | sed 's/^/gpu=/'
  [ -e /dev/nvidiactl ] && say gpu.device nvidia
  [ -e /dev/kfd ] && say gpu.device amd
  for how in zstd gzip xz lz4; do
    [ -r "./$how.b64" ] || continue
    # Apptainer takes no image for one that is shorter than what it reads of it
    { base64 -d < "./$how.b64" && head -c 4096 /dev/zero; } > "./$how.sqsh"
    APPTAINER_CACHEDIR=$PWD/cache APPTAINER_CONFIGDIR=$PWD/config SINGULARITY_CACHEDIR=$PWD/cache SINGULARITY_CONFIGDIR=$PWD/config \
      within 20 "$container" exec --containall --no-home --pwd / "./$how.sqsh" "/$(uname -m)" </dev/null >/dev/null 2>./said
    say image "$? $how $(grep -E 'FATAL|ERROR' ./said | tail -n 1 | cut -c 1-300)"
  done
fi
say looked 1
