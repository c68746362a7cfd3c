"""The README's code runs, and its commands are ones that the command line takes."""

import re
import shlex
from pathlib import Path

import pytest

from dstjax.options import parse_train

TEXT = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("code", BLOCKS)
def test_python_runs(code, capsys):
    exec(compile(code, "README.md", "exec"), {})


@pytest.mark.parametrize(
    "line", [line for line in COMMANDS if line.startswith("dstjax train") and "--help" not in line]
)
def test_train_commands_parse(line):
    assert parse_train(shlex.split(line, comments=True)[2:])


def test_files_it_names_exist():
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", TEXT):
        assert (Path(__file__).parents[1] / target).exists(), target


def test_there_is_code_to_test():
    assert len(BLOCKS) >= 2
    assert sum(line.startswith("make ") for line in COMMANDS) >= 2
