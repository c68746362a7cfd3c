"""Sweep files: what they mean, and that whatever is wrong with one is a single line."""

import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import WORDS, garbled, mutated

from dstjax.errors import UserError
from dstjax.sweep import words
from dstjax.sweep.file import from_words, load
from dstjax.sweep.search import Interval, draw

ROOT = Path(__file__).parents[1]


def sweep(text):
    return from_words(words.parse(text, "f.yaml"), "f", "f.yaml")


def columns(plan, *names):
    rows = plan.members().rows()
    return [tuple(row[name] for name in names) for row in rows]


@pytest.mark.parametrize("path", sorted((ROOT / "sweeps").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_sweeps_that_are_shipped_are_valid(path):
    assert len(load(path).plans()) >= 1


def test_programs_are_methods_by_tasks_by_shapes_and_numbers_are_members():
    found = sweep("""
        methods: [td3, dst]
        tasks: [pointmass, hopper]
        seeds: [3, 5]
        static: {utd: [2, 4], width: 32}
        numbers: {noise.obs_scale: [0, 0.2], critic_lr: 1e-3}
    """)
    plans = found.plans()
    assert [(p.config.env, p.config.method, p.config.utd, p.config.width) for p in plans] == [
        (task, method, utd, 32) for task in ("pointmass", "hopper") for method in ("td3", "dst") for utd in (2, 4)
    ]
    assert found.varied_static() == ("utd",)
    assert columns(plans[3], "noise.obs_scale", "seed", "critic_lr") == [
        (0.0, 3, 1e-3), (0.0, 5, 1e-3), (0.2, 3, 1e-3), (0.2, 5, 1e-3),
    ]  # fmt: skip


def test_zips_go_together_and_multiply_with_the_rest():
    found = sweep("""
        seeds: 1
        numbers: {tau: [0.1, 0.2]}
        zip:
        - {actor_lr: [1e-3, 1e-4], critic_lr: [2e-3, 2e-4]}
        - {noise.obs_scale: [0, 0.5], noise.dynamics_std: [1, 0]}
    """)
    names = ("actor_lr", "critic_lr", "noise.obs_scale", "noise.dynamics_std", "tau")
    assert columns(found.plans()[0], *names) == [
        (*rates, *noise, tau)
        for rates in ((1e-3, 2e-3), (1e-4, 2e-4))
        for noise in ((0.0, 1.0), (0.5, 0.0))
        for tau in (0.1, 0.2)
    ]


SEARCH = """
search:
  sampler: {}
  samples: 64
  seed: {}
  over: {{critic_lr: {{log: [1e-5, 1e-2]}}, tau: {{uniform: [0, 1]}}}}
"""


@pytest.mark.parametrize("sampler", ["sobol", "random"])
def test_random_search_is_seeded_covers_its_intervals_and_is_shared_by_programs(sampler):
    found = sweep("methods: [dst, td3]\n" + SEARCH.format(sampler, 1))
    first, second = found.plans()
    points = columns(first, "critic_lr", "tau")
    assert (
        points
        == columns(second, "critic_lr", "tau")
        == columns(sweep(SEARCH.format(sampler, 1)).plans()[0], "critic_lr", "tau")
    )
    assert points != columns(sweep(SEARCH.format(sampler, 2)).plans()[0], "critic_lr", "tau")
    assert len(set(points)) == 64
    assert all(1e-5 <= rate <= 1e-2 and 0 <= tau <= 1 for rate, tau in points)
    # Each decade of the logarithm gets its third; Sobol's 64 points to within one.
    for low in (1e-5, 1e-4, 1e-3):
        count = sum(low <= rate < 10 * low for rate, _ in points)
        assert abs(count - 64 / 3) <= (2 if sampler == "sobol" else 16)


def test_sobol_points_are_balanced():
    points = draw({"a": Interval(0.0, 1.0), "b": Interval(0.0, 1.0)}, 16, "sobol", 0)
    cells = {(int(a * 4), int(b * 4)) for a, b in zip(points["a"], points["b"], strict=True)}
    assert len(cells) == 16


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("method: dst", "key of the file: unknown name 'method'; allowed: methods, .*; did you mean 'methods'?"),
        ("methods: dts", "unknown name 'dts'; .* did you mean 'dst'?"),
        ("tasks: hoper", "tasks: unknown name 'hoper'; .* did you mean 'hopper'?"),
        ("tasks: 'pointmass:goal=3'", "option of pointmass: unknown name 'goal'; .* did you mean 'goals'?"),
        ("tasks: 'playground:tsk=CheetahRun'", "option of playground: unknown name 'tsk'; .* did you mean 'task'?"),
        ("tasks: 'pointmass:goals=x'", "option goals of pointmass: 'x' is not allowed"),
        ("methods: [dst, dst]", "methods: dst is given twice"),
        ("seeds: 0", "seeds: 0 is not allowed; allowed: a number in"),
        ("seeds: 1e9", "seeds: '1e9' is not allowed; allowed: a whole number"),
        ("seeds: [1, -1]", "seeds: -1 is not allowed"),
        ("static: {width: 0}", "static.width: 0 is not allowed"),
        ("static: {widht: 8}", "key of static: unknown name 'widht'; .* did you mean 'width'?"),
        ("static: {num_samples: 2, drop_share: 0.9}", "drop_share: 0.9 of 2 . 2 samples is not allowed"),
        ("static: {kernel: gausian}", "kernel: unknown name 'gausian'; .* did you mean 'gaussian'?"),
        ("static: {width: {a: 1}}", "static.width: '{'a': '1'}' is not allowed; allowed: a word or number"),
        ("numbers: {noise.obs_scale: 1.5}", r"numbers.noise.obs_scale: 1.5 .* a number in \[0, 1\]"),
        ("numbers: {tau: [0.1, 1e-1]}", "numbers.tau: 0.1 is given twice"),
        ("numbers: {tau: nan}", "numbers.tau: nan is not allowed"),
        ("zip: [{tau: [0.1, 0.2], actor_lr: [1]}]", r"zip\[0\].actor_lr: 1 values .* allowed: 2, as many as tau"),
        ("numbers: {tau: 0.1}\nzip: {tau: [0.1, 0.2]}", "tau: given in several places"),
        ("search: {samples: 6, over: {tau: {log: [0.1, 1]}}}", "search.samples: 6 .* allowed: a power of two"),
        ("search: {over: {tau: {log: [0, 1]}}}", r"search.over.tau: \[0, 1\] is not allowed; allowed: 0 < low < high"),
        ("search: {over: {tau: {normal: [0, 1]}}}", "key of search.over.tau: unknown name 'normal'"),
        ("search: {}", "search.over: empty"),
        ("seeds: 100000\nnumbers: {tau: [0.1, 0.2]}", "200000 members are not allowed; allowed: at most 100000"),
        ("name: ../elsewhere", "name: '../elsewhere' is not allowed"),
        ("name: .hidden", "name: '.hidden' is not allowed"),
        ("tau: 1\ntau: 2", "line 2, column 1: 'tau' is given twice"),
        ("a: &x [1]\nb: *x", "line 2, column 4: aliases are not allowed"),
        ("a: !!python/object/apply:os.getcwd []", "tags are not allowed"),
        ("[" * 999, "nested too deeply"),
        ("[1, 2", "line 1, column"),
        ("just words", "the file: 'just words' is not allowed; allowed: a mapping"),
        (b"\xff\xfe\xff", "allowed: YAML in UTF-8"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_with_file_key_value_and_what_is_allowed(text, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        sweep(text)
    assert str(caught.value).startswith("f.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_files_that_cannot_be_read_are_named(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UserError, match="allowed: a YAML file"):
            load(path)
    big = tmp_path / "big.yaml"
    big.write_text("a" * (words.MOST_BYTES + 1))
    with pytest.raises(UserError, match="more than"):
        load(big)


VALID = {
    "name": "all", "methods": ["dst", "td3"], "tasks": "pointmass", "seeds": 2,
    "static": {"width": [8, 16], "steps": 2000, "chunk_steps": 1000, "kernel": "energy"},
    "numbers": {"noise.obs_scale": [0, 0.1], "tau": 0.01},
    "zip": [{"actor_lr": [1e-3, 1e-4], "critic_lr": [1e-3, 1e-4]}],
    "search": {"samples": 4, "sampler": "random", "seed": 1, "over": {"bandwidth": {"log": [1, 100]}}},
}  # fmt: skip


def mutated_file(chance: random.Random) -> str:
    """`VALID` with some parts and perhaps some characters changed."""
    return garbled(yaml.safe_dump(mutated(VALID, chance)), chance)


def plan_or_error(text):
    """Whether a text is a sweep; fails on any exception but the one that users are meant to see."""
    try:
        plans = sweep(text).plans()
    except UserError as error:
        complaint = str(error)
    else:
        assert all(plan.grid_size() >= 1 for plan in plans)
        return True
    assert "\n" not in complaint
    assert complaint.startswith("f.yaml")
    assert "allowed" in complaint
    return False


@pytest.mark.parametrize("count", [1800, pytest.param(9000, marks=[pytest.mark.slow, pytest.mark.cluster])])
def test_mutated_files_are_a_plan_or_one_error(count):
    chance = random.Random(count)
    valid = sum(plan_or_error(mutated_file(chance)) for _ in range(count))
    # Both outcomes are common, so that neither is tested in vain.
    assert 0.02 * count < valid < 0.9 * count


TREES = st.recursive(
    st.sampled_from(WORDS) | st.integers() | st.floats() | st.booleans() | st.none() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*VALID, *WORDS]), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(sorted(VALID)), TREES, max_size=5))
def test_random_files_are_a_plan_or_one_error(tree):
    plan_or_error(yaml.safe_dump(tree))


@pytest.mark.slow
@pytest.mark.cluster
@settings(max_examples=1000)
@given(st.text(max_size=60) | st.binary(max_size=60))
def test_random_bytes_are_a_plan_or_one_error(text):
    plan_or_error(text)
