import dataclasses
import datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dstjax.errors import UserError
from dstjax.fields import Config, Hyper
from dstjax.plan import Plan, default_numbers, first_difference, number_fields

PLAN = Plan(Config(env="hopper", steps=2000), ("dst", "td3"), (3, 4), {"noise.obs_scale": (0.0, 0.1, 0.2)})
LEVELS = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=3, unique=True).map(tuple)


def test_numbers_are_the_leaves_of_hyper():
    names = [name for name, _, _ in number_fields()]
    assert "discount" in names
    assert "noise.dynamics_std" in names
    assert "noise" not in names
    assert default_numbers()["tau"] == (Hyper().tau,)


def test_axes_are_the_numbers_with_several_values():
    plan = Plan(Config(), ("dst",), (0,), {"tau": (0.1,), "noise.obs_scale": (0.5, 0.25)})
    assert plan.axes() == {"noise.obs_scale": (0.5, 0.25)}
    assert plan.hyper().tau == 0.1
    assert plan.hyper().noise.obs_scale == 0.5
    assert plan.hyper().discount == Hyper().discount


def test_one_program_per_method():
    assert [config.method for config in PLAN.programs()] == ["dst", "td3"]
    assert {config.steps for config in PLAN.programs()} == {2000}


@given(st.lists(st.integers(0, 10**6), min_size=1, unique=True).map(tuple), LEVELS, st.integers(1, 10**6))
def test_a_plan_survives_safe_yaml(seeds, levels, width):
    plan = Plan(Config(width=width), ("td3", "mmd"), seeds, {"noise.obs_scale": levels})
    assert Plan.from_record(yaml.safe_load(yaml.safe_dump(plan.record()))) == plan


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"methods": ()}, "methods"),
        ({"methods": ("dst", "dst")}, "methods: dst is given twice"),
        ({"seeds": ()}, "seeds"),
        ({"numbers": {"nois": (0.1,)}}, "nois"),
        ({"numbers": {"noise.obs_scale": (0.1, 1.5)}}, r"noise.obs_scale: 1.5 .* \[0, 1\]"),
        ({"config": Config(steps=0)}, "steps: 0"),
    ],
)
def test_what_is_not_allowed_is_named(changes, word):
    with pytest.raises(UserError, match=word):
        Plan(**{"config": Config(), "methods": ("dst",), "seeds": (0,), "numbers": {}} | changes)


def test_a_record_of_another_version_is_refused():
    record = PLAN.record()
    record["config"]["retired_field"] = 1
    with pytest.raises(UserError, match="retired_field"):
        Plan.from_record(record)


def test_options_take_the_place_of_a_plans_own():
    plan = PLAN.with_options({"width": 32, "seeds": (9,), "noise.obs_scale": (0.3,), "method": ("mmd",)})
    assert (plan.config.width, plan.seeds, plan.methods, plan.numbers["noise.obs_scale"]) == (
        32,
        (9,),
        ("mmd",),
        (0.3,),
    )
    assert (plan.config.env, plan.config.steps) == ("hopper", 2000)


def test_difference_names_the_field_and_both_values():
    assert first_difference(PLAN, PLAN) is None
    assert first_difference(PLAN, PLAN.with_options({"width": 32})) == ("width", Config().width, 32)
    other = PLAN.with_options({"noise.obs_scale": (0.0,)})
    assert first_difference(PLAN, other) == ("noise.obs_scale", (0.0, 0.1, 0.2), (0.0,))


def test_default_name_tells_task_methods_and_time():
    now = datetime.datetime(2026, 1, 2, 3, 4, 5)
    assert PLAN.default_name(now) == "hopper-dst-td3-20260102-030405"
    assert Plan(Config("pointmass:goals=8"), ("td3",)).default_name(now) == "pointmass_goals=8-td3-20260102-030405"


def test_zipped_numbers_go_together_and_parts_make_the_whole():
    zipped = {"tau": (0.1, 0.2, 0.1), "actor_lr": (1e-3, 1e-4, 1e-5), "noise.obs_scale": (0.0, 0.5)}
    plan = Plan(Config(), ("td3",), (5, 6), zipped, zipped=("tau", "actor_lr"))
    rows = plan.members().rows()
    names = ("tau", "actor_lr", "noise.obs_scale", "seed")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (tau, rate, noise, seed)
        for tau, rate in ((0.1, 1e-3), (0.2, 1e-4), (0.1, 1e-5))
        for noise in (0.0, 0.5)
        for seed in (5, 6)
    ]
    assert len(rows) == plan.grid_size()
    parts = [dataclasses.replace(plan, part=(k, 5)) for k in range(5)]
    blocks = [{**row, "member": 0} for part in parts for row in part.members().rows()]
    assert blocks == [{**row, "member": 0} for row in rows]
    assert all(Plan.from_record(yaml.safe_load(yaml.safe_dump(part.record()))) == part for part in parts)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"zipped": ("tau", "actor_lr")}, "actor_lr: 3 values are not allowed; allowed: two or more, as many as tau"),
        ({"zipped": ("tau", "kl_weight")}, "kl_weight: 0 values"),
        ({"part": (2, 2)}, "part: 2 of 2 is not allowed"),
        ({"part": (0, 7)}, "part: 0 of 7 is not allowed; allowed: at most 6, the members"),
    ],
)
def test_zips_and_parts_that_do_not_fit_are_named(changes, word):
    numbers = {"tau": (0.1, 0.2), "actor_lr": (1e-3, 1e-4, 1e-5)}
    with pytest.raises(UserError, match=word):
        Plan(Config(), ("td3",), (0,), numbers, **changes)
