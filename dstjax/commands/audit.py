"""`dstjax audit`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dstjax.commands.words import only_run, require_suffix, writing
from dstjax.fields import COUNT, COUNT_OR_ZERO
from dstjax.options import Option, parse

SUMMARY = "Compare the critics of a run with Monte-Carlo returns of their policies: dstjax audit RUN"
OPTIONS = (
    Option("states", int, "states per member, visited by its policy", 16, COUNT),
    Option("samples", int, "true returns per state", 64, COUNT),
    Option(
        "actions",
        str,
        "first actions: the policy's own, near whose optimum true gradients vanish, or uniform ones",
        "policy",
        choices=("policy", "uniform"),
    ),
    Option("seed", int, "of states and returns", 0, COUNT_OR_ZERO),
    Option("out", str, "file of the figure; .png, .pdf or .svg", "audit.png in the run's directory"),
)


def main(words: Sequence[str]) -> int:
    """Print and draw the critic audit of a run: `dstjax audit RUN [--states 16] [--samples 64]`.

    Args:
      words: a run directory and options.

    Returns:
      Exit code.

    Raises:
      UserError: without one run, or where there is no checkpoint.
    """
    given, names = parse("audit", SUMMARY, {"audit": ("How much is sampled.", OPTIONS)}, words, "RUN")
    path = only_run("audit", names)
    from dstjax import plots
    from dstjax.audits import audit_run
    from dstjax.backend import start_backend
    from dstjax.progress import make_console
    from dstjax.runs import RunDir

    directory = RunDir(path)
    out = Path(given.pop("out", directory.path / "audit.png"))
    require_suffix("--out", out, plots.FORMATS)
    directory.plan()
    start_backend()
    console = make_console()
    found = list(audit_run(directory, **given, say=console.print))
    console.print(_table(found))
    if not found[0].gradients:
        print(f"value calibration only: the simulator of {found[0].rows[0]['env']} takes too long to differentiate")
    clouds = _clouds(found)
    with writing(out):
        print(f"figure: {plots.plot_audit(clouds, out, gradients=found[0].gradients)}")
    return 0


def _table(found: Sequence[Any]) -> Any:
    """Method x noise: mean over members of each metric, with its interval."""
    from rich.table import Table

    from dstjax.audits import METRICS
    from dstjax.report.words import estimate_text
    from dstjax.stats import INTERVAL, mean_interval

    caption = (
        f"Medians over states; mean over members, {INTERVAL}. Bias: of the mean return. Calibration: largest gap "
        "between the laws of the return, in [0, 1]. Energies: distance between the laws, of the return alone and with "
        "its gradient, over the return's deviation. Gradients: relative error of the mean, its cosine with the true "
        "one. –: true returns do not vary, or do not depend on the action."
    )
    table = Table(title="critic against the true return", caption=caption)
    for heading in ("method", "noise"):
        table.add_column(heading, no_wrap=True)
    for heading in METRICS:
        table.add_column(heading.replace("_", " "), justify="right")
    for audit in found:
        labels = audit.labels()
        for cell in dict.fromkeys(labels):
            inside = [index for index, label in enumerate(labels) if label == cell]
            estimates = (mean_interval(audit.metrics[name][inside]) for name in METRICS)
            table.add_row(cell[1], cell[0], *(estimate_text(found).replace(" [", "\n[") for found in estimates))
    return table


def _clouds(found: Sequence[Any]) -> dict[str, Any]:
    """Samples by line label, the noise levels of a method together."""
    import jax

    clouds = {}
    for audit in found:
        lines = [line for _, line in audit.labels()]
        for line in dict.fromkeys(lines):
            inside = [index for index, label in enumerate(lines) if label == line]
            clouds[line] = jax.tree.map(lambda leaf, inside=inside: leaf[inside], (audit.drawn, audit.true))
    return clouds
