"""What each method costs: `python -m experiments.methods [--out results/methods]`.

Parameters of its networks, and per critic update the operations of its matrix products and milliseconds. A share
`1 / policy_delay` of an update of actor and world model is included, since as many belong to each critic update.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import tyro

from dstjax.backend import start_backend
from dstjax.report.words import estimate_text
from experiments import common
from experiments.bench import show, take_turns
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
    task: str = "half_cheetah"
    """Whose sizes of observation and action count; nothing is simulated."""


def agent_of(args: Args, method: str) -> Any:
    """The method at the sizes."""
    from dstjax.agent import Agent
    from dstjax.config import Config
    from dstjax.envs import make

    config = Config(
        method=method, env=args.task, width=args.width, model_width=args.width, batch_size=args.batch_size,
        num_samples=args.num_samples,
    )  # fmt: skip
    return Agent(config, make(args.task))


def updates_of(agent: Any) -> dict[str, tuple[Any, Any]]:
    """The compiled updates of the critics and of all else, with their arguments."""
    import jax
    import jax.numpy as jnp

    from dstjax.agent.update import update_actor, update_critic, update_model
    from dstjax.config import Hyper
    from dstjax.types import Transition

    obs = jax.random.normal(jax.random.key(0), (agent.config.batch_size, agent.env.obs_size))
    zeros = jnp.zeros(len(obs))
    batch = Transition(
        obs=obs, action=jnp.tanh(obs[:, : agent.env.action_size]), reward=zeros, next_obs=obs + 0.1, terminated=zeros,
        steps=None if agent.method.n_step == 1 else zeros + agent.method.n_step,
    )  # fmt: skip
    learner = jax.jit(agent.init_learner)(jax.random.key(1))
    inputs = (learner, batch, jax.tree.map(jnp.float32, Hyper()), jax.random.key(2))

    def rest(learner: Any, batch: Any, hyper: Any, key: Any) -> Any:
        single = batch.replace(steps=None)
        return update_actor(agent, update_model(agent, learner, single, hyper, key)[0], single, hyper, key)

    updates: dict[str, Callable[..., Any]] = {"critic": partial(update_critic, agent), "rest": rest}
    return {name: (jax.jit(update).lower(*inputs).compile(), inputs) for name, update in updates.items()}


def main(args: Args) -> None:
    """Compile and time every method, print the table and write it."""
    start_backend(devices=1)
    import jax

    from dstjax.agent.budget import budget
    from dstjax.methods import METHODS

    agents = {method: agent_of(args, method) for method in METHODS}

    def call(run: Any, inputs: Any) -> Any:
        return jax.block_until_ready(run(*inputs))

    calls: dict[Any, Callable[[], Any]] = {
        (method, part): partial(call, run, inputs)
        for method, agent in agents.items()
        for part, (run, inputs) in updates_of(agent).items()
    }
    # A round's calls follow each other: their ratios are of the same moment, whatever else the machine does.
    rounds = [take_turns(calls, 1) for _ in range(args.rounds)]
    ms = {
        method: [
            1e3 * (round_[method, "critic"] + round_[method, "rest"] / agent.config.policy_delay) for round_ in rounds
        ]
        for method, agent in agents.items()
    }
    rows = []
    for method, agent in agents.items():
        found = budget(agent)
        counts = (found.parameters, found.actor, found.critics, found.model)
        numbers = [*(f"{count:,}" for count in counts), f"{found.flops / 1e9:.2f}", f"{median(ms[method]):.1f}"]
        rows.append([method, *numbers, estimate_text(overhead(ms[method], ms["td3"]))])
    header = ["method", "parameters", "actor", "critics", "model", "GFLOP per update", "ms per update", "over td3"]
    table = show("Cost per critic update, with its share of actor and model", header, rows)
    if args.out is not None:
        text = (
            f"S={agent.env.obs_size}, A={agent.env.action_size}, width {args.width}, batch {args.batch_size}, "
            f"N={args.num_samples}; medians of {args.rounds} rounds, ratios within a round [95 % bootstrap interval]."
        )
        common.write(args.out, "Methods", f"{text}\n\n{table}")


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
