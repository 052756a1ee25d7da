#!/bin/sh
# The job of `hpcbinder doctor`: looks at its node as a session's job would find it, from a directory of its own.
umask 077
ulimit -c 0
if [ -s ./prologue.sh ]; then
  . ./prologue.sh
fi
container=$(cat ./container)
python=$(cat ./python)
"$python" -I ./meet.py "$(cat ./ports)" > ./met 2>&1 &
meeting=$!
set --
while IFS= read -r path; do set -- "$@" "$path"; done < ./paths
sh ./look.sh node "$container" "$python" "$@" > ./answer 2>&1
# ours, and empty: whoever made them may be gone
while IFS= read -r path; do rm -f -- "$path"; done < ./markers
wait "$meeting"
cat ./met >> ./answer
