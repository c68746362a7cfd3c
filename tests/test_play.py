"""What a run has learned, read back: its policy in both simulators, its critic against the truth."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from dstjax import plots
from dstjax.agent import evaluate
from dstjax.agent.audit import summarise, visit
from dstjax.audits import audit_program, horizon
from dstjax.checkpoints import Checkpoints
from dstjax.cli import main
from dstjax.commands.words import writing
from dstjax.errors import UserError
from dstjax.fields import Config
from dstjax.films import write_film
from dstjax.loop import make_jobs
from dstjax.plan import Plan
from dstjax.runner import build_programs
from dstjax.runs import RunDir
from dstjax.trained import load
from dstjax.types import SobolevSamples

SMALL = Config(steps=100, chunk_steps=100, warmup_steps=100, width=8, depth=1, batch_size=8, noise_dim=2)


def untrained_run(path, env, methods=("dst", "td3"), noise=("noise.obs_scale", (0.0, 0.1))):
    """A run of two seeds that saved its first state: checkpoints without an update, made in a moment."""
    plan = Plan(dataclasses.replace(SMALL, env=env), methods, (5, 6), {noise[0]: noise[1], "discount": (0.9,)})
    run, jobs = RunDir(path), make_jobs(plan, build_programs(plan))
    run.create(plan, {}, [row for job in jobs for row in job.members])
    for job in jobs:
        with Checkpoints(run.checkpoints(job.name)) as checkpoints:
            checkpoints.save(0, job.program.snapshot(job.program.init()), 0)
    return run


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return untrained_run(tmp_path_factory.mktemp("toy") / "run", "pointmass", noise=("noise.dynamics_std", (0.0, 0.5)))


def test_a_member_is_read_back_as_it_was_saved(toy):
    (found,) = load(toy, member=6)
    (method, rows) = found.agent.config.method, [row["member"] for row in found.rows]
    assert (method, rows, found.step) == ("td3", [4, 5, 6, 7], 0)
    plan = toy.plan()
    program = build_programs(plan)[1]
    expected = program.snapshot(program.init()).members.learner
    index = rows.index(6)
    learner, hyper = found.member(index)
    jax.tree.map(np.testing.assert_array_equal, learner, jax.tree.map(lambda leaf: leaf[index], expected))
    assert float(hyper.noise.dynamics_std) == pytest.approx(0.5)
    with pytest.raises(UserError, match=r"--member: 8 is not allowed; allowed: a whole number in \[0, 7\]"):
        list(load(toy, member=8))


def test_the_audit_of_an_untrained_critic(toy, tmp_path):
    """Every number of the audit against what it says it is; a policy near zero stays near its first position."""
    (trained,) = load(toy, method="dst")
    found = audit_program(trained, states=3, samples=32, seed=0)
    assert found.gradients
    assert found.true.value.shape == (4, 3, 32)
    assert found.true.daction.shape == (4, 3, 32, 2)
    np.testing.assert_allclose(found.true.value[:2].std(-1), 0.0, atol=1e-4)
    assert (found.true.value[2:].std(-1) > 1e-3).all()
    bias = np.median(found.drawn.value.mean(-1) - found.true.value.mean(-1), axis=1)
    np.testing.assert_allclose(found.metrics["bias"], bias, rtol=1e-4)
    assert np.isnan(found.metrics["joint_energy"][:2]).all()
    assert (found.metrics["calibration"] > 0.3).all()
    out = plots.plot_audit({"dst": (found.drawn, found.true)}, tmp_path / "audit.pdf", gradients=True)
    assert out.read_bytes().startswith(b"%PDF")
    assert dict(found.labels()) == {"no noise": "dst", "dynamics_std 0.5": "dst"}


def test_the_audit_at_uniform_actions_asks_another_question(toy):
    """An untrained policy stays near zero: its returns hardly vary with the state, those after a push do."""
    (trained,) = load(toy, method="td3")
    mine, pushed = (audit_program(trained, states=8, samples=4, seed=0, actions=name) for name in ("policy", "uniform"))
    own, other = (found.true.value[:2].mean(-1).std(axis=1) for found in (mine, pushed))
    assert (other > 1.5 * own).all()
    assert not np.allclose(mine.drawn.value, pushed.drawn.value)


def test_true_gradients_are_differences_of_true_returns(toy):
    """The simulator's own derivative of the return in the first action, against central differences of it."""
    from dstjax.agent.audit import _truth

    (trained,) = load(toy, method="td3")
    learner, hyper = trained.member(2)
    keys = jax.random.split(jax.random.key(1), (2, horizon(0.9)))

    @jax.jit
    def truth(action):
        state = visit(trained.agent, learner, hyper, jax.random.key(0))
        return _truth(trained.agent, learner, hyper, state, action, keys, gradients=True)

    action, step = jnp.array([0.2, -0.1]), 1e-2
    nudges = step * jnp.eye(2)
    differences = [(truth(action + e).value - truth(action - e).value) / (2 * step) for e in nudges]
    np.testing.assert_allclose(truth(action).daction, np.stack(differences, axis=-1), rtol=0.02, atol=2e-3)


