"""`dstjax plot`."""

from collections.abc import Sequence
from pathlib import Path

from dstjax.commands.words import require_runs, require_suffix, writing
from dstjax.options import Option, parse

SUMMARY = "Draw runs into one figure for a paper, and print their table: dstjax plot RUN..."
KINDS = ("curves", "final", "profile")
OPTIONS = (
    Option("kind", str, "learning curves, last returns, or performance profiles", "curves", None, KINDS),
    Option("out", str, "file to write; .png, .pdf or .svg", "KIND.png in the first run's directory"),
)


def main(words: Sequence[str]) -> int:
    """Draw runs into one figure and print their table: `dstjax plot RUN... [--kind final] [--out figure.pdf]`.

    Args:
      words: directories of runs or sweeps, and options.

    Returns:
      Exit code.

    Raises:
      UserError: without a run, or where the figure cannot be written.
    """
    given, names = parse("plot", SUMMARY, {"plot": ("What is drawn, and where it goes.", OPTIONS)}, words, "RUN...")
    require_runs("plot", names)
    from dstjax import plots
    from dstjax.gather import gather
    from dstjax.progress import make_console
    from dstjax.report import summary_table
    from dstjax.sweep.merged import run_directories

    kind = given.get("kind", KINDS[0])
    out = Path(given.get("out") or Path(names[0]) / f"{kind}.png")
    require_suffix("--out", out, plots.FORMATS)
    rows = gather(run_directories(names)).rows
    draw = {"curves": plots.plot_curves, "final": plots.plot_final, "profile": plots.plot_profile}[kind]
    make_console().print(summary_table(rows))
    with writing(out):
        print(f"figure: {draw(rows, out)}")
    return 0
