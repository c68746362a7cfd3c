"""A thousand members on the cores at hand: the run ends, no row is missing, and memory stays flat."""

import itertools
from pathlib import Path

import pytest

from dstjax import runner
from dstjax.runner import Place
from dstjax.runs import RunDir
from experiments.overheads import THOUSAND


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

    assert runner.train(THOUSAND, Place("run", tmp_path, tracker="none"), {}, build) == 0
    rows = RunDir(tmp_path / "run").rows()
    steps = range(THOUSAND.config.chunk_steps, THOUSAND.config.steps + 1, THOUSAND.config.chunk_steps)
    assert [(row["step"], row["member"]) for row in rows] == list(itertools.product(steps, range(1000)))
    print(f"resident MiB at each chunk: {[value >> 20 for value in resident]}")
    assert resident[-1] <= 1.1 * resident[4], "flat after the first checkpoints, whose copies come and go"
