"""A thousand members on the cores at hand: the run ends, the host hardly shows, and memory stays flat."""

import itertools
from pathlib import Path

import pytest

from dstjax import runner
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.runner import Place
from dstjax.runs import RunDir

CHUNKS = 12
PLAN = Plan(
    Config(
        env="pointmass", steps=100 * CHUNKS, chunk_steps=100, warmup_steps=100, checkpoint_every=2, utd=1,
        policy_delay=1, batch_size=16, width=16, depth=1, eval_episodes=2,
    ),
    ("td3",), tuple(range(100)), {"noise.dynamics_std": tuple(level / 10 for level in range(10))},
)  # fmt: skip


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.slow
@pytest.mark.cluster
def test_a_thousand_members(tmp_path):
    resident = []

    def build(plan):
        programs = runner.build_programs(plan)
        run_chunk = programs[0].run_chunk
        programs[0].run_chunk = lambda state: resident.append(resident_bytes()) or run_chunk(state)
        return programs

    assert runner.train(PLAN, Place("run", tmp_path, tracker="none"), {}, build) == 0
    rows = RunDir(tmp_path / "run").rows()
    assert [(row["step"], row["member"]) for row in rows] == list(
        itertools.product(range(100, 100 * CHUNKS + 1, 100), range(1000))
    )
    first, last = rows[0], rows[-1]  # The first chunk also compiles.
    host, wall = (last[name] - first[name] for name in ("time/host_s", "time/wall_s"))
    print(f"host {host:.2f} of {wall:.2f} s; resident MiB at each chunk: {[value >> 20 for value in resident]}")
    assert host <= 0.05 * wall
    assert resident[-1] <= 1.1 * resident[4], "flat after the first checkpoints, whose copies come and go"
