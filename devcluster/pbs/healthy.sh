#!/bin/bash
# Exit 0 when everything that this host runs is alive; otherwise the names of what is missing, one a line.
missing=0
if [[ $(hostname) == login ]]; then
  pgrep -f /opt/fakepbs/server.py >/dev/null || { echo 'the FAKE PBS server'; missing=1; }
  pgrep -x sshd >/dev/null || { echo sshd; missing=1; }
else
  pgrep -f /opt/fakepbs/mom.py >/dev/null || { echo 'the FAKE PBS mom'; missing=1; }
fi
exit $missing
