#!/bin/bash
# Starts what this host runs, in the order of need. Safe to run again: `docker restart` is a reboot of the node.
# /etc/devcluster is put there by `hpcbinder devcluster up` before the first start: munge.key, host_key, authorized_keys.
set -euo pipefail

say() { echo "devcluster: $*"; }

wait_for() { # seconds, what, command...
  local left=$(($1 * 5)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ((left-- <= 0)); then
      say "$what did not come up"
      exit 1
    fi
    sleep 0.2
  done
  say "$what is up"
}

start_munge() {
  install -o munge -g munge -m 400 /etc/devcluster/munge.key /etc/munge/munge.key
  install -d -o munge -g munge -m 755 /run/munge
  rm -f /run/munge/*
  setpriv --reuid munge --regid munge --clear-groups munged --force
  wait_for 20 munge munge -n
}

make_homes() {
  local user
  install -d -m 1777 /scratch
  install -d -m 755 /scratch/bases
  for user in alice bob; do
    if [[ ! -d /home/$user ]]; then
      cp -r /etc/skel "/home/$user"
      chown -R "$user:" "/home/$user"
      chmod 755 "/home/$user"
    fi
    install -d -o "$user" -g "$user" -m 700 "/home/$user/.ssh"
    install -o "$user" -g "$user" -m 600 /etc/devcluster/authorized_keys "/home/$user/.ssh/authorized_keys"
    install -d -o "$user" -g "$user" -m 755 "/scratch/$user"
  done
}

start_database() {
  install -d -o mysql -g mysql -m 755 /run/mysqld
  mariadbd --user=mysql >/var/log/mariadbd.log 2>&1 &
  wait_for 60 MariaDB mariadb -e 'select 1'
  mariadb -e "create database if not exists slurm_acct_db;
    create user if not exists slurm@localhost identified via unix_socket;
    grant all on slurm_acct_db.* to slurm@localhost;"
}

start_accounting() {
  setpriv --reuid slurm --regid slurm --init-groups slurmdbd -D >/var/log/slurm/slurmdbd.out 2>&1 &
  wait_for 60 slurmdbd sacctmgr -n show cluster
  sacctmgr -i add cluster devcluster >/dev/null 2>&1 || true
  sacctmgr -i add account lab Description=lab Organization=devcluster Cluster=devcluster >/dev/null 2>&1 || true
  for user in alice bob; do
    sacctmgr -i add user "$user" Account=lab DefaultAccount=lab QOS=normal DefaultQOS=normal >/dev/null 2>&1 || true
  done
}

# Apptainer mounts its images through FUSE, and some hosts give the device to root only.
[[ ! -e /dev/fuse ]] || chmod 666 /dev/fuse
rm -f /run/*.pid /run/nologin
install -d -m 755 /run/sshd
start_munge
case $(hostname) in
  login)
    make_homes
    start_database
    start_accounting
    setpriv --reuid slurm --regid slurm --init-groups slurmctld -D >/var/log/slurm/slurmctld.out 2>&1 &
    wait_for 60 slurmctld scontrol ping
    install -m 600 /etc/devcluster/host_key /etc/ssh/ssh_host_ed25519_key
    /usr/sbin/sshd
    say 'sshd is up'
    ;;
  *)
    slurmd -D >/var/log/slurm/slurmd.out 2>&1 &
    say 'slurmd started'
    ;;
esac
# The shell stays as the daemons' parent and reaps them; a dead one is seen by healthy.sh, not hidden as a zombie.
# At the end they get a TERM of their own: slurmctld writes its job ids then, MariaDB its tables.
trap 'kill $(jobs -p); wait; exit 0' TERM
sleep infinity &
wait
