"""`dstjax render`."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dstjax.commands.words import require_suffix, writing
from dstjax.errors import UserError
from dstjax.fields import COUNT, COUNT_OR_ZERO, NoiseParams
from dstjax.options import Option, parse

SUMMARY = "Film random actions in a task, without a screen: dstjax render hopper --out hopper.png --noise.obs-scale 0.2"
OPTIONS = (
    Option("out", str, "file to write: .png is a film strip, .gif and .mp4 are films", "TASK.png"),
    Option("steps", int, "control steps", 200, COUNT),
    Option("frames", int, "pictures in a film strip", 8, COUNT),
    Option("seed", int, "of first states, actions and noise", 0, COUNT_OR_ZERO),
    Option("max_latency", int, "steps by which noise can delay an action at most", 0, COUNT_OR_ZERO),
)
NOISES = tuple(
    Option(f"noise.{field.name}", float, field.metadata["help"], field.default, field.metadata["domain"])
    for field in dataclasses.fields(NoiseParams)
)
GROUPS = {"render": ("What to film.", OPTIONS), "noise": ("Strengths; 0 is off.", NOISES)}


def main(words: Sequence[str]) -> int:
    """Film a task: `dstjax render TASK [--out FILE] [--noise.NAME STRENGTH]`.

    Args:
      words: a task and options.

    Returns:
      Exit code.

    Raises:
      UserError: without one task, for a file of another kind, or where no picture can be made or written.
    """
    given, names = parse("render", SUMMARY, GROUPS, words, "TASK")
    if len(names) != 1:
        raise UserError(f"render: {len(names)} tasks given; allowed: one, see `dstjax envs`")
    from PIL import Image

    from dstjax import config
    from dstjax.envs import make
    from dstjax.envs.render import random_film, strip
    from dstjax.films import FILMS, PICTURE, write_film

    out = Path(given.get("out", names[0].partition(":")[0] + PICTURE))
    require_suffix("--out", out, (PICTURE, *FILMS))
    noise = config.NoiseParams(**{name.partition(".")[2]: given[name] for name in given if name.startswith("noise.")})
    env: Any = make(names[0], max_latency=given.get("max_latency", 0))
    frames = random_film(env, noise, steps=given.get("steps", 200), seed=given.get("seed", 0))
    with writing(out):
        if out.suffix in FILMS:
            write_film(frames, out, 1 / env.dt)
        else:
            Image.fromarray(strip(frames, given.get("frames", 8))).save(out)
    print(f"{'film' if out.suffix in FILMS else 'film strip'}: {out}")
    return 0
