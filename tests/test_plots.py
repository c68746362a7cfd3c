import io

import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest
from rich.console import Console

from dstjax import plots
from dstjax.progress import ProgressView, returns_text
from dstjax.report import interval_text, summary_table
from dstjax.stats import mean_interval


def rows(methods=("dst", "td3"), noises=(0.0, 0.2), seeds=2, steps=(100, 200)):
    grid = [(method, noise, seed) for method in methods for noise in noises for seed in range(seeds)]
    return [
        {
            "member": member, "method": method, "env": "hopper", "seed": seed, "noise.obs_scale": noise, "step": step,
            "eval/return": 10.0 * member + step, "time/wall_s": 1.0, "time/steps_per_s": 50.0,
        }
        for member, (method, noise, seed) in enumerate(grid) for step in steps
    ]  # fmt: skip


def shows(image, color):
    """Whether a colour is in an image, unblended."""
    return bool((np.abs(image[..., :3] - matplotlib.colors.to_rgb(color)).max(-1) < 0.02).sum() > 50)


@pytest.mark.parametrize(("count", "inches"), [(1, 3.4), (2, 4.5), (3, plots.TEXT_WIDTH)])
def test_a_colour_per_method_and_a_column_per_noise_level(count, inches, tmp_path):
    methods = ("dst", "td3", "mmd")[:count]
    path = plots.plot_curves(rows(methods, noises=(0.0, 0.1, 0.2)[:count]), tmp_path / "curves.png")
    image = matplotlib.image.imread(path)
    assert [shows(image, color) for color in plots.COLORS[:4]] == [index < count for index in range(4)]
    assert image.shape[1] == pytest.approx(200 * inches, abs=2)


@pytest.mark.filterwarnings("error")
def test_missing_values_and_many_panels_are_drawn(tmp_path):
    data = rows(noises=(0.0, 0.1, 0.2, 0.3), seeds=5)
    data[0]["eval/return"] = None
    assert plots.plot_curves(data, tmp_path / "curves.png").stat().st_size > 10_000
    assert plots.plot_curves([data[0]], tmp_path / "empty.png").exists()


@pytest.mark.parametrize("draw", [plots.plot_curves, plots.plot_final, plots.plot_profile])
def test_nothing_is_cut_off_at_the_border(draw, tmp_path):
    """Nine methods on two tasks: names, legend and caption all lie on white ground."""
    data = rows(("dst", "dst-mmd", "mmd", "iqn", "qr", "d4pg", "td3", "mage", "svg"), seeds=5)
    data += [{**row, "env": "inverted_double_pendulum", "member": 1000 + row["member"]} for row in data]
    image = matplotlib.image.imread(draw(data, tmp_path / "figure.png"))
    assert all((edge == 1.0).all() for edge in (image[0], image[-1], image[:, 0], image[:, -1]))
    assert image.shape[1] <= 200 * plots.TEXT_WIDTH


def test_more_lines_than_colours_get_other_strokes():
    marks = plots.line_marks([f"m{i}" for i in range(20)])
    assert len({tuple(mark.values()) for mark in marks.values()}) == 20


def test_table_has_a_row_per_method_and_noise():
    table = summary_table(rows())
    cells = list(zip(*(column.cells for column in table.columns), strict=True))
    assert cells[0][:3] == ("dst", "no noise", "205.0")
    assert cells[0][4:] == ("2", "200", "50")
    assert [cell[:2] for cell in cells[1:]] == [("td3", "no noise"), ("dst", "obs_scale 0.2"), ("td3", "obs_scale 0.2")]
    assert interval_text(mean_interval([1.0])) == "one seed"
    assert interval_text(mean_interval([])) == "none"


class Pace:
    def steps_per_second(self):
        return 1234.5


LAST = [row for row in rows(("dst",)) if row["step"] == 200]


def test_progress_in_a_log_is_a_line_per_chunk(capsys):
    with ProgressView() as view:
        view.start("dst [1/1]", chunks=4, done=1, members=4)
        view.update(200, LAST, Pace(), seconds_left=75.0)
    compiling, line = capsys.readouterr().out.splitlines()
    assert compiling == "dst [1/1]: compiling for 4 members"
    assert line == (
        "dst [1/1]: step 200, chunk 2/4, return 205 (no noise), 225 (obs_scale 0.2), 1,234 steps/s, 1:15 left"
    )
    assert returns_text(LAST) == "return 205 (no noise), 225 (obs_scale 0.2)"


def test_progress_on_a_narrow_terminal_keeps_bar_speed_and_returns():
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    with ProgressView(console) as view:
        view.start("dst-mmd [1/2]", chunks=400, done=1, members=4)
        view.update(200, LAST, Pace(), seconds_left=4000.0)
    shown = console.file.getvalue().splitlines()
    (bar,) = [line for line in shown if "1:06:40 left" in line][-1:]
    assert "dst-mmd [1/2]" in bar
    assert "2/400" in bar
    assert "1,234 steps/s" in bar
    assert any(line.strip() == "return 205 (no noise), 225 (obs_scale 0.2)" for line in shown)
