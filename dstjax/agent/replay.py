"""A ring buffer of transitions as a pytree; its clock is an argument, so that it stays one number for all members."""

import jax
import jax.numpy as jnp

from dstjax.agent.compact import CompactReplay, init_compact, insert_compact, read_compact
from dstjax.errors import UserError
from dstjax.types import Array, Key, Transition

Replay = Transition | CompactReplay

LAYOUTS = ("full", "compact", "compact-bfloat16")


def init_replay(
    capacity: int, obs_size: int, action_size: int, *, boundaries: bool = False, layout: str = "full", num_envs: int = 1
) -> Replay:
    """An empty buffer.

    Args:
      capacity: transitions it holds.
      obs_size: `S`.
      action_size: `A`.
      boundaries: whether to keep which transitions were the last of a truncated episode, as `sample_steps` needs.
      layout: of `LAYOUTS`; the compact ones keep no next observation that is the next row's, see `CompactReplay`.
      num_envs: transitions per insertion; only compact layouts ask.

    Returns:
      A `Transition` of zeros whose leaves have a leading axis of length `capacity`, or a `CompactReplay`.

    Raises:
      UserError: where a compact layout is to keep boundaries.
    """
    if layout != "full":
        if boundaries:
            raise UserError(f"replay: {layout} is not allowed; allowed: full, with methods of n-step targets")
        dtype = jnp.bfloat16 if layout == "compact-bfloat16" else jnp.float32
        return init_compact(capacity, obs_size, action_size, num_envs, jnp.dtype(dtype))
    return Transition(
        obs=jnp.zeros((capacity, obs_size)),
        action=jnp.zeros((capacity, action_size)),
        reward=jnp.zeros(capacity),
        next_obs=jnp.zeros((capacity, obs_size)),
        terminated=jnp.zeros(capacity),
        truncated=jnp.zeros(capacity) if boundaries else None,
    )


def insert(replay: Replay, batch: Transition, tick: Array, frozen: Array | bool = False) -> Replay:
    """Write a batch over the oldest transitions.

    Args:
      replay: the buffer; its capacity is a multiple of the batch size.
      batch: `[B]` new transitions.
      tick: number of batches inserted before.
      frozen: `[]` bool; leave the buffer as it is. Its rows are selected, not the buffer, which is never copied.

    Returns:
      The buffer with the batch in it.
    """
    if isinstance(replay, CompactReplay):
        return insert_compact(replay, batch, tick, frozen)
    size = batch.reward.shape[0]
    start = (tick * size) % replay.reward.shape[0]

    def write(old: Array, new: Array) -> Array:
        rows = jnp.where(frozen, jax.lax.dynamic_slice_in_dim(old, start, size, axis=0), new)
        return jax.lax.dynamic_update_slice_in_dim(old, rows, start, axis=0)

    return jax.tree.map(write, replay, batch)


def sample(replay: Replay, inserted: Array, key: Key, *, batch_size: int) -> Transition:
    """Draw transitions uniformly, with replacement.

    Args:
      replay: the buffer.
      inserted: number of transitions inserted so far; at least one.
      key: consumed.
      batch_size: `B`.

    Returns:
      Transitions `[B]`.
    """
    return _read(replay, inserted, jax.random.randint(key, (batch_size,), 0, jnp.minimum(inserted, _capacity(replay))))


def newest(replay: Replay, inserted: Array, *, span: int, batch_size: int) -> Transition:
    """Transitions evenly spaced over those inserted last.

    Args:
      replay: the buffer.
      inserted: number of transitions inserted so far; at least `span`, or the capacity.
      span: how many inserted last.
      batch_size: at most `B`.

    Returns:
      Transitions `[B']` for the largest `B' <= B` whose spacing is a whole number, the newest first.
    """
    span = min(span, _capacity(replay))
    back = jnp.arange(0, span, -(-span // batch_size))
    return _read(replay, inserted, (inserted - 1 - back) % _capacity(replay))


def _capacity(replay: Replay) -> int:
    rows = replay.reward.shape[0]
    return rows - replay.num_envs if isinstance(replay, CompactReplay) else rows


def _read(replay: Replay, inserted: Array, index: Array) -> Transition:
    if isinstance(replay, CompactReplay):
        return read_compact(replay, inserted, index)
    return jax.tree.map(lambda leaf: leaf[index], replay)


def sample_steps(
    replay: Replay,
    inserted: Array,
    key: Key,
    discount: Array,
    *,
    batch_size: int,
    num_steps: int,
    num_envs: int,
) -> Transition:
    r"""Draw transitions that span several steps: $\sum_{k<m} \gamma^k r_k$ and where the `m`-th step led.

    `m` is `num_steps`, or less where the episode ended, for good or not, or where the buffer's newest transition comes
    first. Rewards after a termination or of the next episode never enter, and truncation still bootstraps.

    Args:
      replay: the buffer, with boundaries; filled by `num_envs` transitions at a time.
      inserted: number of transitions inserted so far; at least `num_envs`.
      key: consumed, as by `sample`: the same first transitions.
      discount: `gamma`; traced.
      batch_size: `B`.
      num_steps: `n`.
      num_envs: parallel environments.

    Returns:
      Transitions `[B]` whose `steps` are `m`.
    """
    assert isinstance(replay, Transition)
    assert replay.truncated is not None, "a buffer without boundaries"
    capacity = replay.reward.shape[0]
    first = jax.random.randint(key, (batch_size,), 0, jnp.minimum(inserted, capacity))
    newest = (inserted - num_envs) % capacity // num_envs * num_envs + first % num_envs
    to_newest = (newest - first) % capacity // num_envs
    index = (first[:, None] + num_envs * jnp.arange(num_steps)) % capacity
    ended = jnp.maximum(replay.terminated[index], replay.truncated[index])
    alive = jnp.cumprod(jnp.concatenate([jnp.ones((batch_size, 1)), 1.0 - ended[:, :-1]], axis=1), axis=1)
    alive *= jnp.arange(num_steps) <= to_newest[:, None]
    steps = alive.sum(axis=1)
    last = jnp.take_along_axis(index, steps[:, None].astype(int) - 1, axis=1)[:, 0]
    return Transition(
        obs=replay.obs[first],
        action=replay.action[first],
        reward=(alive * discount ** jnp.arange(num_steps) * replay.reward[index]).sum(axis=1),
        next_obs=replay.next_obs[last],
        terminated=replay.terminated[last],
        truncated=replay.truncated[last],
        steps=steps,
    )
