#!/bin/bash
# Starts a devcluster's host with the FAKE PBS in Slurm's place. The image is the same: what is Slurm's is taken away.
set -euo pipefail
# homes and users are the image's own
eval "$(sed -n '/^make_homes() {/,/^}/p' /usr/local/sbin/entrypoint.sh)"
[[ ! -e /dev/fuse ]] || chmod 666 /dev/fuse
rm -f /run/*.pid /run/nologin /usr/bin/{sbatch,squeue,scancel,sinfo,sacct,sacctmgr,srun,salloc,scontrol}
install -d -m 755 /run/sshd
case $(hostname) in
  login)
    make_homes
    for name in qsub qstat qselect qdel qalter pbsnodes qmgr; do ln -sf /opt/fakepbs/client.py "/usr/local/bin/$name"; done
    python3 /opt/fakepbs/server.py &
    install -m 600 /etc/devcluster/host_key /etc/ssh/ssh_host_ed25519_key
    /usr/sbin/sshd
    ;;
  *)
    python3 /opt/fakepbs/mom.py &
    ;;
esac
trap 'kill $(jobs -p); wait; exit 0' TERM
sleep infinity &
wait
