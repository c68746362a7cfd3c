"""A ring buffer of transitions as a pytree; its clock is an argument, so that it stays one number for all members."""

import jax
import jax.numpy as jnp

from dstjax.types import Array, Key, Transition


def init_replay(capacity: int, obs_size: int, action_size: int) -> Transition:
    """An empty buffer.

    Args:
      capacity: transitions it holds.
      obs_size: `S`.
      action_size: `A`.

    Returns:
      A `Transition` of zeros whose leaves have a leading axis of length `capacity`.
    """
    return Transition(
        obs=jnp.zeros((capacity, obs_size)),
        action=jnp.zeros((capacity, action_size)),
        reward=jnp.zeros(capacity),
        next_obs=jnp.zeros((capacity, obs_size)),
        terminated=jnp.zeros(capacity),
    )


def insert(replay: Transition, batch: Transition, tick: Array, frozen: Array | bool = False) -> Transition:
    """Write a batch over the oldest transitions.

    Args:
      replay: the buffer; its capacity is a multiple of the batch size.
      batch: `[B]` new transitions.
      tick: number of batches inserted before.
      frozen: `[]` bool; leave the buffer as it is. Its rows are selected, not the buffer, which is never copied.

    Returns:
      The buffer with the batch in it.
    """
    size = batch.reward.shape[0]
    start = (tick * size) % replay.reward.shape[0]

    def write(old: Array, new: Array) -> Array:
        rows = jnp.where(frozen, jax.lax.dynamic_slice_in_dim(old, start, size, axis=0), new)
        return jax.lax.dynamic_update_slice_in_dim(old, rows, start, axis=0)

    return jax.tree.map(write, replay, batch)


def sample(replay: Transition, inserted: Array, key: Key, *, batch_size: int) -> Transition:
    """Draw transitions uniformly, with replacement.

    Args:
      replay: the buffer.
      inserted: number of transitions inserted so far; at least one.
      key: consumed.
      batch_size: `B`.

    Returns:
      Transitions `[B]`.
    """
    filled = jnp.minimum(inserted, replay.reward.shape[0])
    index = jax.random.randint(key, (batch_size,), 0, filled)
    return jax.tree.map(lambda leaf: leaf[index], replay)
