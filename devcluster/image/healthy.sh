#!/bin/bash
# Exit 0 when everything that this host runs is alive; otherwise the names of what is missing, one a line.
missing=0
for daemon in munged $([[ $(hostname) == login ]] && echo 'mariadbd slurmdbd slurmctld sshd' || echo slurmd); do
  pgrep -x "$daemon" >/dev/null || { echo "$daemon"; missing=1; }
done
[[ $(hostname) != login ]] || scontrol ping 2>/dev/null | grep -q 'is UP' || { echo 'answer of slurmctld'; missing=1; }
exit $missing
