"""Several runs read side by side, told apart by the fields in which they differ."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dstjax.errors import NOT_A_RECORD, UserError
from dstjax.runs import Row, RunDir


@dataclasses.dataclass(frozen=True)
class Runs:
    """What several run directories hold.

    Attributes:
      paths: of the run directories.
      records: their `config.yaml`, as plain data.
      rows: of all of them; `member` is `(index of the run, index in the run)`, and fields that make programs of one
        method differ between runs are numbers of the row.
    """

    paths: tuple[Path, ...]
    records: tuple[Mapping[str, Any], ...]
    rows: list[Row]

    def differences(self) -> dict[str, list[Any]]:
        """Fields of the configuration that are not the same in all runs, each with its value in every run."""
        flat = [settings(record) for record in self.records]
        names = dict.fromkeys(name for values in flat for name in values)
        columns = {name: [values.get(name) for values in flat] for name in names}
        return {name: column for name, column in columns.items() if any(value != column[0] for value in column)}


def gather(paths: Sequence[Path]) -> Runs:
    """Read runs, also ones that still go on or were made by another version.

    Args:
      paths: of run directories.

    Returns:
      Their records and rows.

    Raises:
      UserError: if one of them holds no metrics, or its `config.yaml` is damaged.
    """
    found = []
    for path in paths:
        directory = RunDir(path)
        rows = directory.rows()
        if not rows:
            raise UserError(f"run: no metrics in '{path}'; allowed: directories of runs that have finished a chunk")
        record = directory.record()
        try:
            settings(record)
        except NOT_A_RECORD as error:
            raise directory.damaged(error) from None
        found.append((record, rows))
    runs = Runs(tuple(paths), tuple(record for record, _ in found), [])
    extra = _distinguishing(runs, [rows for _, rows in found])
    for index, (_, rows) in enumerate(found):
        marks = extra[index]
        runs.rows.extend({**marks, **row, "member": (index, row["member"])} for row in rows)
    return runs


def settings(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record that decide its numbers, by the names of their options.

    Args:
      record: of `config.yaml`.

    Returns:
      Config fields, numbers, methods and seeds.
    """
    return {"method": record["methods"], "seeds": record["seeds"], **record["config"], **record["hyper"]}


def _distinguishing(runs: Runs, rows: Sequence[Sequence[Row]]) -> list[dict[str, Any]]:
    """For each run the differing fields to put into its rows: none, as long as no method appears in two runs."""
    programs = [{(row["env"], row["method"]) for row in part} for part in rows]
    if sum(map(len, programs)) == len(set().union(*programs)):
        return [{} for _ in rows]
    known = set().union(*(part[0].keys() for part in rows)) | {"method", "seeds", "env"}
    single = {
        name: column
        for name, column in runs.differences().items()
        if name not in known and not any(isinstance(value, list) or value is None for value in column)
    }
    return [{name: column[index] for name, column in single.items()} for index in range(len(rows))]
