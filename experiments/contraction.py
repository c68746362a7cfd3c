"""The Sobolev Bellman operator's contraction, made visible: `python -m experiments.contraction`.

Applies the operator of linear systems under linear policies to two laws of the complete Sobolev return, a thousand
particles each, and draws the distance between them after each application, relative to the start, against the bound
`(gamma kappa)^k`: exact Wasserstein distance, squared max-sliced MMD and squared MMD (energy kernel, which the
multiquadric approaches for large h). Both laws meet the same draws of the dynamics' noise, which changes neither law.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from dstjax.backend import start_backend
from experiments import common

STATE, ACTION, PARTICLES, DISCOUNT = 2, 1, 1000, 0.95
LABELS = {"wasserstein": "Wasserstein $W_1$", "msmmd2": "MSMMD²", "mmd2": "MMD²"}


@dataclasses.dataclass(frozen=True)
class Args:
    """Where to write, and how often to apply the operator."""

    out: Path = Path("results/contraction")
    """Written are `<out>.png` and `<out>.md`."""
    applications: int = 12
    """Applications of the operator."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """A linear system `s' = (1 + m e) gain (F s + B a)` under `a = K s`, and the two laws it starts from."""

    name: str
    gain: float
    """Size of the dynamics; kappa follows from it."""
    multiplicative: float = 0.0
    """`m`, the strength of multiplicative noise `e = +-1`."""
    gradient_std: float = 1.0
    """Spread of the gradient coordinates in both laws, beside 1 for the return."""
    gradient_shift: float = 1.0
    """How far the gradients' means differ, beside 1 for the return."""


PROBLEMS = (
    Problem("below the threshold", gain=0.6, gradient_shift=4.0),
    Problem("above the threshold", gain=1.4, gradient_shift=4.0),
    Problem("multiplicative noise, below", gain=0.5, multiplicative=0.3, gradient_shift=4.0),
    Problem("returns hidden behind wide gradients", gain=0.05, gradient_std=30.0, gradient_shift=0.0),
)


def matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`F`, `B` and `K`: a rotation that does not commute with the feedback."""
    drift = np.array([[0.8, 0.6], [-0.6, 0.8]])
    return drift, np.array([[0.0], [0.5]]), np.array([[-0.5, -0.8]])


def operators(problem: Problem) -> Callable[..., Any]:
    """`(obs, noise) -> offset, matrix, factor` of one transition under the policy."""
    from dstjax.math import contraction_factor, sobolev_affine

    drift, drive, feedback = matrices()

    def model_fn(obs: Any, action: Any, eps: Any) -> Any:
        mean = problem.gain * (drift @ obs + drive @ action)
        return (1.0 + problem.multiplicative * eps) * mean, -(obs @ obs) - action @ action

    def policy_fn(obs: Any) -> Any:
        return feedback @ obs

    def parts(obs: Any, eps: Any) -> Any:
        arguments = (model_fn, policy_fn, obs, policy_fn(obs), eps, DISCOUNT)
        return *sobolev_affine(*arguments, 0.0), contraction_factor(*arguments)

    return parts


def first_laws(problem: Problem, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Particles `[P, 1 + A + S]` of both laws: one normal, one shifted and of two modes."""
    shape = (PARTICLES, ACTION + STATE)
    returns, gradients = rng.normal(size=(PARTICLES, 1)), problem.gradient_std * rng.normal(size=shape)
    modes = rng.choice([-1.0, 1.0], size=(PARTICLES, 1))
    x = np.hstack([0.3 * returns, gradients])
    return x, np.hstack([0.3 * returns + 1.0 + 0.5 * modes, gradients + problem.gradient_shift])


def exact_wasserstein(x: np.ndarray, y: np.ndarray) -> float:
    """`W_1` of two sets of equally many particles: an optimal assignment."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    cost = cdist(x, y)
    return float(cost[linear_sum_assignment(cost)].mean())


def measures() -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    """The distances by name."""
    import jax
    import jax.numpy as jnp

    from dstjax.math import energy, mmd2, msmmd2, random_directions

    dim, kernel = 1 + ACTION + STATE, energy()
    starts = jnp.vstack([jnp.eye(dim), random_directions(jax.random.key(0), 12, dim)])
    max_sliced = jax.jit(lambda x, y: msmmd2(x, y, starts, 0.3, kernel, num_steps=16)[0])
    plain = jax.jit(lambda x, y: mmd2(x, y, kernel))
    return {
        "wasserstein": exact_wasserstein,
        "msmmd2": lambda x, y: float(max_sliced(np.float32(x), np.float32(y))),
        "mmd2": lambda x, y: float(plain(np.float32(x), np.float32(y))),
    }


def apply_operator(problem: Problem, applications: int) -> tuple[dict[str, list[float]], float]:
    """Each distance after 0, 1, ... applications, and the largest factor met; no matrix depends on the state."""
    import jax

    rng, distances = np.random.default_rng(0), measures()
    step = jax.jit(jax.vmap(operators(problem), in_axes=(None, 0)))
    x, y = first_laws(problem, rng)
    found: dict[str, list[float]] = {name: [measure(x, y)] for name, measure in distances.items()}
    factor = 0.0
    for _ in range(applications):
        noise = rng.choice([-1.0, 1.0], size=PARTICLES)
        offset, matrix, factors = (np.asarray(part) for part in step(np.array([0.3, -0.2]), noise))
        x, y = (offset + np.einsum("pij,pj->pi", matrix, z) for z in (x, y))
        factor = max(factor, float(factors.max()))
        for name, measure in distances.items():
            found[name].append(measure(x, y))
    return found, factor


def draw(results: dict[str, tuple[dict[str, list[float]], float]], path: Path) -> None:
    """A panel per problem, a line per distance, the bound dashed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from dstjax.plots import COLORS

    figure = Figure(figsize=(3.2 * len(results), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(results), squeeze=False)[0]
    for axis, (name, (found, factor)) in zip(axes, results.items(), strict=True):
        steps = np.arange(len(found["mmd2"]))
        for color, (key, values) in zip(COLORS, found.items(), strict=False):
            axis.semilogy(steps, np.array(values) / values[0], color=color, marker="o", markersize=3, label=LABELS[key])
        axis.semilogy(steps, factor**steps, "k--", linewidth=1, label=r"$(\gamma\kappa)^k$")
        axis.set_title(f"{name}\n" + rf"$\gamma\kappa = {factor:.2f}$", fontsize=9)
        axis.set_xlabel("applications $k$")
        axis.set_xticks(steps[::3])
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("distance, relative to the start")
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=150)


def main(args: Args) -> None:
    """Measure, draw and write the table."""
    start_backend()
    results = {problem.name: apply_operator(problem, args.applications) for problem in PROBLEMS}
    rows = []
    for name, (found, factor) in results.items():
        ratios = (max(np.array(values[1:]) / values[:-1]) for values in found.values())
        rows.append([name, f"{factor:.3f}", *(f"{ratio:.3f}" for ratio in ratios)])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw(results, args.out.with_suffix(".png"))
    header = ["problem", "γκ", "largest one-step ratio: W1", "MSMMD²", "MMD²"]
    text = f"{PARTICLES:,} particles, {args.applications} applications of the operator.\n\n"
    common.write(args.out, "Contraction", text + common.markdown(header, rows))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
