"""What each method costs: `python -m experiments.methods [--out results/methods]`.

Parameters of its networks, and per critic update floating-point operations by the compiler's count and milliseconds. A
share `1 / policy_delay` of an update of actor and world model is included, since as many belong to each critic update.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import tyro

from dstjax.backend import describe, start_backend
from dstjax.report.words import estimate_text
from experiments.bench import Sizes, show, take_turns
from experiments.cost import overhead


@dataclasses.dataclass(frozen=True)
class Args:
    """Sizes, and where to write."""

    out: Path | None = None
    """Write the table here, as `<out>.md`; by default it is only printed."""
    rounds: int = 5
    """Rounds, in each of which every entry is timed once."""
    width: int = 256
    """Hidden units of every network."""
    batch_size: int = 256
    """Transitions per update."""
    num_samples: int = 10
    """N"""
    obs_size: int = 17
    """S"""
    action_size: int = 6
    """A"""


def parts(args: Args, method: str) -> tuple[Any, dict[str, tuple[Any, Any]], float]:
    """Parameters, the compiled updates of the critics and of all else with their arguments, and the latter's share."""
    import jax
    import jax.numpy as jnp

    from dstjax.agent.core import Agent
    from dstjax.agent.update import update_actor, update_critic, update_model
    from dstjax.config import Config, Hyper
    from dstjax.types import Transition

    config = Config(
        method=method, width=args.width, model_width=args.width, batch_size=args.batch_size,
        num_samples=args.num_samples,
    )  # fmt: skip
    agent = Agent(config, Sizes(args.obs_size, args.action_size))  # type: ignore[arg-type]
    obs = jax.random.normal(jax.random.key(0), (args.batch_size, args.obs_size))
    zeros = jnp.zeros(args.batch_size)
    batch = Transition(
        obs=obs, action=jnp.tanh(obs[:, : args.action_size]), reward=zeros, next_obs=obs + 0.1, terminated=zeros,
        steps=None if agent.method.n_step == 1 else zeros + agent.method.n_step,
    )  # fmt: skip
    learner = jax.jit(agent.init_learner)(jax.random.key(1))
    inputs = (learner, batch, jax.tree.map(jnp.float32, Hyper()), jax.random.key(2))

    def rest(learner: Any, batch: Any, hyper: Any, key: Any) -> Any:
        single = batch.replace(steps=None)
        return update_actor(agent, update_model(agent, learner, single, hyper, key)[0], single, hyper, key)

    updates: dict[str, Callable[..., Any]] = {"critic": partial(update_critic, agent), "rest": rest}
    compiled = {name: (jax.jit(update).lower(*inputs).compile(), inputs) for name, update in updates.items()}
    return learner.params, compiled, 1.0 / config.policy_delay


def flops(executable: Any) -> float:
    """The compiler's count of a compiled program."""
    analysis = executable.cost_analysis()
    return float((analysis[0] if isinstance(analysis, list) else analysis)["flops"])


def main(args: Args) -> None:
    """Compile and time every method, print the table and write it."""
    start_backend(devices=1)
    import jax

    from dstjax.methods import METHODS

    prepared = {method: parts(args, method) for method in METHODS}

    def call(run: Any, inputs: Any) -> Any:
        return jax.block_until_ready(run(*inputs))

    calls: dict[Any, Callable[[], Any]] = {
        (method, part): partial(call, run, inputs)
        for method, (_, compiled, _) in prepared.items()
        for part, (run, inputs) in compiled.items()
    }
    # A round's calls follow each other: their ratios are of the same moment, whatever else the machine does.
    rounds = [take_turns(calls, 1) for _ in range(args.rounds)]
    ms = {
        method: [1e3 * (seconds[method, "critic"] + share * seconds[method, "rest"]) for seconds in rounds]
        for method, (_, _, share) in prepared.items()
    }
    rows = []
    for method, (params, compiled, share) in prepared.items():
        count = [
            sum(leaf.size for leaf in jax.tree.leaves(part)) for part in (params.actor, params.critic, params.model)
        ]
        gflop = (flops(compiled["critic"][0]) + share * flops(compiled["rest"][0])) / 1e9
        row = [f"{sum(count):,}", *(f"{number:,}" for number in count), f"{gflop:.2f}", f"{median(ms[method]):.1f}"]
        rows.append([method, *row, estimate_text(overhead(ms[method], ms["td3"]))])
    about = describe()
    device = f"{about['device']['kind']} ({about['device']['platform']}), jax {about['versions']['jax']}"
    sizes = (
        f"S={args.obs_size}, A={args.action_size}, width {args.width}, batch {args.batch_size}, N={args.num_samples}, "
        f"medians of {args.rounds} rounds, ratios within a round [95 % bootstrap interval]"
    )
    header = ["method", "parameters", "actor", "critics", "model", "GFLOP per update", "ms per update", "over td3"]
    table = show("Cost per critic update, with its share of actor and model", header, rows)
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        head = f"# Methods\n\n`python -m experiments.methods` on {device}; {sizes}.\n\n"
        args.out.with_suffix(".md").write_text(head + table)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
