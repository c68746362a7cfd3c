"""A replay without next observations: they are the next row's, except where an episode ended."""

import flax.struct
import jax
import jax.numpy as jnp

from dstjax.types import Array, Transition

ROWS_PER_END = 8
"""Rows for each end of an episode that there is room for."""


@flax.struct.dataclass
class CompactReplay:
    """A ring of ticks, one longer than its capacity, so that the successor of the newest row has a place.

    An end is not told but seen: the observation that a tick starts from is not the successor of the tick before. That
    successor is then kept apart. Every transition comes back as it was put in, as long as episodes last 8 steps on
    average (each environment's); where they are shorter, the oldest ends have lost theirs, and the first transition of
    the next episode stands for such a row: `inexact_share` says how many there are.
    """

    obs: Array
    """`[R, S]` for `R = capacity + num_envs` rows."""
    action: Array
    """`[R, A]`"""
    reward: Array
    """`[R]`"""
    terminated: Array
    """`[R]` bool."""
    end: Array
    """`[R]` int32; 0 where the successor is the next row of the environment, else the number of the end, from 1."""
    successors: Array
    """`[F, S]` ring of the successors of ends."""
    ends: Array
    """`[]` int32 ends so far."""
    num_envs: int = flax.struct.field(pytree_node=False, default=1)

    @property
    def ticks(self) -> int:
        """Ticks in the ring, of which the newest has no row yet."""
        return self.reward.shape[0] // self.num_envs


def init_compact(capacity: int, obs_size: int, action_size: int, num_envs: int, dtype: jnp.dtype) -> CompactReplay:
    """An empty buffer.

    Args:
      capacity: transitions it holds; a multiple of `num_envs`.
      obs_size: `S`.
      action_size: `A`.
      num_envs: transitions per tick.
      dtype: of observations and actions.

    Returns:
      The buffer.
    """
    rows = capacity + num_envs
    return CompactReplay(
        obs=jnp.zeros((rows, obs_size), dtype),
        action=jnp.zeros((rows, action_size), dtype),
        reward=jnp.zeros(rows),
        terminated=jnp.zeros(rows, bool),
        end=jnp.zeros(rows, jnp.int32),
        successors=jnp.zeros((max(num_envs, -(-capacity // ROWS_PER_END)), obs_size), dtype),
        ends=jnp.zeros((), jnp.int32),
        num_envs=num_envs,
    )


def insert_compact(replay: CompactReplay, batch: Transition, tick: Array, frozen: Array | bool) -> CompactReplay:
    """Write a tick's transitions over the oldest ones.

    Args:
      replay: the buffer.
      batch: `[num_envs]` new transitions, which follow those of the tick before.
      tick: number of ticks inserted before.
      frozen: `[]` bool; leave the buffer as it is.

    Returns:
      The buffer with the transitions in it.
    """
    size, room = replay.num_envs, replay.successors.shape[0]
    obs, next_obs = (x.astype(replay.obs.dtype) for x in (batch.obs, batch.next_obs))

    def write(old: Array, new: Array, tick: Array) -> Array:
        start = tick % replay.ticks * size
        kept = jnp.where(frozen, jax.lax.dynamic_slice_in_dim(old, start, size), new.astype(old.dtype))
        return jax.lax.dynamic_update_slice_in_dim(old, kept, start, axis=0)

    said = jax.lax.dynamic_slice_in_dim(replay.obs, tick % replay.ticks * size, size)
    ended = (said != obs).any(axis=1) & (tick > 0) & ~jnp.asarray(frozen)
    number = replay.ends + jnp.cumsum(ended, dtype=jnp.int32)
    place = jnp.where(ended, (number - 1) % room, room)  # Out of range, where nothing is written.
    end = write(replay.end, jnp.where(ended, number, 0), tick - 1)
    return replay.replace(
        obs=write(write(replay.obs, obs, tick), next_obs, tick + 1),
        action=write(replay.action, batch.action, tick),
        reward=write(replay.reward, batch.reward, tick),
        terminated=write(replay.terminated, batch.terminated, tick),
        end=write(end, jnp.zeros(size, jnp.int32), tick + 1),
        successors=replay.successors.at[place].set(said, mode="drop"),
        ends=replay.ends + ended.sum(dtype=jnp.int32),
    )


def read_compact(replay: CompactReplay, inserted: Array, index: Array) -> Transition:
    """Transitions by the index they would have in a ring of the same capacity that keeps next observations.

    Args:
      replay: the buffer.
      inserted: transitions inserted so far.
      index: `[B]`, of rows that are filled.

    Returns:
      Transitions `[B]`, in the rewards' precision.
    """
    size = replay.num_envs
    newest = inserted // size - 1
    tick = newest - (newest - index // size) % (replay.ticks - 1)

    def row(tick: Array) -> Array:
        return tick % replay.ticks * size + index % size

    tick = jnp.where(_is_lost(replay, replay.end[row(tick)]), tick + 1, tick)
    here, number = row(tick), replay.end[row(tick)]
    apart = replay.successors[(number - 1) % replay.successors.shape[0]]
    return Transition(
        obs=replay.obs[here].astype(replay.reward.dtype),
        action=replay.action[here].astype(replay.reward.dtype),
        reward=replay.reward[here],
        next_obs=jnp.where((number > 0)[:, None], apart, replay.obs[row(tick + 1)]).astype(replay.reward.dtype),
        terminated=replay.terminated[here].astype(replay.reward.dtype),
    )


def inexact_share(replay: CompactReplay, inserted: Array) -> Array:
    """Share of the transitions in the buffer for which another one comes back; 0 while episodes last.

    Args:
      replay: the buffer.
      inserted: transitions inserted so far; at least one.

    Returns:
      `[]`, in [0, 1].
    """
    lost = _is_lost(replay, replay.end).sum()
    return lost / jnp.minimum(inserted, replay.reward.shape[0] - replay.num_envs)


def _is_lost(replay: CompactReplay, end: Array) -> Array:
    """Whether an end, 0 for none, has been pushed out of the ring of successors by later ones."""
    return (end > 0) & (replay.ends - end >= replay.successors.shape[0])
