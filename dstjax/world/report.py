"""How good a world model is: its error, its likelihood, the calibration of its noise, and its action gradients.

Everything is in normalised units, where the outcomes `(s' - s, r)` of the data have deviation 1.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dstjax.math.kernels import energy
from dstjax.math.mmd import mmd2
from dstjax.types import Array, Key, Metrics, Params, Transition
from dstjax.world.core import WorldModel, WorldStats, normalized

Step = Callable[[Array, Array, Array], tuple[Array, Array]]
"""`(obs [S], action [A], noise or key) -> (next_obs [S], reward [])`, differentiable in the action."""

RESOLUTION = 0.02
"""What calibration sees: a spread too wide or too narrow by less is none, as around an entry without noise."""


class Law(NamedTuple):
    """Samples of a one-step law at `Q` states and actions, normalised."""

    outcome: Array
    """`[Q, N, S + 1]`"""
    slope: Array
    """`[Q, S + 1, A]` mean Jacobian of the outcome in the action."""


def held_out(
    model: WorldModel, params: Params, stats: WorldStats, batch: Transition, key: Key, *, samples: int = 32
) -> Metrics:
    """What real transitions tell of a model; cheap enough for every chunk of a training run, and jittable.

    - `one_step_rmse`: of the samples' mean. No model gets below the deviation of the environment's own noise.
    - `energy_score`: `E|X - y| - E|X - X'| / 2` (Gneiting & Raftery, 2007), least for the true law.
    - `log_likelihood`: nats per transition, or a bound; left out for models without a density.
    - `spread_skill`: root mean variance of the samples over the error of their mean; 1 if calibrated, less if narrow.
    - `coverage_90`: share of real entries within the central 90 % of their samples.
    - `pit_error`: Wasserstein distance between the ranks of the real entries among their samples and the uniform law,
      averaged over entries; 0 if calibrated, 0.25 for a point or for a law far too wide.

    Args:
      model: the model's definition.
      params: of it.
      stats: input and output statistics.
      batch: real transitions `[B]`.
      key: consumed.
      samples: of the model per transition, `N`.

    Returns:
      The metrics, `[]` each.
    """
    draw_key, rank_key, likelihood_key = jax.random.split(key, 3)
    _, real = normalized(stats, batch)
    step = _step_of(model, params, stats)
    noise = jax.random.normal(draw_key, (samples, *batch.reward.shape, model.noise_size))
    drawn = jax.vmap(jax.vmap(lambda *point: _outcome(step, stats, *point)), in_axes=(None, None, 0))(
        batch.obs, batch.action, noise
    )
    error = jnp.sqrt(jnp.mean((drawn.mean(0) - real) ** 2))
    # The mean of N samples has a variance of its own, which the error includes.
    spread = jnp.sqrt(drawn.var(0, ddof=1).mean() * (1 + 1 / samples))
    ranks = _ranks(drawn, real, rank_key)
    metrics = {
        "one_step_rmse": error,
        "energy_score": jax.vmap(_energy_score, in_axes=(1, 0))(drawn, real).mean(),
        "spread_skill": spread / jnp.maximum(error, RESOLUTION),
        "coverage_90": jnp.mean(jnp.abs(ranks - 0.5) < 0.45),
        "pit_error": _distance_to_uniform(ranks).mean(),
    }
    if not model.has_density:
        return metrics
    keys = jax.random.split(likelihood_key, batch.reward.shape[0])
    log_likelihoods = jax.vmap(lambda t, k: model.log_likelihood(params, stats, t, k))(batch, keys)
    return metrics | {"log_likelihood": log_likelihoods.mean()}


def law_of(step: Step, stats: WorldStats, obs: Array, action: Array, noise: Array) -> Law:
    """Sample a step at given states and actions.

    Args:
      step: of a model or a simulator.
      stats: input and output statistics.
      obs: `[Q, S]`.
      action: `[Q, A]`.
      noise: `[Q, N, ...]` what the step takes: noise or keys.

    Returns:
      The law at each of the `Q`.
    """

    def one(obs: Array, action: Array, noise: Array) -> tuple[Array, Array]:
        outcome = lambda action: (_outcome(step, stats, obs, action, noise),) * 2  # noqa: E731
        slope, value = jax.jacfwd(outcome, has_aux=True)(action)
        return value, slope

    values, slopes = jax.vmap(jax.vmap(one, in_axes=(None, None, 0)))(obs, action, noise)
    return Law(values, slopes.mean(1))


def against_truth(
    model: WorldModel, params: Params, stats: WorldStats, truth: Law, obs: Array, action: Array, key: Key
) -> Metrics:
    """A model against a simulator that was asked again and again from the same states.

    - `energy_distance`: of the model's law to the true one, per state and action; unbiased, so that it may fall below 0
      where they agree.
    - `mean_error`: of conditional means.
    - `spread_ratio`: model over truth of conditional deviations, of entries random in truth; NaN without any.
    - `spurious_spread`: conditional deviation of the entries that are not: what a model takes its own error for.
    - `gradient_error`: of the mean Jacobian of the outcome in the action, relative to the true one's norm.

    Args:
      model: the model's definition.
      params: of it.
      stats: input and output statistics.
      truth: the simulator's law, see `law_of`; `N` is at least 2.
      obs: `[Q, S]` where it was sampled.
      action: `[Q, A]`.
      key: consumed.

    Returns:
      The metrics over all `Q`, `[]` each.
    """
    noise = jax.random.normal(key, (*truth.outcome.shape[:2], model.noise_size))
    law = law_of(_step_of(model, params, stats), stats, obs, action, noise)
    found, true = (x.outcome.var(1).mean(0) for x in (law, truth))
    is_random = true > RESOLUTION**2
    distance = jax.vmap(lambda x, y: mmd2(x, y, energy(), unbiased=True))(law.outcome, truth.outcome)
    return {
        "energy_distance": distance.mean(),
        "mean_error": jnp.sqrt(jnp.mean((law.outcome.mean(1) - truth.outcome.mean(1)) ** 2)),
        "spread_ratio": jnp.sqrt((is_random * found).sum() / (is_random * true).sum()),
        "spurious_spread": jnp.sqrt((~is_random * found).sum() / jnp.maximum((~is_random).sum(), 1)),
        "gradient_error": jnp.linalg.norm(law.slope - truth.slope) / jnp.linalg.norm(truth.slope),
    }


def _step_of(model: WorldModel, params: Params, stats: WorldStats) -> Step:
    return lambda obs, action, noise: model.sample(params, stats, obs, action, noise)


def _outcome(step: Step, stats: WorldStats, obs: Array, action: Array, noise: Array) -> Array:
    """Normalised outcome `[S + 1]` of a step."""
    next_obs, reward = step(obs, action, noise)
    return normalized(stats, Transition(obs, action, reward, next_obs, jnp.zeros(())))[1]


def _energy_score(drawn: Array, real: Array) -> Array:
    """`drawn [N, D]` and `real [D]` to `[]`; the pairs of a sample with itself are left out."""
    num = drawn.shape[0]
    pairs = jnp.linalg.norm(drawn[:, None] - drawn[None], axis=-1).sum() / (num * (num - 1))
    return jnp.linalg.norm(drawn - real, axis=-1).mean() - 0.5 * pairs


def _ranks(drawn: Array, real: Array, key: Key) -> Array:
    """Rank of `real [B, D]` among `drawn [N, B, D]` as a share, uniform if both are of one law; consumes the key."""
    real_key, drawn_key, tie_key = jax.random.split(key, 3)
    real = real + RESOLUTION * jax.random.normal(real_key, real.shape)
    drawn = drawn + RESOLUTION * jax.random.normal(drawn_key, drawn.shape)
    below = jnp.sum(drawn < real, axis=0)
    return (below + jax.random.uniform(tie_key, real.shape)) / (drawn.shape[0] + 1)


def _distance_to_uniform(ranks: Array) -> Array:
    """Wasserstein-1 distance per column of `[B, D]`, `[D]`."""
    size = ranks.shape[0]
    return jnp.abs(jnp.sort(ranks, axis=0) - ((jnp.arange(size) + 0.5) / size)[:, None]).mean(0)
