"""What compact replay, W&B and the host cost: `python -m experiments.overheads`, about 4 minutes on a CPU core."""

import dataclasses
import os
import resource
import tempfile
from pathlib import Path
from statistics import fmean, median

import tyro

from dstjax import runner
from dstjax.agent.replay import LAYOUTS
from dstjax.backend import start_backend
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.runs import RunDir
from experiments import common
from experiments.scaling import MEMORY, SIZES, about_size, mib, prepare, seconds_per_call, updates_per_second

CONFIG = dataclasses.replace(SIZES["toy"], method="td3")
TRACKERS = ("none", "wandb")
THOUSAND = Plan(
    Config(
        env="pointmass", steps=1200, chunk_steps=100, warmup_steps=100, checkpoint_every=2, utd=1, policy_delay=1,
        batch_size=16, width=16, depth=1, eval_episodes=2,
    ),
    ("td3",), tuple(range(100)), {"noise.dynamics_std": tuple(level / 10 for level in range(10))},
)  # fmt: skip
"""A thousand members so small that the host's part of the time is as large as it gets."""


@dataclasses.dataclass(frozen=True)
class Args:
    """Sizes, and where to write."""

    out: Path = Path("results/overheads-cpu")
    """Written is `<out>.md`."""
    members: int = 8
    """Side by side in one program."""
    rounds: int = 3
    """Runs with and without tracker; three times as many timings of each replay."""
    chunks: int = 20
    """Of a run with or without tracker."""


def replays(args: Args) -> str:
    """Speed and memory with every layout; they take turns, so that a drift of the machine meets all of them."""
    prepared = {name: prepare(dataclasses.replace(CONFIG, replay=name), args.members) for name in LAYOUTS}
    times: dict[str, list[float]] = {name: [] for name in LAYOUTS}
    for _ in range(3 * args.rounds):
        for name, (call, _) in prepared.items():
            times[name].append(seconds_per_call(call, 0.3))
    seconds = {name: median(found) for name, found in times.items()}
    rows = [
        [name, f"{updates_per_second(CONFIG, args.members, seconds[name]):,.0f}",
         f"{seconds[name] / seconds['full']:.2f}", *mib(facts)]
        for name, (_, facts) in prepared.items()
    ]  # fmt: skip
    return common.markdown(["replay", "member-updates/s", "time over full", *MEMORY], rows)


def trackers(args: Args) -> str:
    """CPU seconds of whole runs without and with offline logging, in turns after one that compiles."""
    os.environ["WANDB_MODE"] = "offline"
    config = dataclasses.replace(CONFIG, steps=50 * args.chunks, chunk_steps=50)
    plan = Plan(config, ("td3",), tuple(range(args.members)))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in TRACKERS}
    with tempfile.TemporaryDirectory() as directory:
        for number in range(1 + 2 * args.rounds):
            tracker, before = TRACKERS[number % 2], cpu_seconds()
            code = runner.train(plan, runner.Place(str(number), Path(directory), tracker=tracker, devices=1))
            if code or RunDir(Path(directory) / str(number)).rows()[-1]["step"] < config.steps:
                raise SystemExit(code or "stopped")
            if number:
                own, children = (now - then for now, then in zip(cpu_seconds(), before, strict=True))
                found[tracker].append((own, children))
    rows = [
        [name, *(f"{fmean(x):.2f} ({min(x):.2f} to {max(x):.2f})" for x in zip(*values, strict=True))]
        for name, values in found.items()
    ]
    return common.markdown(["tracker", "CPU s of the run's process", "CPU s of the logging process"], rows)


def host() -> str:
    """Seconds of the host's own work, rows and checkpoints, within a run of a thousand members."""
    with tempfile.TemporaryDirectory() as directory:
        rows = common.train(THOUSAND, "thousand", Path(directory))
    first, last = rows[0], rows[-1]  # The first chunk also compiles.
    on_host, wall = (last[name] - first[name] for name in ("time/host_s", "time/wall_s"))
    return f"{on_host:.2f} of {wall:.1f} s: {on_host / wall:.1%}."


def cpu_seconds() -> tuple[float, float]:
    """Of this process, and of its child processes that have ended."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime


def main(args: Args) -> None:
    """Measure all three, and write the tables."""
    print(common.command())
    start_backend(devices=1)
    text = [
        f"{about_size('toy')}; `td3`, {args.members} members in one program on one device.\n",
        f"## Compact replay\n\n{SIZES['toy'].steps:,} transitions; medians of {3 * args.rounds} timings in turns, each "
        "the shortest of the calls in 0.3 s.\n",
        replays(args),
        f"\n## Logging to W&B, offline\n\nWhole runs of {args.chunks} chunks of 50 steps, a row per chunk and member; "
        f"mean (smallest to largest) of {args.rounds} each, in turns. The logging process takes what the cores leave "
        "and holds nothing up.\n",
        trackers(args),
        f"\n## The host's part of a thousand members\n\n`td3` on the toy, width {THOUSAND.config.width}, batch "
        f"{THOUSAND.config.batch_size}, UTD {THOUSAND.config.utd}; {THOUSAND.config.steps:,} steps in chunks of "
        f"{THOUSAND.config.chunk_steps}, a checkpoint after every second. Writing rows, starting saves and all else "
        "between two chunks:\n",
        host(),
    ]
    common.write(args.out, "Overheads", "\n".join(text))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
