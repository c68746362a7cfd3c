import dataclasses

import pytest

from dstjax.errors import UserError
from dstjax.fields import Config
from dstjax.options import RUN_OPTIONS, config_options, number_options, parse_train
from dstjax.plan import default_numbers


def test_nothing_given_is_nothing_parsed():
    assert parse_train([]) == {}


def test_the_documented_command():
    words = "--env hopper --method dst td3 --seeds 4 --noise.obs-scale 0 0.1 0.2 --steps 30000 --resume"
    assert parse_train(words.split()) == {
        "env": "hopper", "method": ("dst", "td3"), "seeds": 4, "noise.obs_scale": (0.0, 0.1, 0.2),
        "steps": 30000, "resume": True,
    }  # fmt: skip


def test_every_field_and_every_number_is_an_option():
    assert [option.name for option in config_options()] == [field.name for field in dataclasses.fields(Config)]
    assert [option.name for option in number_options()] == list(default_numbers())
    for option in config_options():
        assert option.default == getattr(Config(), option.name)


VALUED = [option for option in (*config_options(), *number_options()) if option.kind is not bool]


@pytest.mark.parametrize("option", VALUED, ids=lambda option: option.name)
def test_each_option_takes_its_default_as_typed(option):
    value = parse_train([option.flag, str(option.default)])[option.name]
    assert value == ((option.default,) if option.many else option.default)


def test_switches_take_no_value():
    switches = [option for option in config_options() if option.kind is bool]
    assert parse_train([option.flag for option in switches]) == {option.name: True for option in switches}


def test_underscores_and_equals_signs_are_understood():
    assert parse_train(["--noise.obs_scale", "0.1", "--batch_size=7"]) == {"noise.obs_scale": (0.1,), "batch_size": 7}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--stepz 3", "unknown option '--stepz'; did you mean --steps?"),
        ("--noise.obs-scal 0.1", "did you mean --noise.obs-scale?"),
        ("hopper", "unexpected argument 'hopper'"),
        ("--resume yes", "unexpected argument 'yes'"),
        ("--steps", "--steps: no value given; allowed: one value"),
        ("--steps --resume", "--steps: no value given"),
        ("--steps 1 2", "--steps: 1 2 given; allowed: one value"),
        ("--steps 1.5", "--steps: '1.5' is not allowed; allowed: a whole number in [1, inf)"),
        ("--steps many", "--steps: 'many' is not allowed"),
        ("--seeds 0", "--seeds: 0 is not allowed; allowed: a number in [1, inf)"),
        ("--noise.obs-scale 0 -0.1", "--noise.obs-scale: -0.1 is not allowed; allowed: a number in [0, 1]"),
        ("--noise.obs-scale", "--noise.obs-scale: no value given; allowed: one or more values"),
        ("--discount 1", "--discount: 1 is not allowed; allowed: a number in [0, 1)"),
        ("--discount nan", "--discount: nan is not allowed"),
        ("--tau x", "--tau: 'x' is not allowed; allowed: a number in [0, 1]"),
        ("--tracker tensorboard", "--tracker: 'tensorboard' is not allowed; allowed: wandb, none"),
    ],
)
def test_what_is_not_allowed_is_named(words, complaint):
    with pytest.raises(UserError) as caught:
        parse_train(words.split())
    assert complaint in str(caught.value)


def test_help_names_every_option_with_its_default_and_domain(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    with pytest.raises(SystemExit) as left:
        parse_train(["--help"])
    assert left.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for option in (*RUN_OPTIONS, *config_options(), *number_options()):
        assert f"{option.flag} " in text
        assert f"({option.hint})" in text
        assert option.help in text
