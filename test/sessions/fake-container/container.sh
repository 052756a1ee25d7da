#!/bin/sh
# A fake of `apptainer exec`: no isolation; the words after the SIF run here. It keeps its words for the tests.
here=$(dirname "$0")
printf '%s\n' "$*" >>"$here/container.words"
while [ "$1" != exec ]; do shift; done
shift
workdir= run= work=
while [ $# -gt 0 ]; do
  case $1 in
    --workdir) workdir=$2; shift 2 ;;
    --bind)
      case $2 in
        *:/run/hb) run=${2%:/run/hb} ;;
        *:/srv/repo) work=${2%:/srv/repo} ;;
      esac
      shift 2 ;;
    --home | --pwd) shift 2 ;;
    --*) shift ;;
    *) shift; break ;;
  esac
done
env | grep '^APPTAINERENV_' >>"$here/container.env"
case "$*" in
  *jupyter*)
    exec python3 "$here/app.py" "$run" "$here" ;;
  */run/hb/start.sh*)
    # nothing is bound here: the scripts and words get the paths of the host, and programs are those of bin/ alone
    find "$run" -type f ! -name '*.sock' -exec sed -i "s,/run/hb,$run,g; s,/srv/repo,$work,g; s,/etc/rstudio,$here,g" {} +
    shift 2
    words=$(printf '%s\n' "$@" | sed "s,/run/hb,$run,g; s,/srv/repo,$work,g")
    cd "$work" && PATH="$here/bin" exec /bin/sh "$run/start.sh" $words ;;
  *'tar -cf'*)
    for path; do :; done
    cd "$here/image$path" && exec tar -cf - . ;;
  *)
    cd "$work" && exec "$@" ;;
esac
