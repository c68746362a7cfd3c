"""Static structure (`Config`) and numbers (`Hyper`), each field with its help, unit and domain.

This module imports no JAX, so that the command line can read it quickly; `dstjax.config` makes the numbers pytrees.
"""

import dataclasses
import math
import sys
from typing import Any

from dstjax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Domain:
    """The allowed interval of a number, with open or closed ends."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        # Not `math.isfinite`, which fails of whole numbers beyond every float.
        return above and below and abs(value) <= sys.float_info.max

    def __str__(self) -> str:
        left = "(" if self.low_open or math.isinf(self.low) else "["
        right = ")" if self.high_open or math.isinf(self.high) else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"


POSITIVE = Domain(0.0, low_open=True)
NON_NEGATIVE = Domain(0.0)
SHARE = Domain(0.0, 1.0)
COUNT = Domain(1)
COUNT_OR_ZERO = Domain(0)


def _field(default: Any, text: str, domain: Domain | None = None, choices: tuple[str, ...] = ()) -> Any:
    return dataclasses.field(default=default, metadata={"help": text, "domain": domain, "choices": choices})


def _change(text: str, *choices: str) -> Any:
    """A field that changes the method's row, or leaves it."""
    return _field("auto", f"{text}; auto: the method's", choices=("auto", *choices))


@dataclasses.dataclass(frozen=True)
class NoiseParams:
    """Noise strengths of an environment, all traced; 0 is off. In the order in which they act on a step."""

    latency: Any = _field(0.0, "steps by which actions are delayed, at most --max-latency (step)", NON_NEGATIVE)
    action_std: Any = _field(0.0, "Gaussian noise on the actuators' commands (share of the range's half)", NON_NEGATIVE)
    gain_scale: Any = _field(0.0, "per episode, every actuator's gain times u ~ U[1-d, 1+d] (share)", SHARE)
    gravity_scale: Any = _field(0.0, "per episode, gravity times u ~ U[1-d, 1+d] (share)", SHARE)
    friction_scale: Any = _field(
        0.0, "per episode, every contact's friction times u ~ U[1-d, 1+d] (share)", Domain(0.0, 1.0, high_open=True)
    )
    dynamics_std: Any = _field(
        0.0, "standard deviation of Gaussian noise added to velocities after each step (velocity unit)", NON_NEGATIVE
    )
    position_std: Any = _field(
        0.0, "standard deviation of Gaussian noise added to positions after each step (m, rad)", NON_NEGATIVE
    )
    reward_std: Any = _field(0.0, "Gaussian noise on each reward (reward unit)", NON_NEGATIVE)
    obs_scale: Any = _field(0.0, "multiplicative observation noise d: each entry times u ~ U[1-d, 1+d] (share)", SHARE)
    drift_std: Any = _field(
        0.0, "step of the random walk of a bias on each observed entry (observation unit)", NON_NEGATIVE
    )
    obs_std: Any = _field(0.0, "Gaussian noise on each observed entry (observation unit)", NON_NEGATIVE)


@dataclasses.dataclass(frozen=True)
class Hyper:
    """Every number of an experiment that is not a shape, a count or a switch."""

    discount: Any = _field(0.99, "discount factor gamma (share)", Domain(0.0, 1.0, high_open=True))
    tau: Any = _field(0.005, "Polyak rate of the target networks (share per actor update)", SHARE)
    actor_lr: Any = _field(3e-4, "Adam step size of the actor", NON_NEGATIVE)
    critic_lr: Any = _field(3e-4, "Adam step size of the critics", NON_NEGATIVE)
    model_lr: Any = _field(1e-3, "Adam step size of the world model", NON_NEGATIVE)
    exploration_std: Any = _field(0.1, "Gaussian exploration noise (share of the action range's half)", NON_NEGATIVE)
    smoothing_std: Any = _field(0.2, "target policy smoothing noise (action unit)", NON_NEGATIVE)
    smoothing_clip: Any = _field(0.5, "bound of the target policy smoothing noise (action unit)", NON_NEGATIVE)
    bandwidth: Any = _field(100.0, "kernel bandwidth h (1 / return unit for the multiquadric)", POSITIVE)
    gradient_weight: Any = _field(
        1.0, "factor of the action gradients in the distance, or of MAGE's gradient term over its 5", NON_NEGATIVE
    )
    dobs_weight: Any = _field(
        1.0, "factor of the observation gradients (of normalised observations) in the distance", NON_NEGATIVE
    )
    huber_threshold: Any = _field(1.0, "where Huber losses of values turn linear (return unit)", POSITIVE)
    support_low: Any = _field(-100.0, "lowest return of categorical critics (return unit)", Domain())
    support_size: Any = _field(600.0, "highest less lowest return of categorical critics (return unit)", POSITIVE)
    ascent_step: Any = _field(0.3, "first step of the ascent over slicing directions (radian)", POSITIVE)
    kl_weight: Any = _field(1.0, "beta of the world model's ELBO", NON_NEGATIVE)
    max_grad_value: Any = _field(1e6, "bound of each entry of the gradients, before that of their norm", POSITIVE)
    max_grad_norm: Any = _field(1e4, "global-norm bound of each network's gradient", POSITIVE)
    noise: NoiseParams = dataclasses.field(default_factory=NoiseParams)


