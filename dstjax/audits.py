"""The critic audit of a run: every member's critic against Monte-Carlo returns of its own policy."""

import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dstjax.agent.audit import FirstActions, audit_critic, summarise
from dstjax.runs import Row, RunDir, line_label, noise_label
from dstjax.trained import Trained, load
from dstjax.types import SobolevSamples

DIFFERENTIABLE = ("pointmass", "inverted_pendulum", "inverted_double_pendulum")
"""Tasks whose simulator is differentiated over a whole return in seconds; the others are audited on returns alone."""
REST = 0.02
"""Share of a constant reward's return that the horizon leaves out."""
METRICS = ("bias", "calibration", "return_energy", "joint_energy", "gradient_error", "gradient_cosine")
GRADIENT_METRICS = METRICS[3:]


@dataclasses.dataclass(frozen=True)
class Audit:
    """The audit of one compiled program.

    Attributes:
      rows: of `members.csv`.
      step: environment steps per member.
      metrics: `[M]` each, medians (the cosine: mean) over the states in which a metric says something; NaN where none.
      drawn: the critics' samples, NumPy arrays `[M, states, ...]`.
      true: samples of the truth.
      gradients: whether gradients were audited.
    """

    rows: list[Row]
    step: int
    metrics: dict[str, np.ndarray]
    drawn: SobolevSamples
    true: SobolevSamples
    gradients: bool

    def labels(self) -> list[tuple[str, str]]:
        """Noise and line label of each member."""
        varied = {name for name in self.rows[0] if len({row[name] for row in self.rows}) > 1}
        fields = varied | {"method", "env", "member", "seed"} | {n for n in self.rows[0] if n.startswith("noise.")}
        rows = [{name: value for name, value in row.items() if name in fields} for row in self.rows]
        return [(noise_label(row), line_label(row)) for row in rows]


def audit_run(
    directory: RunDir, *, method: str | None = None, states: int = 16, samples: int = 64,
    actions: FirstActions = "policy", seed: int = 0, say: Callable[[str], object] = lambda text: None,
) -> Iterator[Audit]:  # fmt: skip
    """Audit the programs of a run at their newest checkpoints.

    Args:
      directory: of the run.
      method: only this method's.
      states: per member.
      samples: of the true return at each state.
      actions: first ones at those states, the `policy`'s or `uniform`.
      seed: of states and samples, the same for all members.
      say: told of each program before it is audited, which takes minutes where simulators are differentiated.

    Yields:
      One audit per program.
    """
    for trained in load(directory, method):
        members = len(trained.rows)
        say(
            f"{trained.rows[0]['method']}: {members} member{'s' if members > 1 else ''}, {states} states each, "
            f"after {trained.step:,} steps"
        )
        yield audit_program(trained, states=states, samples=samples, actions=actions, seed=seed)


def audit_program(trained: Trained, *, states: int, samples: int, seed: int, actions: FirstActions = "policy") -> Audit:
    """Audit the members of a program, one after the other in one compiled function.

    Args:
      trained: the program.
      states: per member.
      samples: of the true return at each state.
      seed: of states and samples.
      actions: first ones at those states, the `policy`'s or `uniform`.

    Returns:
      The audit.
    """
    import jax

    gradients = trained.agent.env.name in DIFFERENTIABLE
    steps = horizon(float(np.max(trained.hyper.discount)))

    @jax.jit
    def every(learner: Any, hyper: Any) -> Any:
        def member(pair: Any) -> Any:
            learner, hyper = pair
            drawn, true = audit_critic(
                trained.agent, learner, hyper, jax.random.key(seed), states=states, samples=samples, horizon=steps,
                gradients=gradients, actions=actions,
            )  # fmt: skip
            return drawn, true, summarise(drawn, true)

        return jax.lax.map(member, (learner, hyper))

    drawn, true, found = jax.tree.map(np.float64, jax.device_get(every(trained.learner, trained.hyper)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # A metric that says nothing in any state is NaN.
        metrics = {name: np.nanmedian(found[name], axis=1) for name in METRICS}
        metrics["gradient_cosine"] = np.nanmean(found["gradient_cosine"], axis=1)
    if not gradients:
        metrics |= {name: np.full(len(trained.rows), np.nan) for name in GRADIENT_METRICS}
    return Audit(trained.rows, trained.step, metrics, drawn, true, gradients)


def horizon(discount: float) -> int:
    """Steps after which at most the share `REST` of a constant reward's return is left.

    Args:
      discount: `gamma`.

    Returns:
      At least 1.
    """
    return max(1, math.ceil(math.log(REST) / math.log(discount))) if discount > 0 else 1
