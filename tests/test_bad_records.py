"""What is read back from a run or a sweep and was damaged or edited: a plan, or one error."""

import json
import random

import pytest
import yaml
from mutations import garbled, mutated

from dstjax import methods
from dstjax.errors import UserError
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.runs import RunDir
from dstjax.sweep.shards import Shard
from dstjax.sweep.store import SweepDir

COUNTS = [100, pytest.param(5000, marks=[pytest.mark.slow, pytest.mark.cluster])]
PLAN = Plan(Config(env="pointmass"), ("dst", "td3"), (0, 1), {"noise.obs_scale": (0.0, 0.1)})


def good(read) -> bool:
    """Whether what is read is good; fails on any exception but the one that users are meant to see."""
    try:
        for plan in read():
            for config in plan.programs():
                methods.check(config)
    except UserError as error:
        complaint = str(error)
    else:
        return True
    assert "\n" not in complaint
    return False


@pytest.mark.parametrize("count", COUNTS)
def test_a_damaged_config_of_a_run_is_one_error(count, tmp_path):
    run, chance, found = RunDir(tmp_path), random.Random(count), 0
    record = {**PLAN.record(), "command": "dstjax train", "versions": {"jax": "0"}}
    for _ in range(count):
        run.config_file.write_text(garbled(yaml.safe_dump(mutated(record, chance)), chance))
        found += good(lambda: [run.plan()])
    assert 0 < found < 0.9 * count


@pytest.mark.parametrize("count", COUNTS)
def test_a_damaged_manifest_of_a_sweep_is_one_error(count, tmp_path):
    sweep, chance, found = SweepDir(tmp_path), random.Random(count), 0
    sweep.create([Shard(0, "pointmass-dst", PLAN, 0, {"width": 8})], {"tracker": "none"}, "dstjax sweep f.yaml")
    manifest = json.loads(sweep.manifest_file.read_text())
    for _ in range(count):
        sweep.manifest_file.write_text(garbled(json.dumps(mutated(manifest, chance)), chance))
        found += good(lambda: [shard.plan for shard in sweep.load()[0]])
    assert 0 < found < 0.9 * count
