"""Every world model on the same noisy transitions: `python -m experiments.world_models`.

Transitions of random actions, a fit of each model for each seed, and the report of `dstjax.world.report` on transitions
and states that the fits did not see. Units: deviations of the outcome.
"""

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from dstjax.backend import describe, start_backend
from dstjax.types import Array

TASKS = {
    "point mass": ("pointmass", {}, {"dynamics_std": 1.0}),
    "point mass, bimodal rewards": ("pointmass", {"bimodal": True}, {"dynamics_std": 1.0}),
    "inverted pendulum": ("inverted_pendulum", {}, {"dynamics_std": 0.3}),
}
"""Heading -> task, its options, its noise."""
COLUMNS = {
    "log_likelihood": "log-likelihood, nats",
    "one_step_rmse": "one-step error",
    "energy_score": "energy score",
    "spread_skill": "spread / error",
    "coverage_90": "cover of 90 %",
    "pit_error": "rank error",
    "energy_distance": "energy distance",
    "mean_error": "error of mean",
    "spread_ratio": "spread / true",
    "spurious_spread": "spread where none is",
    "gradient_error": "gradient error",
}

LEGEND = """\
Units: deviations of the outcome (change of the observation, reward). Right are 1 for spread / error and spread / true,
0.9 for cover, 0 for rank error, energy distance, error of mean, spread where none is and gradient error; the one-step
error of the true law is the deviation of its noise. Likelihoods of `cvae` and `hybrid` are lower bounds. Definitions:
`dstjax/world/report.py`.
"""


@dataclasses.dataclass(frozen=True)
class Args:
    """Sizes of the fits, and where to write."""

    out: Path = Path("results/world-models.md")
    """The table."""
    transitions: int = 20_000
    """For the fits; a tenth as many are held out."""
    updates: int = 1_500
    """Gradient steps per fit."""
    batch: int = 128
    """Transitions per update."""
    width: int = 64
    """Hidden units per layer."""
    seeds: int = 3
    """Fits per model, on the same transitions, side by side in one program."""
    states: int = 64
    """States and actions at which the simulator is asked again."""
    samples: int = 256
    """Samples of each law there."""


