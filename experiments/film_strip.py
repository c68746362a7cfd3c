"""A film strip of three tasks under random actions: a look at bodies, contacts and camera. `results/film-strip.png`."""

from pathlib import Path

import numpy as np
from PIL import Image

from dstjax.config import NoiseParams
from dstjax.envs import make
from dstjax.envs.render import random_film, strip

TASKS = {"hopper": 60, "half_cheetah": 90, "ant": 90}
"""Task -> control steps that its row spans."""
FRAMES = 6
OUT = Path("results/film-strip.png")


def main() -> None:
    """Draw one row for each task."""
    films = (random_film(make(name), NoiseParams(), steps=steps, seed=1) for name, steps in TASKS.items())
    rows = [strip(frames, FRAMES) for frames in films]
    Image.fromarray(np.concatenate(rows)).save(OUT, optimize=True)
    print(OUT)


if __name__ == "__main__":
    main()
