"""The kinds of critic: what samples of the return are drawn from, how their Bellman target is made, the loss between.

A critic's network is a function `net(obs [S], action [A], latent [K])` with its parameters bound. One sample of the
return is its output at one latent, so that fresh latents are fresh samples. Nothing here knows the agent, the replay or
the world models: a kind is built from sizes, and takes functions.
"""

from typing import Any

from dstjax.agent.critics.categorical import Categorical
from dstjax.agent.critics.core import Backup, Critic, Net
from dstjax.agent.critics.generative import Generative
from dstjax.agent.critics.point import Point
from dstjax.agent.critics.quantile import Implicit, Quantile
from dstjax.config import Config
from dstjax.methods import Method

__all__ = ["Backup", "Categorical", "Critic", "Generative", "Implicit", "Net", "Point", "Quantile", "make"]


def make(method: Method, config: Config) -> Critic:
    """The kind of critic that a method's row asks for.

    Args:
      method: the row.
      config: gives its sizes.

    Returns:
      Its definition; it holds no array.
    """
    sizes: dict[str, Any] = {"width": config.width, "depth": config.depth}
    sampled = sizes | {"num_samples": config.num_samples, "drop": method.drop(config)}
    match method.critic:
        case "point":
            return Point(**sizes, gradient=method.gradient)
        case "generative":
            return Generative(
                **sampled, gradient=method.gradient, noise_dim=config.noise_dim, noise=config.critic_noise,
                distance=method.distance, kernel=config.kernel, unbiased=config.statistic == "unbiased",
                ascent_steps=config.ascent_steps,
            )  # fmt: skip
        case "quantile":
            return Quantile(**sampled)
        case "implicit":
            return Implicit(**sampled, features=config.level_features)
        case "categorical":
            return Categorical(**sizes, atoms=config.atoms, num_draws=config.num_samples if method.uses_samples else 1)
