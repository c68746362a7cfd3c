"""The methods of the comparison, each one row of a table: all run through the same networks, replay and updates."""

import dataclasses
from typing import Literal

from dstjax.errors import UserError, unknown_name
from dstjax.fields import Config, check_fields


@dataclasses.dataclass(frozen=True)
class Method:
    """What tells one method from another.

    Attributes:
      summary: a line for listings.
      source: the publication.
      critic: `point` gives one value; `generative` gives a sample of the return for each draw of its noise.
      distance: between the critic's samples and the target samples, per transition.
      gradient: whether samples carry the return's gradient in the action.
      model: world model that targets are sampled from; None takes the replayed next observation and reward.
      smoothing: TD3's target policy smoothing.
    """

    summary: str
    source: str
    critic: Literal["point", "generative"]
    distance: Literal["huber", "mmd", "msmmd"]
    gradient: Literal["none", "action"] = "none"
    model: str | None = None
    smoothing: bool = False

    def num_samples(self, config: Config) -> int:
        """Samples of the return per transition and critic, `N`."""
        return 1 if self.critic == "point" else config.num_samples

    def noise_dim(self, config: Config) -> int:
        """Dimension of the critic's noise, `K`."""
        return 0 if self.critic == "point" else config.noise_dim

    def drop_samples(self, config: Config) -> int:
        """Largest of the `2N` pooled target samples that are dropped; for point critics TD3's minimum of two."""
        return 1 if self.critic == "point" else config.drop_samples


METHODS: dict[str, Method] = {
    "dst": Method(
        summary="Distributional Sobolev Training: joint law of return and action gradient, max-sliced MMD",
        source="Debes & Tuytelaars, ICLR 2026",
        critic="generative",
        distance="msmmd",
        gradient="action",
        model="cvae",
    ),
    "dst-mmd": Method(
        summary="Distributional Sobolev Training with plain MMD",
        source="Debes & Tuytelaars, ICLR 2026",
        critic="generative",
        distance="mmd",
        gradient="action",
        model="cvae",
    ),
    "mmd": Method(
        summary="distributional critic on returns alone, MMD",
        source="Nguyen-Tang et al., AAAI 2021",
        critic="generative",
        distance="mmd",
    ),
    "td3": Method(
        summary="twin delayed deterministic policy gradient with a Huber loss",
        source="Fujimoto et al., ICML 2018",
        critic="point",
        distance="huber",
        smoothing=True,
    ),
}


def get(name: str) -> Method:
    """The row of a method.

    Args:
      name: of the method.

    Returns:
      The row.

    Raises:
      UserError: if there is none, naming the nearest.
    """
    if name not in METHODS:
        raise unknown_name("method", name, METHODS)
    return METHODS[name]


def check(config: Config) -> None:
    """Check a config as a whole: every field's domain, and the fields that limit each other.

    Args:
      config: to check.

    Raises:
      UserError: naming the field, its value and what is allowed.
    """
    check_fields(config)
    method = get(config.method)
    if method.critic == "generative":
        if config.num_samples < 2:
            raise UserError(f"num_samples: {config.num_samples} is not allowed; allowed: at least 2")
        most = 2 * config.num_samples - 2
        if config.drop_samples > most:
            raise UserError(
                f"drop_samples: {config.drop_samples} is not allowed; allowed: at most 2 * num_samples - 2 = {most}"
            )
    cycle = steps_per_cycle(config)
    for name in ("chunk_steps", "warmup_steps"):
        if getattr(config, name) % cycle:
            raise UserError(
                f"{name}: {getattr(config, name)} is not allowed; allowed: multiples of {cycle} "
                f"(num_envs={config.num_envs}, utd={config.utd}, policy_delay={config.policy_delay})"
            )
    if config.steps % config.chunk_steps:
        raise UserError(
            f"steps: {config.steps} is not allowed; allowed: multiples of chunk_steps = {config.chunk_steps}"
        )


def ticks_per_cycle(config: Config) -> int:
    """Environment ticks after which a whole number of actor updates has been done.

    Args:
      config: gives `utd` and `policy_delay`.

    Returns:
      The smallest such number of ticks.
    """
    ticks = 1
    while (ticks * config.utd) % config.policy_delay:
        ticks += 1
    return ticks


def steps_per_cycle(config: Config) -> int:
    """Environment steps of one member per cycle of the training scan.

    Args:
      config: static structure.

    Returns:
      Ticks per cycle times parallel environments.
    """
    return ticks_per_cycle(config) * config.num_envs
