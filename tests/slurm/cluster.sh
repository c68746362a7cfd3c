#!/usr/bin/env bash
# A SLURM cluster of one node with two CPUs on this machine, for tests: cluster.sh start | stop
# Needs root, and Debian's packages slurm-wlm and munge, which `start` installs where they are absent.
set -euo pipefail
state=${DSTJAX_SLURM_STATE:-/var/tmp/dstjax-slurm}

install_packages() {
  command -v slurmctld >/dev/null && command -v munged >/dev/null && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
}

configure() {
  rm -rf "$state" # Jobs of a cluster that was not stopped would come back.
  mkdir -p "$state"/{ctld,d,log} /etc/slurm /run/munge
  cat >/etc/slurm/slurm.conf <<CONF
ClusterName=test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
# A job that was queued again waits for this many seconds before it starts.
AuthInfo=cred_expire=5
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=1,sched_interval=2
JobRequeue=1
KillWait=10
MpiDefault=none
ReturnToService=2
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=$state/log/slurmctld.log
SlurmdLogFile=$state/log/slurmd.log
StateSaveLocation=$state/ctld
SlurmdSpoolDir=$state/d
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE OverSubscribe=NO State=UP
CONF
  printf 'CgroupAutomount=no\n' >/etc/slurm/cgroup.conf
  [ -s /etc/munge/munge.key ] || dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
  chown -R munge: /etc/munge /run/munge /var/log/munge /var/lib/munge
  chmod 400 /etc/munge/munge.key
}

start() {
  install_packages
  configure
  munge --no-input >/dev/null 2>&1 || runuser -u munge -- /usr/sbin/munged
  slurmctld
  slurmd
  for _ in $(seq 60); do
    [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ] && return
    sleep 0.5
  done
  tail -n 20 "$state"/log/*.log >&2
  echo "cluster.sh: the node did not become idle" >&2
  return 1
}

stop() {
  local file pid
  for file in "$state"/slurm{ctld,d}.pid /run/munge/munged.pid; do
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 60); do kill -0 "$pid" 2>/dev/null || break; sleep 0.5; done
  done
  rm -rf "$state"
}

case "${1:-}" in
  start | stop) "$1" ;;
  *) echo "usage: cluster.sh start | stop" >&2; exit 2 ;;
esac
