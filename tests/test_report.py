"""The report: what is on the page, what runs differ in, and the page in a real browser."""

import json
import re

import numpy as np
import pytest
import yaml
from browser import Browser, find
from test_plots import rows

from dstjax.cli import main
from dstjax.errors import UserError
from dstjax.fields import Config
from dstjax.gather import gather
from dstjax.plan import Plan
from dstjax.report import programs
from dstjax.report.page import write_page
from dstjax.report.words import clock, html_table
from dstjax.runs import RunDir
from dstjax.stats.comparison import interactions, normalised_scores, scales

DEVICE = {"kind": "cpu", "count": 2}


def write_run(path, data, plan=None, **surroundings):
    """A run directory with these rows."""
    plan = plan or Plan(Config(env="hopper"), ("dst", "td3"), (0, 1), {"noise.obs_scale": (0.0, 0.2)})
    run = RunDir(path)
    run.create(plan, {"device": DEVICE, "versions": {"jax": "0"}, **surroundings}, [{"member": 0}])
    run.append(data)
    return path


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "one", rows())


@pytest.fixture
def page(tmp_path):
    """Two runs with a hostile name, five noise levels, a frozen member and one without a return."""
    noises = (0.0, 0.05, 0.1, 0.2, 0.4)
    first = rows(("dst", "dst-mmd", "mmd", "td3"), noises, seeds=5, steps=(100, 200, 300))
    for row in first:
        row["critic/loss"] = 1.0 / row["step"]
        if row["member"] == 3 and row["step"] == 300:
            row["train/frozen_step"] = 250
        if row["member"] == 4:
            row["eval/return"] = None
    second = [{**row, "env": "ant"} for row in rows(("td3",), noises[:2], seeds=2)]
    paths = [
        write_run(tmp_path / "<b>&amp", first),
        write_run(tmp_path / "two", second, Plan(Config(env="ant"), ("td3",))),
    ]
    return write_page(gather(paths), tmp_path / "page.html")


def page_data(page):
    text = page.read_text()
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)[1])


def test_curves_on_the_page_are_the_rows(run, tmp_path, capsys):
    assert main(["report", str(run), "--out", str(tmp_path / "page.html")]) == 0
    assert str(tmp_path / "page.html") in capsys.readouterr().out
    data = page_data(tmp_path / "page.html")
    assert [panel["title"] for panel in data["panels"]] == ["no noise", "obs_scale 0.2"]
    band, line = data["panels"][1]["traces"]["eval/return"][:2]
    members = np.array([[row["eval/return"] for row in rows() if row["member"] == i] for i in (2, 3)])
    assert line["x"] == [100, 200]
    np.testing.assert_allclose(line["y"], members.mean(axis=0))
    np.testing.assert_allclose(band["y"], [*members.max(axis=0), *members.min(axis=0)[::-1]])
    heat = data["figures"]["heat-hopper"]["data"][0]
    assert heat["z"] == [[205.0, 225.0], [245.0, 265.0]]


def test_the_page_asks_for_nothing_and_trusts_no_name(page):
    text = page.read_text()
    body = text[text.index("</style>") : text.index("/**\n* plotly.js")]
    assert not re.search(r"""(src|href)=["']?(?!data:)""", body)
    assert "<b>&amp" not in body
    assert "&lt;b&gt;&amp;amp" in body


def test_failed_members_are_named(page):
    text = page.read_text()
    assert "diverged and frozen at step 250" in text
    assert "no finite return" in text
    assert re.search(r"<b>2</b><span>failed members", text)


def test_runs_of_one_method_are_told_apart_by_what_differs(tmp_path):
    plans = [Plan(Config(env="hopper", utd=utd), ("dst",), (0, 1), {"tau": (0.1,)}) for utd in (1, 4)]
    paths = [write_run(tmp_path / str(plan.config.utd), rows(("dst",)), plan, command=str(plan)) for plan in plans]
    runs = gather(paths)
    assert runs.differences() == {"utd": [1, 4]}
    assert set(normalised_scores(runs.rows)) == {"dst, utd 1", "dst, utd 4"}
    assert programs.differences(runs) == (["field", "1", "4"], [["utd", "1", "4"]])
    same = gather([paths[0], write_run(tmp_path / "again", rows(("dst",)), plans[0])])
    assert {line: len(strata[0]) for line, strata in normalised_scores(same.rows).items()} == {"dst": 4}


