import subprocess
import sys

import pytest
from fakes import fake_builder

from dstjax import backend, runner
from dstjax.cli import COMMANDS, main
from dstjax.commands import envs
from dstjax.fields import Config
from dstjax.methods import METHODS
from dstjax.plan import Plan
from dstjax.version import __version__


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """A run on disk, made without compiling anything big."""
    monkeypatch.chdir(tmp_path)
    plan = Plan(Config(steps=2000), ("dst",), (0, 1), {"noise.obs_scale": (0.0, 0.2)})
    runner.train(plan, runner.Place("done", tracker="none"), build=fake_builder())
    return tmp_path / "runs" / "done"


def run(words, capsys):
    code = main(words.split())
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("tarin", "command: unknown name 'tarin'"),
        ("train --stepz 3", "did you mean --steps?"),
        ("train --env hoper", "did you mean 'hopper'?"),
        ("train --method dts", "did you mean 'dst'?"),
        ("train --kernel multiquadrik", "did you mean 'multiquadric'?"),
        ("train --seeds 0", "--seeds: 0 is not allowed"),
        ("train --noise.obs-scale 0 1.5", "--noise.obs-scale: 1.5 is not allowed; allowed: a number in [0, 1]"),
        ("train --noise.obs-scale 0 0", "noise.obs_scale: 0.0 is given twice"),
        ("train --num-samples 2 --drop-share 0.9", "drop_share: 0.9 of 2 * 2 samples is not allowed"),
        ("train --method td3 --gradient action", "gradient: action is not allowed with td3: it differentiates a model"),
        ("train --method mage --successor real", "successor: real is not allowed with mage: only a model knows"),
        (
            "train --method td3 mmd --gradient-weight 1 2",
            "gradient_weight: several values are not allowed with td3, mmd",
        ),
        ("train --name ../elsewhere", "name: '../elsewhere' is not allowed"),
        ("train --resume", "name: none given"),
        ("train --resume --name nothing", "run: no run in 'runs/nothing'"),
        ("train --name done", "'runs/done' already holds a run"),
        ("train --resume --name done --width 7", "width: 7 is not what the run has, 256"),
        ("train --resume --name done --seeds 3", "seeds: 0 1 2 is not what the run has, 0 1"),
        ("train --resume --name done --noise.obs-scale 0", "noise.obs_scale: 0.0 is not what the run has, 0.0 0.2"),
        ("plot nowhere", "run: no metrics in 'nowhere'"),
        ("envs hopper", "unexpected argument 'hopper'"),
    ],
)
def test_bad_input_is_one_line_and_touches_nothing(words, complaint, finished, capsys):
    def files():
        return {path: path.read_bytes() for path in finished.parents[1].rglob("*") if path.is_file()}

    before = files()
    capsys.readouterr()
    code, out, err = run(words, capsys)
    assert (code, out) == (2, "")
    assert err.startswith("dstjax: error: ")
    assert err.count("\n") == 1
    assert complaint in err
    assert files() == before


def test_a_replay_that_does_not_fit_is_refused_before_it_is_allocated(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(backend, "available_bytes", lambda: 3 * 2**30)
    steps = 10**12
    code, _, err = run(f"train --env pointmass --method td3 --steps {steps} --replay-capacity {steps}", capsys)
    assert code == 2
    assert err.startswith("dstjax: error: replay_capacity: 1000000000000 transitions for each of 1 members need ")
    assert err.endswith("allowed: what fits into the 3.0 GiB at hand\n")
    assert list(tmp_path.iterdir()) == []


def test_help_and_errors_import_no_jax():
    script = (
        "import sys; from dstjax.cli import main\n"
        "for words in (['train', '--stepz', '3'], ['train', '--method', 'dts'], ['methods'], ['train', '--help']):\n"
        "    try: main(words)\n"
        "    except SystemExit: pass\n"
        "    assert 'jax' not in sys.modules, words\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_listings(capsys):
    code, out, _ = run("methods", capsys)
    assert code == 0
    assert all(f" {name} " in out for name in METHODS)
    assert "Parameters" not in out
    code, out, _ = run("envs", capsys)
    assert code == 0
    assert "inverted_pendulum " in out
    assert run("--version", capsys)[1] == f"dstjax {__version__}\n"
    assert run("--help", capsys)[0] == 0


def test_methods_can_be_compared_in_size(capsys):
    words = "methods --method td3 mmd --env pointmass --depth 1 --width 8"
    code, out, _ = run(words, capsys)
    assert code == 0
    (line,) = (line for line in out.splitlines() if "td3" in line and "42" in line)
    # An actor 2-8-2, two critics 4-8-1, no model.
    assert line.replace("│", " ").split()[:5] == ["td3", "42", "98", "0", "140"]
    assert "d4pg" not in out
    code, _, err = run("methods --method dst --model physics --env humanoid", capsys)
    assert code == 2
    assert err.count("\n") == 1


def test_every_command_explains_itself(capsys):
    for command in COMMANDS:
        with pytest.raises(SystemExit) as exit_:
            main([command, "--help"])
        assert exit_.value.code == 0
        assert f"dstjax {command}" in capsys.readouterr().out


def test_plot_draws_runs_into_one_figure(finished, capsys):
    (finished / "curves.png").unlink()
    code, out, _ = run("plot runs/done runs/done", capsys)
    assert code == 0
    assert (finished / "curves.png").stat().st_size > 1000
    assert "obs_scale 0.2" in out


def test_warnings_are_one_line(tmp_path, monkeypatch, capsys, cache_config):
    """A cache that cannot be written is worth a line, and no more."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DSTJAX_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(envs, "main", lambda words: int(backend.enable_compilation_cache()))
    code, _, err = run("envs", capsys)
    assert code == 0
    assert err.startswith("dstjax: warning: no compilation cache")
    assert err.count("\n") == 1
