#!/usr/bin/env bash
# A sweep on a Cloud TPU slice, one process per host. NOT RUN: its author had no TPU.
#   sweeps/tpu_vm.sh NAME ZONE FILE      for instance: sweeps/tpu_vm.sh my-slice us-central2-b sweeps/noise_hopper.yaml
# Wants a slice that is up and a checkout of this repository in ~/dstjax of every host, on a file system that all hosts
# share (or copy runs/ together afterwards: each shard is a directory of its own). Typed again, it goes on.
set -euo pipefail
name=$1 zone=$2 file=$3
gcloud compute tpus tpu-vm ssh "$name" --zone="$zone" --worker=all --command="
  cd ~/dstjax &&
  python3 -m venv .venv &&
  .venv/bin/pip install --quiet -c constraints.txt -e . 'jax[tpu]' &&
  .venv/bin/dstjax sweep '$file' --launcher hosts --resume"
