"""Training of one member as two pure functions: `init` and `train_chunk`."""

import jax
import jax.numpy as jnp

from dstjax.agent.compact import CompactReplay, inexact_share
from dstjax.agent.core import Agent, Learner, TrainState
from dstjax.agent.health import NEVER, keep_where, spoilt
from dstjax.agent.outcomes import contraction
from dstjax.agent.replay import init_replay, insert, newest, sample
from dstjax.agent.rollout import collect
from dstjax.agent.update import model_cycle, update_cycle
from dstjax.config import Config, Hyper
from dstjax.envs.core import auto_reset
from dstjax.methods import ticks_per_cycle
from dstjax.types import Array, Key, Metrics
from dstjax.world.core import update_world_stats
from dstjax.world.report import held_out

CONTRACTION_BATCH = 16
"""Transitions per chunk that the contraction factor is averaged over."""
HELD_OUT_BATCH = 64
"""Transitions per chunk, at most, that the world model is judged by."""
HELD_OUT = ("one_step_rmse", "spread_skill", "energy_score")
"""What is said of them; the rest of the report would double what this adds to the compile time."""


def replay_capacity(config: Config) -> int:
    """Transitions kept per member: no more than a run makes, and a whole number of ticks.

    Args:
      config: static structure.

    Returns:
      The number of transitions.
    """
    ticks = -(-min(config.replay_capacity, config.steps) // config.num_envs)
    return ticks * config.num_envs


def init(agent: Agent, key: Key, hyper: Hyper) -> TrainState:
    """Fresh networks, an empty replay and reset environments.

    Args:
      agent: the static half.
      key: consumed; the member's seed.
      hyper: of which the environment's noise acts on the first observation.

    Returns:
      The state before the first step.
    """
    learner_key, env_key, key = jax.random.split(key, 3)
    reset = jax.vmap(auto_reset(agent.env).reset, in_axes=(0, None))
    return TrainState(
        learner=agent.init_learner(learner_key),
        env=reset(jax.random.split(env_key, agent.config.num_envs), hyper.noise),
        replay=init_replay(
            replay_capacity(agent.config),
            agent.env.obs_size,
            agent.env.action_size,
            boundaries=agent.method.n_step > 1,
            layout=agent.config.replay,
            num_envs=agent.config.num_envs,
        ),
        key=key,
        frozen_step=jnp.full((), NEVER, jnp.int32),
    )


def train_chunk(agent: Agent, state: TrainState, hyper: Hyper, step: Array) -> tuple[TrainState, Metrics]:
    """`chunk_steps` environment steps of one member, each tick followed by `utd` critic updates after warm-up.

    During it the world model alone learns: critic and actor then find one that knows what the replay holds. An actor
    whose gradient goes through a model that has seen nothing can saturate for good.

    Args:
      agent: the static half.
      state: to go on from.
      hyper: numbers, traced.
      step: `[]` int32 environment steps done before. It is apart from the state so that under `vmap` it stays one
        number for all members: the warm-up test stays a branch, and the replay's write a slice.

    Returns:
      The new state, and metrics: means over the updates (NaN where none was done) and over the episodes that ended.
      A member that diverges is frozen: see `TrainState.frozen_step`.
    """
    config = agent.config
    ticks = ticks_per_cycle(config)
    groups = ticks * config.utd // config.policy_delay

    def tick(carry: tuple[TrainState, Array], key: Key) -> tuple[tuple[TrainState, Array], Metrics]:
        state, tick = carry
        uniform = tick * config.num_envs < config.warmup_steps
        env, batch, ended = collect(agent, state.learner, state.env, uniform, hyper, key)
        learner = state.learner.replace(stats=update_world_stats(state.learner.stats, batch))
        replay = insert(state.replay, batch, tick, state.frozen_step != NEVER)
        return (state.replace(learner=learner, env=env, replay=replay), tick + 1), ended

    def cycle(carry: tuple[TrainState, Array], _: None) -> tuple[tuple[TrainState, Array], tuple[Metrics, Metrics]]:
        before, done = carry
        collect_key, update_key, key = jax.random.split(before.key, 3)
        (state, done), ended = jax.lax.scan(tick, (before, done), jax.random.split(collect_key, ticks))
        inserted = done * config.num_envs

        def learn(learner: Learner) -> tuple[Learner, Metrics]:
            return update_cycle(agent, learner, state.replay, inserted, hyper, update_key, groups=groups)

        def prepare(learner: Learner) -> tuple[Learner, Metrics]:
            shapes = jax.eval_shape(learn, learner)[1]
            nothing = jax.tree.map(lambda s: jnp.full(s.shape, jnp.nan, s.dtype), shapes)
            learner, metrics = model_cycle(agent, learner, state.replay, inserted, hyper, update_key, groups=groups)
            return learner, nothing | metrics

        learner, metrics = jax.lax.cond(inserted > config.warmup_steps, learn, prepare, state.learner)
        after = _freeze(before, state.replace(learner=learner, key=key), metrics, inserted)
        frozen = after.frozen_step != NEVER
        metrics = jax.tree.map(lambda value: jnp.where(frozen, jnp.nan, value), metrics)
        ended = jax.tree.map(lambda value: jnp.where(frozen, 0, value.sum()), ended)
        return (after, done), (metrics, ended)

    cycles = config.chunk_steps // (ticks * config.num_envs)
    start = state
    (state, _), (metrics, ended) = jax.lax.scan(cycle, (state, step // config.num_envs), None, length=cycles)
    ended = jax.tree.map(jnp.sum, ended)
    means = jax.tree.map(jnp.nanmean, metrics)
    return state, {
        **means,
        "train/episodes": ended["episodes"],
        "train/return": ended["return_sum"] / ended["episodes"],
        "train/nonfinite": ended["nonfinite"],
        **_inexact(state, step + config.chunk_steps),
        **_contraction(agent, state, hyper, step + config.chunk_steps),
        **_held_out(agent, start, state, step),
    }


def _inexact(state: TrainState, inserted: Array) -> Metrics:
    """What a compact replay has lost: nothing while episodes last eight steps on average."""
    if not isinstance(state.replay, CompactReplay):
        return {}
    return {"replay/inexact": inexact_share(state.replay, inserted)}


def _contraction(agent: Agent, state: TrainState, hyper: Hyper, inserted: Array) -> Metrics:
    """The Bellman operator's stretch factor on a few replayed transitions, of methods with a model."""
    if agent.model is None:
        return {}
    sample_key, model_key = jax.random.split(jax.random.fold_in(state.key, inserted))
    batch = sample(state.replay, inserted, sample_key, batch_size=CONTRACTION_BATCH)
    return contraction(agent, state.learner, batch, hyper, model_key)


def _held_out(agent: Agent, start: TrainState, state: TrainState, step: Array) -> Metrics:
    """The world model as the chunk began, on transitions that came since: it has learnt from none of them.

    NaN before the model has learnt anything, and of a frozen member, which keeps no new transitions.
    """
    if agent.model is None:
        return {}
    span = agent.config.chunk_steps
    batch = newest(state.replay, step + span, span=span, batch_size=HELD_OUT_BATCH)
    found = held_out(agent.model, start.learner.params.model, start.learner.stats, batch, start.key)
    known = (step > 0) & (state.frozen_step == NEVER)
    return {f"model/held_out_{name}": jnp.where(known, found[name], jnp.nan) for name in HELD_OUT}


def _freeze(before: TrainState, after: TrainState, metrics: Metrics, step: Array) -> TrainState:
    """`after`, or for good the last state in good health with the step at which it ended; the replay is `after`'s."""
    frozen = before.frozen_step != NEVER
    spoilt_now = spoilt((after.learner, after.env), metrics)
    kept = keep_where(frozen | spoilt_now, before.replace(replay=after.replay), after)
    return kept.replace(frozen_step=jnp.where(spoilt_now & ~frozen, step, before.frozen_step).astype(jnp.int32))
