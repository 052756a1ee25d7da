#!/bin/sh
# The job of an hpcbinder session: the same text for every session. What differs lies beside it, in files that only
# the owner can read. The working directory is the session's.
umask 077
ulimit -c 0
# Slurm passes no environment on; the user's own lines name their home.
own_names() {
  [ -n "$HOME" ] || { HOME=$(getent passwd "$(id -u)" | cut -d: -f6) && export HOME; }
  [ -n "$USER" ] || { USER=$(id -un) && LOGNAME=$USER && export USER LOGNAME; }
}
if [ -s ./prologue.sh ] || [ -s ./epilogue.sh ]; then own_names; fi
if [ -s ./prologue.sh ]; then
  . ./prologue.sh
  # what it set for itself must not end this script
  set +eu
fi
IFS= read -r python < ./python || exit 66
if ! command -v "$python" >/dev/null 2>&1; then
  echo "hpcbinder: this node has no $python"
  exit 66
fi

ended_by_us=
agent=
forward() {
  ended_by_us=1
  interrupted=1
  [ -z "$agent" ] || kill -TERM "$agent" 2>/dev/null
}
trap forward TERM INT

run_agent() {
  "$python" -I ./agent.py "$@" &
  agent=$!
  [ -z "$ended_by_us" ] || kill -TERM "$agent" 2>/dev/null
  # A trapped signal ends the wait, not the agent.
  interrupted=1
  while [ -n "$interrupted" ]; do
    interrupted=
    wait "$agent"
    status=$?
  done
}

was_killed() {
  [ "$status" -gt 128 ] && [ -z "$ended_by_us" ] && [ ! -e ./end.json ]
}

run_agent
if was_killed; then
  echo "hpcbinder: the agent was killed (signal $((status - 128))); it is started again, once"
  run_agent again
  if was_killed; then
    # Where the scheduler follows jobs by parent and child alone, the app would outlive its job.
    echo "hpcbinder: the agent was killed twice; the app is ended"
    run_agent over
  fi
fi
# The user's own lines. Near the walltime the agent ends 25 s before it; a TERM that comes meanwhile does not cut them off.
if [ -s ./epilogue.sh ]; then
  (trap '' TERM INT; . ./epilogue.sh) || echo "hpcbinder: the epilogue ended with exit $?"
fi
exit "$status"