def test_runs_of_another_version_are_still_read(run):
    record = yaml.safe_load((run / "config.yaml").read_text())
    record["config"]["of_another_version"] = record["config"].pop("width")
    (run / "config.yaml").write_text(yaml.safe_dump(record))
    assert ["of_another_version", "256"] in programs.configuration(gather([run]))[1]


@pytest.mark.parametrize("text", ["config: [", "[]", "methods: [dst]"])
def test_a_damaged_config_is_one_error(run, text):
    (run / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=r"run: '.*config\.yaml' is damaged"):
        gather([run])
    (run / "config.yaml").unlink()
    with pytest.raises(UserError, match="run: no run in"):
        gather([run])


def test_normalised_scores_have_the_first_evaluations_at_0_and_the_best_mean_at_1():
    data = rows(("dst", "td3"), (0.0,), seeds=2)
    # Member i has 10 i + step: firsts have mean 115, last means are 205 and 225.
    assert scales(data) == {"no noise": (115.0, 225.0)}
    np.testing.assert_allclose(normalised_scores(data)["td3"][0], [105 / 110, 115 / 110])
    found = interactions([row for row in data if row["method"] == "dst"], scales(data)["no noise"])
    assert (found.reached, found.total, found.restricted.value) == (0, 2, 200.0)


def test_words():
    assert [clock(seconds) for seconds in (12.4, 187, 7500)] == ["12 s", "3 min 07 s", "2 h 05 min"]
    assert "<td>&lt;i&gt;</td><td class=number>1</td>" in html_table((["a", "b"], [["<i>", "1"]]))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("report", "report: no run given"),
        ("report nowhere", "run: no metrics in 'nowhere'"),
        ("report --out nowhere/page.html {run}", "--out: cannot write 'nowhere/page.html'"),
        ("report {run} --out nowhere/page.html", "--out: cannot write 'nowhere/page.html'"),
        ("plot {run} --out figure.gif", "--out: 'figure.gif' is not allowed; allowed: a file that ends in .png"),
        ("plot {run} --kind pie", "--kind: 'pie' is not allowed; allowed: curves, final, profile"),
    ],
)
def test_bad_input(words, complaint, run, capsys):
    assert main(words.format(run=run).split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line


@pytest.mark.parametrize("kind", ["curves", "final", "profile"])
def test_figures_for_papers(kind, run, tmp_path):
    out = tmp_path / "figure.pdf"
    assert main(["plot", str(run), "--kind", kind, "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"%PDF")
    assert b"/Subtype /Type0" in out.read_bytes(), "text in a PDF stays text"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = find()
    if program is None:
        pytest.skip("no Chromium that starts on this machine (Debian package: chromium)")
    with Browser(program, tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_in_a_browser(width, scheme, page, browser, tmp_path):
    """No complaint, nothing asked of the network, nothing wider than the window, every figure drawn, controls work."""
    browser.open(page, width, 900, scheme)
    assert browser.run("document.documentElement.dataset.theme") == scheme
    assert browser.run("document.documentElement.scrollWidth") <= width
    figures = browser.run("[...document.querySelectorAll('.js-plotly-plot')].map((e) => e.id)")
    assert {f"panel-{i}" for i in range(7)} | {"heat-hopper", "heat-ant", "profile", "speed", "improvement"} == set(
        figures
    )
    background = "getComputedStyle(document.body).backgroundColor"
    before = browser.run(background)
    browser.run("document.getElementById('theme').click()")
    assert browser.run(background) != before
    browser.run("document.getElementById('one').click()")
    shown = "[...document.querySelectorAll('[id^=facet]')].filter((e) => !e.hidden).map((e) => e.id)"
    assert browser.run(shown) == ["facet-0"]
    browser.run("level.value = 5; level.dispatchEvent(new Event('input'))")
    assert browser.run(shown) == ["facet-5"]
    browser.run("document.querySelector('.key').click()")
    assert browser.run("document.getElementById('panel-5').data.filter((t) => t.name === 'dst').length") == 0
    assert browser.run("document.getElementById('panel-0').data.map((t) => t.visible)").count(False) == 2
    browser.run("metric.value = 'critic/loss'; metric.dispatchEvent(new Event('change'))")
    assert browser.run("document.getElementById('panel-0').data[3].y") == pytest.approx(
        [0.01, 0.005, 1 / 300], rel=1e-4
    )
    assert browser.screenshot(tmp_path / "page.png").stat().st_size > 50_000
    assert browser.errors == []
