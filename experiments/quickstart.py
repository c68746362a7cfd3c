"""The quickstart: DST and TD3 learn the inverted pendulum, without noise and with noisy observations, two seeds each.

Eight members in two compiled programs. `make run` runs it; further options, given here or there, override these.
"""

import shlex
import sys

from dstjax.cli import main

# Sized for ten minutes on two CPU cores: small networks and few samples, and rates to match so few updates.
COMMAND = """
train --env inverted_pendulum --method dst td3 --noise.obs-scale 0 0.2 --seeds 2
      --steps 6000 --chunk-steps 500 --warmup-steps 500 --utd 4
      --width 64 --model-width 64 --batch-size 64 --num-samples 6 --ascent-steps 1
      --actor-lr 1e-3 --critic-lr 1e-3 --tau 0.02
"""

if __name__ == "__main__":
    sys.exit(main([*shlex.split(COMMAND), *sys.argv[1:]]))
