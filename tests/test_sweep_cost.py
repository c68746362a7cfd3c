"""The cost of a sweep before it runs."""

import dataclasses

from agents import SMALL
from rich.console import Console

from dstjax.cli import main
from dstjax.population import Population
from dstjax.sweep import cost, words
from dstjax.sweep.file import from_words
from dstjax.sweep.shards import split

TEXT = f"""
methods: [td3]
tasks: pointmass
seeds: 6
static:
  {{steps: 240, chunk_steps: 40, warmup_steps: 40, utd: {SMALL.utd}, batch_size: 8, num_samples: 4,
    width: [8, 16], eval_episodes: 2}}
"""


def test_the_listing_names_every_program(tmp_path, monkeypatch, capsys):
    shards = split(from_words(words.parse(TEXT, "f.yaml"), "f", "f.yaml"), 3)
    one = cost.estimate(shards[0])
    config = dataclasses.replace(shards[0].plan.config)
    assert one.memory == Population(config, shards[0].plan.members()).memory_bytes()
    assert one.flops > 0
    assert 0 < one.seconds < 60
    console = Console(width=120)
    with console.capture() as capture:
        console.print(cost.cost_table(shards, "title"))
    text = capture.get()
    for program in ("pointmass-td3-width=8", "pointmass-td3-width=16"):
        assert program in text
    assert "all" in text
    assert "12" in text
    assert "MiB" in text

    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.yaml").write_text(TEXT)
    monkeypatch.setattr(cost, "cost_table", lambda shards, title: f"{title}: {len(shards)} shards")
    assert main(["sweep", "f.yaml", "--dry-run", "--shards", "2"]) == 0
    assert capsys.readouterr().out == "f: 4 shards\n"
    assert [path.name for path in tmp_path.iterdir()] == ["f.yaml"]