def collect(env: Any, noise: Any, size: int, key: Array) -> Any:
    """Transitions `[size]`, in random order, of uniformly random actions in 100 environments with auto-reset."""
    import jax

    from dstjax.envs import auto_reset
    from dstjax.types import Transition

    stepper, lanes = auto_reset(env), 100
    reset_key, loop_key, order_key = jax.random.split(key, 3)

    def tick(state: Any, key: Array) -> tuple[Any, Any]:
        action_key, step_key = jax.random.split(key)
        action = jax.random.uniform(action_key, (lanes, env.action_size), minval=-1.0)
        after = jax.vmap(stepper.step, in_axes=(0, 0, 0, None))(state, action, jax.random.split(step_key, lanes), noise)
        terminated = after.terminated.astype(action.dtype)
        return after, Transition(state.obs, action, after.reward, after.final_obs, terminated)

    start = jax.vmap(stepper.reset, in_axes=(0, None))(jax.random.split(reset_key, lanes), noise)
    path = jax.lax.scan(tick, start, jax.random.split(loop_key, size // lanes))[1]
    order = jax.random.permutation(order_key, size)
    return jax.tree.map(lambda leaf: leaf.reshape(size, *leaf.shape[2:])[order], path)


def fit(args: Args, model: Any, stats: Any, data: Any, action_size: int, key: Array) -> Any:
    """Parameters after training, at a rate that falls linearly in the last third."""
    import jax
    import jax.numpy as jnp
    import optax

    init_key, loop_key = jax.random.split(key)
    rate = optax.linear_schedule(1e-3, 0.0, args.updates // 3, 2 * args.updates // 3)
    params, adam = model.init(init_key, action_size), optax.adam(rate)

    def update(carry: Any, key: Array) -> tuple[Any, None]:
        params, state = carry
        pick_key, loss_key = jax.random.split(key)
        rows = jax.random.randint(pick_key, (args.batch,), 0, data.reward.shape[0])
        batch = jax.tree.map(lambda leaf: leaf[rows], data)
        grads, _ = jax.grad(model.loss, has_aux=True)(params, stats, batch, loss_key, jnp.ones(()))
        change, state = adam.update(grads, state)
        return (optax.apply_updates(params, change), state), None

    keys = jax.random.split(loop_key, args.updates if jax.tree.leaves(params) else 0)
    return jax.lax.scan(update, (params, adam.init(params)), keys)[0][0]


def compare(args: Args, heading: str) -> dict[str, dict[str, Array]]:
    """The report of each model that the task allows; `[seeds]` per number."""
    import jax

    from dstjax import envs, world
    from dstjax.config import Config, NoiseParams
    from dstjax.errors import UserError
    from dstjax.world.core import init_world_stats, update_world_stats
    from dstjax.world.physics import step_from
    from dstjax.world.report import against_truth, held_out, law_of

    name, options, strengths = TASKS[heading]
    env, noise = envs.make(name, **options), NoiseParams(**strengths)
    config = Config(model_width=args.width)
    keys = jax.random.split(jax.random.key(0), 4)
    held = args.transitions // 10
    rows = jax.jit(lambda key: collect(env, noise, args.transitions + held, key))(keys[0])
    rest, data = jax.tree.map(lambda leaf: leaf[:held], rows), jax.tree.map(lambda leaf: leaf[held:], rows)
    stats = update_world_stats(init_world_stats(env.obs_size), data)
    obs, action = rest.obs[: args.states], rest.action[: args.states]

    def real(obs: Array, action: Array, key: Array) -> tuple[Array, Array]:
        return step_from(env, obs, action, key, noise)

    asked = jax.random.split(keys[1], (args.states, args.samples))
    truth = jax.jit(lambda: law_of(real, stats, obs, action, asked))()
    found = {}
    for kind in world.MODELS:
        try:
            model = world.make(kind, config, env)
        except UserError as error:
            print(f"{heading}: {error}", flush=True)
            continue

        def report(key: Array, model: Any = model) -> tuple[Any, Any]:
            fit_key, held_key, truth_key = jax.random.split(key, 3)
            params = fit(args, model, stats, data, env.action_size, fit_key)
            held = held_out(model, params, stats, rest, held_key)
            return params, held | against_truth(model, params, stats, truth, obs, action, truth_key)

        start = time.perf_counter()
        seeds = args.seeds if kind != "physics" else 1
        params, found[kind] = jax.block_until_ready(jax.jit(jax.vmap(report))(jax.random.split(keys[2], seeds)))
        size = sum(leaf.size for leaf in jax.tree.leaves(params)) // seeds
        print(f"{heading}, {kind}: {size:,} parameters, {time.perf_counter() - start:.0f} s", flush=True)
    return found


def table(found: dict[str, dict[str, Array]]) -> str:
    """A row per model: means over the seeds, and half of their range where there are several."""
    lines = ["| model | " + " | ".join(COLUMNS.values()) + " |", "|---|" + "---:|" * len(COLUMNS)]
    for kind, metrics in found.items():
        cells = []
        for column in COLUMNS:
            values = np.asarray(metrics.get(column, []))
            half = f" ± {np.ptp(values) / 2:.2g}" if values.size > 1 else ""
            cells.append(f"{values.mean():.3f}{half}" if values.size else "none")
        lines.append(f"| `{kind}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(args: Args) -> None:
    """Fit, compare, print and write."""
    start_backend()
    import jax

    device = describe()["device"]
    text = (
        f"# World models\n\n`python -m experiments.world_models`: {args.updates:,} updates of batch {args.batch} and"
        f" width {args.width} on {args.transitions:,} transitions of random actions, {args.seeds} seeds (mean, ± half"
        f" of their range), {device['platform']} ({device['machine']}), jax {jax.__version__}, float32.\n\n{LEGEND}\n"
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    for heading, (name, options, noise) in TASKS.items():
        setting = ", ".join(f"{key} = {value}" for key, value in {**options, **noise}.items())
        rows = table(compare(args, heading))
        print(rows, flush=True)
        text += f"\n## {heading[0].upper()}{heading[1:]}\n\n`{name}`, {setting}.\n\n{rows}\n"
        args.out.write_text(text)
    print(args.out)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
