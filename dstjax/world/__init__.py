"""World models: reparameterised one-step samplers `(obs, action, noise) -> (next_obs, reward)`, one file a model."""

from dstjax.config import Config
from dstjax.world.core import WorldModel, WorldStats
from dstjax.world.cvae import CVAE

__all__ = ["CVAE", "WorldModel", "WorldStats", "make"]


def make(name: str, config: Config, obs_size: int) -> WorldModel:
    """Build the world model that a method's row names.

    Args:
      name: of the model.
      config: gives its sizes.
      obs_size: `S`.

    Returns:
      The model's definition; it holds no array.
    """
    return {"cvae": CVAE}[name](obs_size, config.model_width, config.model_depth, config.model_latent)
