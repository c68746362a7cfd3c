"""The laws of `NoiseParams` and the order in which they compose.

A control step under noise, with the agent's action at its start and its observation at its end:

1. `latency`: the command is the action of that many steps ago (before the first action: zeros);
2. `action_std`: Gaussian noise on the command;
3. the physics, under the episode's factors `gain_scale` (command), `gravity_scale` and `friction_scale`;
4. `dynamics_std` and `position_std`: Gaussian kicks to velocities and positions, kinematics made consistent;
5. the task computes true observation, reward and termination from the kicked state;
6. `reward_std`: Gaussian noise on the reward;
7. the sensor: true observation times `obs_scale`'s factors, plus a bias that `drift_std` moves, plus `obs_std`'s noise.

A reset draws the three factors, clears bias and delayed commands, and senses as in 7. Every noise is drawn in every
step, whatever the strengths, and its draw multiplied by its strength before it meets the signal: levels, methods and
combinations are paired, and strength 0 is off exactly.
"""

from typing import NamedTuple

import flax.struct
import jax.numpy as jnp

from dstjax.config import NoiseParams
from dstjax.envs.draws import Draws, Noisy
from dstjax.types import Array


@flax.struct.dataclass
class NoiseState:
    """What the noise remembers within an episode."""

    friction: Array
    """`[]` factor of every geom's friction."""
    gravity: Array
    """`[]` factor of gravity."""
    gain: Array
    """`[]` factor of every actuator's gain."""
    bias: Array
    """`[S]` of the sensors, in the observation's units."""
    pending: Array
    """`[k, A]` the last k actions, newest first, with k the most that latency can be."""


class Kick(NamedTuple):
    """What noise adds to the physics after a control step."""

    position: Array
    """`[V]` along each degree of freedom (m, rad)."""
    velocity: Array
    """`[V]`"""

    @property
    def felt(self) -> Array:
        """`[]` bool: whether there is any."""
        return jnp.any(self.position != 0) | jnp.any(self.velocity != 0)


def begin_noise(env: Noisy, draws: Draws, noise: NoiseParams) -> NoiseState:
    """The noise of a new episode: its factors `u ~ U[1-d, 1+d]`, no bias, no action pending.

    Args:
      env: gives sizes.
      draws: of the reset.
      noise: `friction_scale`, `gravity_scale` and `gain_scale` are the d of each.

    Returns:
      The state at the start of the episode.
    """
    return NoiseState(
        friction=1.0 + noise.friction_scale * draws["friction_scale"][0],
        gravity=1.0 + noise.gravity_scale * draws["gravity_scale"][0],
        gain=1.0 + noise.gain_scale * draws["gain_scale"][0],
        bias=jnp.zeros(env.obs_size),
        pending=jnp.zeros((env.max_latency, env.action_size)),
    )


def command(state: NoiseState, action: Array, draws: Draws, noise: NoiseParams) -> tuple[NoiseState, Array]:
    """What reaches the actuators: the action of `latency` steps ago, with Gaussian noise (1 and 2 of the order).

    A latency between two whole numbers mixes their actions linearly, as if the newer one came in the midst of the step.
    Nothing is clipped: where actuators have a range, the physics clamps.

    Args:
      state: holds the pending actions `[k, A]`.
      action: `[A]` of the agent, in `[-1, 1]`.
      draws: of the step.
      noise: `latency` (control steps, at most k) and `action_std` (half of the action range).

    Returns:
      The state with the action pending, and the command `[A]`.
    """
    line = jnp.concatenate([action[None], state.pending.astype(action.dtype)])
    age = jnp.arange(line.shape[0])
    lag = jnp.clip(noise.latency, 0, line.shape[0] - 1)
    weight = jnp.maximum(0.0, 1.0 - jnp.abs(lag - age)).astype(line.dtype)
    delayed = jnp.sum(weight[:, None] * line, axis=0)
    pending = line[:-1].astype(state.pending.dtype)
    return state.replace(pending=pending), _add(delayed, noise.action_std, draws["action_std"])


def kick(draws: Draws, noise: NoiseParams) -> Kick:
    """What is added to positions and velocities after the physics (4 of the order).

    Args:
      draws: of the step.
      noise: `position_std` (m, rad) and `dynamics_std` (velocity unit), the same for every degree of freedom.

    Returns:
      Gaussian kicks.
    """
    return Kick(noise.position_std * draws["position_std"], noise.dynamics_std * draws["dynamics_std"])


def pay(reward: Array, draws: Draws, noise: NoiseParams) -> Array:
    """The reward with Gaussian noise (6 of the order).

    Args:
      reward: `[]`
      draws: of the step.
      noise: `reward_std` (reward unit).

    Returns:
      `[]`
    """
    return _add(reward, noise.reward_std, draws["reward_std"][0])


def drift(state: NoiseState, draws: Draws, noise: NoiseParams) -> NoiseState:
    """Move the sensors' bias by one step of a random walk, `b' = b + std e`.

    Args:
      state: holds the bias `[S]`.
      draws: of the step.
      noise: `drift_std` (observation units per square root of a step).

    Returns:
      The state with the new bias.
    """
    return state.replace(bias=_add(state.bias, noise.drift_std, draws["drift_std"]))


def sense(obs: Array, state: NoiseState, draws: Draws, noise: NoiseParams) -> Array:
    """What the agent sees, `o_i u_i + b_i + std e_i` with `u_i ~ U[1-d, 1+d]` (7 of the order).

    Args:
      obs: `[S]` true observation.
      state: holds the bias b.
      draws: of the step or reset.
      noise: `obs_scale` is d (share), `obs_std` in observation units.

    Returns:
      `[S]`
    """
    scaled = obs * (1.0 + noise.obs_scale * draws["obs_scale"]).astype(obs.dtype)
    return _add(scaled + state.bias.astype(obs.dtype), noise.obs_std, draws["obs_std"])


def _add(signal: Array, std: Array, standard: Array) -> Array:
    return signal + (std * standard).astype(signal.dtype)
