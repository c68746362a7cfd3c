"""`dstjax play`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dstjax.commands.words import only_run, require_suffix, writing
from dstjax.fields import COUNT, COUNT_OR_ZERO
from dstjax.options import Option, parse

SUMMARY = "Run a trained policy in Gymnasium's own C-MuJoCo task, beside MJX: dstjax play RUN --member 3"
OPTIONS = (
    Option("member", int, "which member, by its index in members.csv", 0, COUNT_OR_ZERO),
    Option("episodes", int, "episodes in each simulator", 4, COUNT),
    Option("seed", int, "of first states and noise", 0, COUNT_OR_ZERO),
    Option(
        "video",
        str,
        "film the first episode into this file: .mp4 or .gif; .png draws it as a strip, below one of random actions",
        "none",
    ),
)


def main(words: Sequence[str]) -> int:
    """Print a policy's returns in C MuJoCo and in MJX, and film it: `dstjax play RUN [--member 3] [--video out.mp4]`.

    Args:
      words: a run directory and options.

    Returns:
      Exit code.

    Raises:
      UserError: without one run or such a member, for a task that Gymnasium does not have, or without a way to film.
    """
    given, names = parse("play", SUMMARY, {"play": ("Which policy, and how long.", OPTIONS)}, words, "RUN")
    path = only_run("play", names)
    from dstjax.backend import start_backend
    from dstjax.films import FILMS, PICTURE
    from dstjax.runs import RunDir, line_label, noise_label
    from dstjax.transfer import compare, record

    video = Path(given["video"]) if "video" in given else None
    if video is not None:
        require_suffix("--video", video, (*FILMS, PICTURE))
    directory = RunDir(path)
    directory.plan()
    start_backend()
    from dstjax.trained import load

    member, seed = given.get("member", 0), given.get("seed", 0)
    (trained,) = load(directory, member=member)
    index = [row["member"] for row in trained.rows].index(member)
    row = trained.rows[index]
    label = line_label({"method": row["method"]})
    print(f"member {member}: {label}, {noise_label(row)}, seed {row['seed']}, after {trained.step:,} steps")
    found = compare(trained, index, episodes=given.get("episodes", 4), seed=seed)
    for name, returns in (("Gymnasium, C MuJoCo", found.gymnasium), ("dstjax, MJX", found.mjx)):
        print(f"{name:<20} {_text(returns)}")
    if video is not None:
        with writing(video, "--video"):
            total = record(trained, index, video, seed=seed)
        print(f"film: {video} (Gymnasium, C MuJoCo; return {total:.1f})")
    return 0


def _text(returns: np.ndarray) -> str:
    from dstjax.report.words import estimate_text
    from dstjax.stats import mean_interval

    each = ", ".join(f"{value:.1f}" for value in returns)
    count = f"{len(returns)} episode{'s' if len(returns) > 1 else ''}"
    return f"return {estimate_text(mean_interval(returns))} over {count}: {each}"
