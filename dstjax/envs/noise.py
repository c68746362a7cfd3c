"""The transforms that apply `NoiseParams`, each drawing from its own key so that one never shifts another.

Order within a control step: physics, then the velocity kick, then everything the task computes from the kicked state
(true observation, reward, termination), then observation noise on the true observation. Strength 0 is off, bit for bit:
both transforms multiply the draw by the strength before they combine it with the signal.
"""

import jax

from dstjax.config import NoiseParams
from dstjax.types import Array, Key


def observe(obs: Array, key: Key, noise: NoiseParams) -> Array:
    """Multiplicative observation noise `o_i u_i` with `u_i ~ U[1-d, 1+d]`, independent per entry.

    Args:
      obs: `[S]` true observation.
      key: consumed.
      noise: `obs_scale` is d.

    Returns:
      `[S]` what the agent sees.
    """
    draw = jax.random.uniform(key, obs.shape, obs.dtype, minval=-1.0, maxval=1.0)
    return obs * (1.0 + noise.obs_scale * draw)


def kick(velocity: Array, key: Key, noise: NoiseParams) -> Array:
    """Additive Gaussian dynamics noise `v + std e` with `e ~ N(0, I)`.

    Args:
      velocity: `[V]` generalised velocities after a control step.
      key: consumed.
      noise: `dynamics_std` is the standard deviation, in the velocity's unit.

    Returns:
      `[V]` noised velocities.
    """
    return velocity + noise.dynamics_std * jax.random.normal(key, velocity.shape, velocity.dtype)