@dataclasses.dataclass(frozen=True)
class Config:
    """Shapes, counts and switches: everything a compiled program depends on."""

    env: str = _field("inverted_pendulum", "task (see `dstjax envs`)")
    method: str = _field("dst", "method (see `dstjax methods`)")
    smoothing: str = _change("noise on the target policy's actions: TD3's clipped Gaussian", "none", "clipped")
    pessimism: str = _change(
        "against over-estimation, targets keep the critic of smaller mean, or drop the largest pooled samples",
        "minimum", "truncation",
    )  # fmt: skip
    distance: str = _change("distance of generative critics", "msmmd", "sliced", "mmd")
    gradient: str = _change("gradients in the critic's samples and loss", "none", "action", "complete")
    model: str = _field("auto", "world model, or none; auto: the method's")
    successor: str = _change("next states that targets start from: the model's, or the real ones", "model", "real")
    model_noise: str = _change("noise of the model's samples", "prior", "posterior")
    critic_action: str = _change("action at which critic and target are compared", "replayed", "policy")
    critics: int = _field(0, "critics, 1 or 2; 0: the method's", Domain(0, 2))
    n_step: int = _field(0, "real steps before targets bootstrap; 0: the method's", COUNT_OR_ZERO)
    steps: int = _field(10_000, "environment steps per member", COUNT)
    chunk_steps: int = _field(1_000, "environment steps between two evaluations, log rows and chances to stop", COUNT)
    warmup_steps: int = _field(
        1_000, "environment steps with uniformly random actions, of which only the world model learns", COUNT_OR_ZERO
    )
    num_envs: int = _field(1, "parallel environments per member", COUNT)
    utd: int = _field(10, "critic updates per tick of the environments (UTD)", COUNT)
    policy_delay: int = _field(2, "critic updates per actor update", COUNT)
    batch_size: int = _field(256, "transitions per update", COUNT)
    replay_capacity: int = _field(1_000_000, "transitions kept per member (never more than `steps`)", COUNT)
    replay: str = _field("full", "full, or compact: no next observations; compact-bfloat16: rounded as well")
    num_samples: int = _field(10, "samples of the return per transition (N)", COUNT)
    drop_share: float = _field(
        0.25, "largest of the pooled target samples that pessimism truncation drops (share, rounded down to samples)",
        Domain(0.0, 1.0, high_open=True),
    )  # fmt: skip
    atoms: int = _field(51, "returns that a categorical critic gives probabilities of", Domain(2))
    level_features: int = _field(64, "cosines that an implicit quantile critic embeds its levels in", COUNT)
    noise_dim: int = _field(8, "dimension of the critic's noise (K)", COUNT)
    critic_noise: str = _field(
        "early", "where a generative critic's noise enters: its first layer, or its last hidden one, which is cheaper",
        choices=("early", "late"),
    )  # fmt: skip
    width: int = _field(256, "hidden units per layer of actor and critics", COUNT)
    depth: int = _field(2, "hidden layers of actor and critics", COUNT)
    model_width: int = _field(256, "hidden units per layer of the world model", COUNT)
    model_depth: int = _field(2, "hidden layers of each part of the world model", COUNT)
    model_latent: int = _field(8, "latent dimension of the conditional VAE", COUNT)
    model_particles: int = _field(8, "draws per transition in the conditional VAE's importance-weighted bound", COUNT)
    flow_layers: int = _field(4, "couplings of the flow world model", Domain(2))
    flow_bins: int = _field(8, "bins of each spline of the flow world model", Domain(2))
    ensemble_size: int = _field(8, "members of the deterministic world model", COUNT)
    kernel: str = _field("multiquadric", "kernel of the MMD")
    statistic: str = _field(
        "biased", "of the MMD: biased (V), which keeps a bootstrapped law from widening, or unbiased (U)",
        choices=("biased", "unbiased"),
    )  # fmt: skip
    ascent_steps: int = _field(3, "steps of the ascent over slicing directions", COUNT_OR_ZERO)
    eval_episodes: int = _field(8, "parallel episodes per evaluation", COUNT)
    eval_clean: bool = _field(False, "evaluate without noise as well (eval/return_clean)")
    max_latency: int = _field(0, "steps by which noise can delay an action at most", COUNT_OR_ZERO)
    checkpoint_every: int = _field(5, "chunks between two checkpoints", COUNT)


KINDS: dict[Any, str] = {int: "a whole number", str: "a word", bool: "true or false"}
"""Types of the fields of `Config`, in words."""


def check_fields(record: Any, prefix: str = "") -> None:
    """Check each number of a `Config`, `Hyper` or `NoiseParams` against its domain.

    Args:
      record: a `Config`, `Hyper` or `NoiseParams` of Python numbers.
      prefix: of the names in the error.

    Raises:
      UserError: naming the first field outside its domain, its value and the allowed interval.
    """
    for field in dataclasses.fields(record):
        value, name = getattr(record, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            check_fields(value, f"{name}.")
        elif field.type in KINDS and not _is_kind(value, field.type):
            raise UserError(f"{name}: '{value}' is not allowed; allowed: {KINDS[field.type]}")
        elif value not in (choices := field.metadata.get("choices") or (value,)):
            raise UserError(f"{name}: '{value}' is not allowed; allowed: {', '.join(choices)}")
        elif (domain := field.metadata.get("domain")) is not None and not _is_number_in(value, domain):
            raise UserError(f"{name}: {value} is not allowed; allowed: a number in {domain}")


def _is_kind(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and isinstance(value, bool) == (kind is bool)


def _is_number_in(value: Any, domain: Domain) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value in domain
