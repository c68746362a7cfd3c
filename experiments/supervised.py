"""The supervised problem, a conditional mixture of sinusoids: `python -m experiments.supervised`, 4 minutes on a CPU.

Each critic is fitted to values, or to values and gradients, of the mixture. Its law of value and of slope against the
action is drawn over the three true modes, and audited against them at 24 states and actions, per seed.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from dstjax.backend import start_backend
from dstjax.stats import Estimate, mean_interval
from experiments import common
from experiments.critic_audit import METRICS, audit_fits, fit, kinds, law
from experiments.critic_audit import Args as Sizes

PROBE = "sinusoid_mixture"
SHOWN = ("point, MAGE", "implicit quantile", "MMD", "MMD-Sobolev", "MSMMD-Sobolev")
CRITICS = ("point, Huber", *SHOWN, "MSMMD-Sobolev, late")
BINS = 90
LEGEND = """
Mean over seeds [95 % Student interval] of medians over 24 states and actions (the cosine: mean). Energies are distances
between critic and truth over the return's deviation; calibration is the largest gap between distribution functions. All
but the cosine are better where smaller. Late: the critic's noise enters its last layer, so that the trunk runs once.

"""


@dataclasses.dataclass(frozen=True)
class Args:
    """Sizes of the fits, and where to write."""

    out: Path = Path("results/supervised")
    """Written are `<out>.png` and `<out>.md`."""
    seeds: int = 5
    """Fits of each critic, vmapped."""
    updates: int = 2000
    """Critic updates per fit."""
    batch: int = 64
    """States and actions per update."""
    samples: int = 10
    """Samples of the mixture per state and action, N."""
    width: int = 64
    """Hidden units per layer."""


def law_over_actions(kind: Any, params: Any) -> tuple[np.ndarray, np.ndarray]:
    """Values and slopes `[actions, samples]` of one fit at observation 0; one sample of a point critic."""
    import jax
    import jax.numpy as jnp

    key = jax.random.key(2)
    drawn = jax.jit(jax.vmap(lambda action: law(kind, params, jnp.zeros(1), action, key)))(actions()[:, None])
    kept = slice(1 if kind.num_latents == 1 else None)
    return np.asarray(drawn.value)[:, kept], np.asarray(drawn.daction)[:, kept, 0]


def actions() -> Any:
    """Actions at which the laws are drawn."""
    import jax.numpy as jnp

    return jnp.linspace(-1.0, 1.0, 121)


def draw(probe: Any, laws: dict[str, tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """A column per critic: the law of its values above, of its slopes below; the true modes as lines."""
    from dstjax.plots import COLORS, new_figure, save

    figure = new_figure(2.5 * len(laws), 4.6)
    axes = figure.subplots(2, len(laws), sharex=True, sharey="row")
    x = np.asarray(actions())
    angles = 2.0 * x[:, None] + np.asarray(probe.phases)
    modes = np.asarray(probe.heights) * np.sin(angles), 2.0 * np.asarray(probe.heights) * np.cos(angles)
    for column, (name, drawn) in zip(axes.T, laws.items(), strict=True):
        for axis, samples, mode, limit in zip(column, drawn, modes, (2.0, 3.8), strict=True):
            if samples.shape[1] == 1:
                axis.plot(x, samples[:, 0], color=COLORS[1], linewidth=2)
            else:
                _bands(axis, x, samples, limit)
            axis.plot(x, mode, color="black", linewidth=0.9, linestyle=(0, (4, 2)))
            axis.set(xlim=(-1, 1), ylim=(-limit, limit))
        column[0].set_title(name, fontsize=10)
        column[1].set_xlabel("action")
    axes[0, 0].set_ylabel("value")
    axes[1, 0].set_ylabel("slope in the action")
    figure.suptitle("Law of each critic (shaded) over the three true modes (dashed), at observation 0", fontsize=11)
    save(figure, path)


def _bands(axis: Any, x: np.ndarray, samples: np.ndarray, limit: float) -> None:
    """The density of the samples at each action, dark where they are dense."""
    edges = np.linspace(-limit, limit, BINS + 1)
    density = np.stack([np.histogram(column, edges)[0] for column in samples], axis=1) / samples.shape[1]
    axis.imshow(
        density, extent=(x[0], x[-1], -limit, limit), origin="lower", aspect="auto", cmap="Oranges", vmin=0, vmax=0.12
    )


def cell(estimate: Estimate) -> str:
    """A mean with its interval."""
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def main(args: Args) -> None:
    """Fit, audit, draw and write the table."""
    start_backend()
    import jax

    from dstjax.envs.probe import PROBES

    print(common.command())
    probe, rows, laws = PROBES[PROBE], [], {}
    sizes = Sizes(updates=args.updates, batch=args.batch, samples=args.samples, width=args.width, seeds=args.seeds)
    for name, kind in kinds(sizes).items():
        if name not in CRITICS:
            continue
        params = fit(sizes, probe, kind)
        found = audit_fits(probe, kind, params)[0]
        rows.append([name, *(cell(mean_interval(found[metric])) for metric in METRICS)])
        print(" | ".join(rows[-1]), flush=True)
        if name in SHOWN:
            laws[name] = law_over_actions(kind, jax.tree.map(lambda leaf: leaf[0], params))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw(probe, laws, args.out.with_suffix(".png"))
    header = ["critic", *(name.replace("_", " ") for name in METRICS)]
    text = f"{args.seeds} seeds, {args.updates} updates, batch {args.batch}, N = {args.samples}, width {args.width}."
    text += LEGEND + common.markdown(header, rows)
    common.write(args.out, "Supervised: conditional sinusoid mixture", text)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
