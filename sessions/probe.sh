# Looks at a login node: run by /bin/sh -s-like means, prints key=value lines, changes nothing but asks for a module where
# nothing else offers a container command. Commands only in the login profile or behind a module are looked for last,
# because login profiles are slow and talk.
say() { printf '%s=%s\n' "$1" "$2"; }
find_in() { # how, command...
  how=$1; shift
  for c in "$@"; do
    p=$(command -v "$c" 2>/dev/null) && case $p in /*) say "$c" "$p"; say "$c.by" "$how";; esac
  done
}
say user "$(id -un)"; say uid "$(id -u)"; say home "$HOME"; say machine "$(uname -m)"; say hostname "$(hostname 2>/dev/null || uname -n)"
say shell "${SHELL:-/bin/sh}"
find_in path sbatch qsub apptainer singularity
# Torque's and Grid Engine's qsub have the name too: only their words tell them apart
pbs_version() { say qsub.version "$("${1%/*}/qstat" --version 2>&1 </dev/null | sed -n 1p)"; }
q=$(command -v qsub) && pbs_version "$q"
login() { # one login shell, its chatter kept apart by a mark
  "${SHELL:-/bin/sh}" -l -c "$1" </dev/null 2>/dev/null | sed -n 's/^hpcbinder-mark //p'
}
missing=
command -v sbatch >/dev/null 2>&1 || command -v qsub >/dev/null 2>&1 || missing=1
command -v apptainer >/dev/null 2>&1 || command -v singularity >/dev/null 2>&1 || missing=1
if [ -n "$missing" ]; then
  login 'for c in sbatch qsub apptainer singularity; do p=`command -v $c` && echo "hpcbinder-mark $c=$p"; done; true' |
    while IFS='=' read -r c p; do
      case $p in /*) say "$c.login" "$p";; esac
      case $c=$p in qsub=/*) pbs_version "$p";; esac
    done
  if ! command -v apptainer >/dev/null 2>&1 && ! command -v singularity >/dev/null 2>&1; then
    for m in apptainer singularity singularityce; do
      p=$(login "module load $m && echo hpcbinder-mark \`command -v apptainer || command -v singularity\`")
      case $p in /*) say module "$m"; say "module.command" "$p"; break;; esac
    done
  fi
fi
case $HPCBINDER_PYTHON in '~/'*) HPCBINDER_PYTHON=$HOME/${HPCBINDER_PYTHON#??};; esac
if [ -n "$HPCBINDER_PYTHON" ]; then set -- "$HPCBINDER_PYTHON"; else set -- $(command -v python3) /usr/bin/python3 /usr/libexec/platform-python $(command -v python3.12) $(command -v python3.11) $(command -v python3.9) $(command -v python3.6); fi
for p in "$@"; do
  v=$("$p" -I -c 'import sys, ssl, selectors; print("%s %d.%d" % ((sys.executable,) + sys.version_info[:2])) if sys.version_info >= (3, 6) else sys.exit(1)' 2>/dev/null) && { say python "${v% *}"; say python.version "${v##* }"; break; }
done
# Only a first contact shows versions and free room; a launch is spared their processes.
free() { [ -n "$HPCBINDER_FIGURES" ] && df -Pk "$1" 2>/dev/null | awk 'NR==2 {print $4}'; }
say home.free "$(free "$HOME")"
me=$(id -un)
for d in "$SCRATCH" "$WORK" "/scratch/$me" "/scratch/users/$me" "/work/$me" "/lustre/scratch/$me" "/gpfs/scratch/$me"; do
  if [ -n "$d" ] && [ -d "$d" ] && [ -w "$d" ] && [ "$d" != "$HOME" ]; then say scratch "$d"; say scratch.free "$(free "$d")"; break; fi
done
if [ -n "$HPCBINDER_FIGURES" ]; then
  command -v sbatch >/dev/null 2>&1 && say sbatch.version "$(sbatch --version 2>/dev/null)"
  for c in apptainer singularity; do command -v $c >/dev/null 2>&1 && say "$c.version" "$($c --version 2>/dev/null)"; done
fi
# The site's own file, believed only where nobody but root can have written it (core/site.ts).
site=/etc/hpcbinder/site.yaml
only_root() { [ -n "$(find "$1" -prune -type "$2" -user root ! -perm -020 ! -perm -002 2>/dev/null)" ]; }
if [ -e "$site" ] || [ -L "$site" ]; then
  if only_root "${site%/*}" d && only_root "$site" f; then
    say site root
    say site.keep "$(sed -n 's/^ssh_keep:[[:space:]]*//p' "$site" | head -n 1)"
    head -c 65537 "$site" 2>/dev/null | sed 's/^/site.line=/'; echo
  else say site others; fi
fi
say probed 1
