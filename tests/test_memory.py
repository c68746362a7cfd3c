"""How many members are trained at a time."""

import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dstjax.errors import UserError
from dstjax.fields import Config
from dstjax.memory import HEADROOM, plan_memory, work_bytes

CONFIG = Config(method="td3", batch_size=4, width=4, model_width=4)


def program(members, state):
    return types.SimpleNamespace(config=CONFIG, members=[None] * members, memory_bytes=lambda: members * state)


@given(st.integers(1, 500), st.integers(1, 10**6), st.integers(1, 8), st.integers(10**6, 10**9))
def test_lanes_fit_and_are_as_few_as_they_can_be(members, state, devices, available):
    peak = 2 * state + work_bytes(CONFIG)
    fitting = int(HEADROOM * available // peak)
    if fitting < 1:
        return
    fitting -= fitting % devices if fitting > devices else 0
    plan = plan_memory([program(members, state)], None, available, state_copies=2, devices=devices)
    lanes = -(-members // plan.members_per_program)
    assert plan.members_per_program * peak <= HEADROOM * available
    assert lanes == -(-members // min(fitting, members))
    assert (lanes == 1) == ("one after the other" not in str(plan))


def test_the_largest_program_decides_and_lanes_are_even():
    programs = [program(10, 10), program(10, 1000)]
    peak = 1000 + work_bytes(CONFIG)
    plan = plan_memory(programs, None, int(9.5 * peak), state_copies=1, devices=1)
    assert (plan.state, plan.peak, plan.members_per_program) == (1000, peak, 5)


def test_what_was_asked_for_and_does_not_fit_is_refused():
    peak = 2 * 1000 + work_bytes(CONFIG)
    assert plan_memory([program(10, 1000)], 3, 5 * peak, state_copies=2, devices=1).members_per_program == 3
    with pytest.raises(UserError, match=r"replay_capacity: .* for each of 8 members need .* GiB"):
        plan_memory([program(10, 1000)], 8, 5 * peak, state_copies=2, devices=1)


def test_the_work_grows_with_batch_samples_and_width():
    dst = Config(method="dst", batch_size=32, num_samples=10, width=64, model_width=64)
    assert work_bytes(dst) == pytest.approx(3.39e6, rel=0.1), "what the compiler reports of a member's buffers"
