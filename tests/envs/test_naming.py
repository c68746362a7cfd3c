"""Task names with options."""

import pytest

from dstjax import envs
from dstjax.envs.pointmass import PointMass
from dstjax.errors import UserError


def test_a_name_can_carry_options():
    assert envs.make("pointmass:goals=8,bimodal=true", time_limit=20) == PointMass(goals=8, bimodal=True, time_limit=20)
    assert envs.make("pointmass") == PointMass()


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("pointmas:goals=8", "did you mean 'pointmass'"),
        ("pointmass:goal=8", "did you mean 'goals'"),
        ("pointmass:name=8", "unknown name 'name'; allowed: bimodal, goals, max_latency, spread, time_limit"),
        ("pointmass:goals", "allowed: NAME or NAME:OPTION=VALUE"),
        ("pointmass:goals=many", "allowed: a whole number"),
        ("pointmass:bimodal=8", "allowed: true or false"),
        ("pointmass:goals=0", "goals: 0 is not allowed"),
    ],
)
def test_a_wrong_option_is_named(name, complaint):
    with pytest.raises(UserError, match=complaint):
        envs.make(name)
