#!/usr/bin/env bash
# Hopper under rising observation noise, dst against td3: 4 seeds x 4 noise levels = 16 members per compiled program.
# Sized for one GPU. Options given here override those below; stop it with Ctrl-C and run it again to go on.
set -euo pipefail
name=noise-hopper
resume=()
[ -e "runs/$name/config.yaml" ] && resume=(--resume)
exec dstjax train --name "$name" "${resume[@]}" \
  --env hopper --method dst td3 --seeds 4 --noise.obs-scale 0 0.1 0.2 0.3 \
  --steps 200000 --chunk-steps 5000 --warmup-steps 5000 "$@"