def test_a_perfect_critic_passes_and_a_shifted_one_does_not():
    draws = np.random.default_rng(0).normal(size=(2, 1, 1500, 3)).astype(np.float32)
    (mine, true) = (SobolevSamples(draw[..., 0], 1.0 + draw[..., 1:]) for draw in draws)
    compare = jax.jit(summarise)
    perfect = {name: float(value[0]) for name, value in compare(mine, true).items()}
    assert abs(perfect["bias"]) < 0.1
    assert perfect["calibration"] < 0.06
    assert perfect["joint_energy"] < 0.02
    shifted = compare(mine.replace(value=mine.value + 2.0), true)
    assert float(shifted["bias"][0]) == pytest.approx(2.0, abs=0.1)
    assert float(shifted["calibration"][0]) > 0.6
    flat = compare(mine, true.replace(daction=jnp.zeros_like(true.daction)))
    assert np.isnan([flat["gradient_error"], flat["gradient_cosine"]]).all(), "no gradient to be wrong about"
    levels = plots.reliability(np.asarray(mine.value), np.asarray(true.value))
    np.testing.assert_allclose(levels, np.linspace(0, 1, len(levels)), atol=0.08)


def test_states_are_drawn_evenly_from_episodes_that_end_early(tmp_path):
    """A policy that does nothing lets the pole fall long before half the time limit."""
    run = untrained_run(tmp_path / "run", "inverted_pendulum", ("td3",))
    (trained,) = load(run, method="td3")
    learner, hyper = trained.member(0)
    keys = jax.random.split(jax.random.key(0), 200)
    elapsed = np.asarray(jax.jit(jax.vmap(lambda key: visit(trained.agent, learner, hyper, key).elapsed))(keys))
    latest = elapsed.max()
    assert 20 < latest < 250
    assert (elapsed == 0).any()
    assert np.quantile(elapsed, 0.5) < 0.65 * latest


def test_horizon_leaves_out_two_percent():
    assert horizon(0.99) == 390
    assert 0.99 ** horizon(0.99) <= 0.02 < 0.99 ** (horizon(0.99) - 1)
    assert horizon(0.0) == 1


def test_play_prints_both_simulators_and_films(tmp_path, capsys):
    run = untrained_run(tmp_path / "run", "inverted_pendulum", ("td3",))
    assert main(f"play {run.path} --member 3 --episodes 2".split()) == 0
    first, there, here = capsys.readouterr().out.splitlines()
    assert first == "member 3: td3, obs_scale 0.1, seed 6, after 0 steps"
    assert there.startswith("Gymnasium, C MuJoCo")
    assert here.startswith("dstjax, MJX")
    (trained,) = load(run, member=3)
    learner, hyper = trained.member(1 + 2)
    keys = jax.random.split(jax.random.key(0), 2)
    one = jax.jit(
        jax.vmap(
            lambda key: evaluate(trained.agent, learner.params.actor, learner.stats.obs, hyper.noise, key, episodes=1)
        )
    )
    expected = np.asarray(one(keys)["return"])
    assert here.endswith(", ".join(f"{value:.1f}" for value in expected))
    lengths = [float(value) for value in there.rsplit(": ", 1)[1].split(", ")]
    assert all(3 <= value <= 200 for value in lengths), "a policy that does nothing lets the pole fall"


def test_a_film_is_written(tmp_path):
    frames = np.zeros((6, 32, 48, 3), np.uint8)
    for index, frame in enumerate(frames):
        frame[:, 6 * index :] = 255
    write_film(frames, tmp_path / "film.gif", rate=50.0)
    gif = Image.open(tmp_path / "film.gif")
    assert (gif.n_frames, gif.info["duration"]) == (3, 40), "every other frame, at the speed of life"
    with pytest.raises(UserError, match="--video: cannot write"), writing(tmp_path / "nowhere", "--video"):
        write_film(frames, tmp_path / "nowhere" / "film.gif", rate=50.0)
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed (extra: video)")
    write_film(frames, tmp_path / "film.mp4", rate=50.0)
    assert ffmpeg.count_frames_and_secs(str(tmp_path / "film.mp4")) == (6, pytest.approx(0.12, abs=0.02))


def test_a_strip_has_a_row_per_film(tmp_path):
    films = {"black": np.zeros((5, 24, 32, 3), np.uint8), "white": np.full((9, 24, 32, 3), 255, np.uint8)}
    pixels = np.asarray(Image.open(plots.plot_strips(films, tmp_path / "strip.png", dt=0.1, count=4)).convert("L"))
    assert pixels.shape[1] == 200 * plots.TEXT_WIDTH
    dark = (pixels < 20).mean(axis=1)
    assert dark[: len(dark) // 2].max() > 0.9
    assert dark[len(dark) // 2 :].max() < 0.5


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("play", "play: 0 runs given"),
        ("play nowhere", "no run in 'nowhere'"),
        ("play {run}", "env: 'pointmass' is not a task of Gymnasium"),
        ("play {run} --member 9", "--member: 9 is not allowed"),
        (
            "play {run} --video film.avi",
            "--video: 'film.avi' is not allowed; allowed: a file that ends in .mp4, .gif, .png",
        ),
        ("audit", "audit: 0 runs given"),
        ("audit nowhere", "no run in 'nowhere'"),
        ("audit {run} --states 0", "--states: 0 is not allowed"),
        ("audit {run} --out audit.gif", "--out: 'audit.gif' is not allowed"),
    ],
)
def test_bad_input(words, complaint, toy, capsys):
    assert main(words.format(run=toy.path).split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line


def test_audit_of_a_run(tmp_path, capsys):
    run = untrained_run(tmp_path / "run", "pointmass", ("td3",), ("noise.dynamics_std", (0.0, 0.5)))
    assert main(f"audit {run.path} --states 2 --samples 8".split()) == 0
    text = capsys.readouterr().out
    assert text.count("dynamics_std 0.5") == 1
    assert text.startswith("td3: 4 members, 2 states each, after 0 steps")
    assert "value calibration only" not in text
    assert (run.path / "audit.png").stat().st_size > 10_000
