"""`dstjax report`."""

from collections.abc import Sequence
from pathlib import Path

from dstjax.commands.words import require_runs, writing
from dstjax.options import Option, parse

SUMMARY = "Write runs as one self-contained HTML page: dstjax report RUN..."
OPTIONS = (Option("out", str, "file to write", "report.html in the first run's directory"),)


def main(words: Sequence[str]) -> int:
    """Write a page about runs: `dstjax report RUN... [--out page.html]`.

    Args:
      words: directories of runs or sweeps, and options.

    Returns:
      Exit code.

    Raises:
      UserError: without a run, or where the page cannot be written.
    """
    given, names = parse("report", SUMMARY, {"report": ("Where the page goes.", OPTIONS)}, words, "RUN...")
    require_runs("report", names)
    from dstjax.gather import gather
    from dstjax.report.page import write_page
    from dstjax.sweep.merged import run_directories

    runs = gather(run_directories(names))
    out = Path(given.get("out") or Path(names[0]) / "report.html")
    with writing(out):
        print(f"page: {write_page(runs, out)}")
    return 0
