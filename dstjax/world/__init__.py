"""World models: reparameterised one-step samplers `(obs, action, noise) -> (next_obs, reward)`, one file a model."""

from collections.abc import Callable

from dstjax.config import Config
from dstjax.envs.core import Env
from dstjax.errors import unknown_name
from dstjax.world.core import WorldModel, WorldStats
from dstjax.world.cvae import CVAE
from dstjax.world.deterministic import Deterministic
from dstjax.world.flow import Flow
from dstjax.world.physics import Hybrid, Physics

__all__ = ["CVAE", "MODELS", "Deterministic", "Flow", "Hybrid", "Physics", "WorldModel", "WorldStats", "make"]


def _cvae(config: Config, env: Env) -> CVAE:
    return CVAE(
        env.obs_size, config.model_width, config.model_depth, config.model_latent, particles=config.model_particles
    )


def _deterministic(config: Config, env: Env) -> Deterministic:
    return Deterministic(env.obs_size, config.model_width, config.model_depth, config.ensemble_size)


def _flow(config: Config, env: Env) -> Flow:
    return Flow(env.obs_size, config.model_width, config.model_depth, config.flow_layers, config.flow_bins)


def _physics(config: Config, env: Env) -> Physics:
    return Physics(env)


def _hybrid(config: Config, env: Env) -> Hybrid:
    return Hybrid(Physics(env), _cvae(config, env))


MODELS: dict[str, Callable[[Config, Env], WorldModel]] = {
    "cvae": _cvae,
    "flow": _flow,
    "deterministic": _deterministic,
    "physics": _physics,
    "hybrid": _hybrid,
}
"""Name -> how to build the model's definition."""


def make(name: str, config: Config, env: Env) -> WorldModel:
    """Build the world model that a method's row or the option `model` names.

    Args:
      name: of the model.
      config: gives its sizes.
      env: the task it models.

    Returns:
      The model's definition; it holds no array.

    Raises:
      UserError: if there is no such model, or none for this task.
    """
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    return MODELS[name](config, env)
