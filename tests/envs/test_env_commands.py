"""Films of tasks without a screen, and the commands `envs` and `render`."""

import re

import numpy as np
import pytest
from PIL import Image

from dstjax.cli import main
from dstjax.envs import make, render
from dstjax.errors import UserError


def picture_or_skip():
    """A task's painter; where the machine has no OpenGL at all there is nothing to test."""
    try:
        return render.Painter(make("half_cheetah"))
    except UserError as error:
        pytest.skip(str(error))


def test_postures_show_in_the_frames():
    painter = picture_or_skip()
    rest = np.zeros(9)
    bent, far = rest.copy(), rest.copy()
    bent[3:] = 0.6
    far[0] = 7.0
    frames = [painter.frame(qpos).astype(int) for qpos in (rest, rest, bent, far)]
    painter.close()
    assert frames[0].shape == (240, 320, 3)
    assert frames[0].std() > 20
    np.testing.assert_array_equal(frames[0], frames[1])
    changed = np.abs(frames[2] - frames[0]).max(axis=-1) > 40
    assert 0.05 < changed.mean() < 0.6, "legs and floor move, the sky does not"
    # The camera goes along: the body stays where it was in the picture, the chequered floor passes below.
    body = frames[0][60:120, 100:220]
    assert np.abs(frames[3][60:120, 100:220] - body).mean() < np.abs(frames[3] - frames[0])[150:].mean()


def test_without_opengl_one_line_says_what_to_install(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(render, "_FIRST_TRIED", ("no_such_backend",))
    with pytest.raises(UserError, match="apt install libegl1") as error:
        render.Painter(make("hopper"))
    assert "\n" not in str(error.value)


def test_a_strip_is_spread_over_the_film():
    frames = np.arange(11, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 3), np.uint8)
    assert render.strip(frames, 3)[0, :, 0].tolist() == [0] * 3 + [5] * 3 + [10] * 3
    assert render.strip(frames[:2], 8).shape == (2, 6, 3)


def test_render_writes_a_strip(tmp_path, capsys):
    picture_or_skip().close()
    out = tmp_path / "strip.png"
    words = f"render inverted_pendulum --steps 20 --frames 3 --noise.dynamics-std 0.5 --out {out}"
    assert main(words.split()) == 0
    assert capsys.readouterr().out == f"film strip: {out}\n"
    assert Image.open(out).size == (3 * 320, 240)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("render", "render: 0 tasks given; allowed: one"),
        ("render hoper", "did you mean 'hopper'?"),
        ("render pointmass", "render: 'pointmass' has no picture"),
        ("render hopper --out film.avi", "--out: 'film.avi' is not allowed; allowed: a file that ends in .png"),
        ("render hopper --noise.latency 2", "noise.latency: 2 is not allowed; allowed: at most max_latency = 0"),
        ("render inverted_pendulum --noise.friction-scale 0.5", "noise.friction_scale: 0.5 is not allowed"),
        ("render hopper --noise.obs-scale 2", "--noise.obs-scale: 2 is not allowed; allowed: a number in [0, 1]"),
        ("envs --measure hoper", "did you mean 'hopper'?"),
        ("envs --batch 0", "--batch: 0 is not allowed"),
    ],
)
def test_bad_input_is_one_line(words, complaint, capsys):
    assert main(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert complaint in err


def test_the_table_has_every_task_with_its_sizes(capsys):
    assert main(["envs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (hopper,) = (line for line in lines if "hopper" in line)
    assert [cell.strip() for cell in hopper.split("│")[1:-1]] == ["hopper", "11", "3", "4", "1000", "none"]


def test_measured_speed_comes_after_the_table(capsys):
    assert main(["envs", "--measure", "pointmass", "--batch", "4"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(
        r"pointmass: [\d,]+ environment steps/s at batch 4, ready after .* s of compilation, .* kB .*", last
    )
