"""Stable-Baselines3's TD3 at the settings of `experiments.peer_td3`: the independent half of that comparison.

Needs no part of dstjax and no JAX: `pip install stable-baselines3 'gymnasium[mujoco]==1.4.0' 'mujoco==3.17.0' tyro` in
an environment of its own; then `python -m experiments.peer_sb3`. Each finished seed is appended to
`<out>/TASK-sb3.csv`; the same command skips those that are there.
"""

import csv
import dataclasses
import time
from pathlib import Path
from typing import Any

import tyro

TASKS = {
    "inverted_pendulum": ("InvertedPendulum-v5", 6_000),
    "inverted_double_pendulum": ("InvertedDoublePendulum-v5", 12_000),
}
"""Gymnasium's name and environment steps of each task."""
SEEDS = 5
EVERY = 500
"""Environment steps between evaluations."""
EPISODES = 10
"""Of an evaluation."""
WIDTH, DEPTH = 64, 2
BATCH, WARMUP, UTD, DELAY = 64, 500, 4, 2
RATE, TAU, DISCOUNT = 1e-3, 0.02, 0.99
EXPLORATION, SMOOTHING, CLIP = 0.1, 0.2, 0.5
OBS_BOUND = 10.0
"""Standard deviations to which normalised observations are bounded, by dstjax always."""
FIELDS = ("member", "method", "env", "seed", "step", "eval/return")
INITS = ("torch", "flax")
"""PyTorch's own initial weights, or those of dstjax: variance 1 / fan-in, no biases, an actor that starts at zero."""


@dataclasses.dataclass(frozen=True)
class Args:
    """Which runs, and where to write."""

    out: Path = Path("results/peer-td3")
    """Directory of the rows."""
    tasks: tuple[str, ...] = tuple(TASKS)
    """Of `TASKS`."""
    seeds: tuple[int, ...] = tuple(range(SEEDS))
    """One run each."""
    init: str = "torch"
    """Of `INITS`."""


def normalised(task: str, count: int, seed: int) -> Any:
    """Copies of a task whose observations are normalised by running statistics, and rewards are not."""
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    return VecNormalize(make_vec_env(TASKS[task][0], count, seed=seed), norm_reward=False, clip_obs=OBS_BOUND)


def start_as_flax(model: Any) -> None:
    """Give the networks dstjax's initial weights."""
    import torch

    for network in (model.actor, model.critic):
        for layer in (module for module in network.modules() if isinstance(module, torch.nn.Linear)):
            variance = 1e-2 if layer.out_features == model.action_space.shape[0] and network is model.actor else 1.0
            std = (variance / layer.in_features) ** 0.5 / 0.87962566103423978
            torch.nn.init.trunc_normal_(layer.weight, std=std, a=-2 * std, b=2 * std)
            torch.nn.init.zeros_(layer.bias)
    model.actor_target.load_state_dict(model.actor.state_dict())
    model.critic_target.load_state_dict(model.critic.state_dict())


def train(task: str, seed: int, init: str) -> list[tuple[int, float]]:
    """One seed; the mean return of each evaluation with its step."""
    import numpy as np
    import torch
    from stable_baselines3 import TD3
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.noise import NormalActionNoise

    env, eval_env = normalised(task, 1, seed), normalised(task, EPISODES, 10_000 + seed)
    eval_env.training, eval_env.obs_rms = False, env.obs_rms
    size = env.action_space.shape[0]
    model = TD3(
        "MlpPolicy", env, learning_rate=RATE, buffer_size=TASKS[task][1], learning_starts=WARMUP, batch_size=BATCH,
        tau=TAU, gamma=DISCOUNT, train_freq=1, gradient_steps=UTD, policy_delay=DELAY, target_policy_noise=SMOOTHING,
        target_noise_clip=CLIP, action_noise=NormalActionNoise(np.zeros(size), EXPLORATION * np.ones(size)),
        policy_kwargs={"net_arch": [WIDTH] * DEPTH, "activation_fn": torch.nn.SiLU}, seed=seed, device="cpu",
    )  # fmt: skip
    if init == "flax":
        start_as_flax(model)
    found = []
    for step in range(EVERY, TASKS[task][1] + 1, EVERY):
        model.learn(EVERY, reset_num_timesteps=step == EVERY)
        found.append((step, float(evaluate_policy(model, eval_env, n_eval_episodes=EPISODES)[0])))
    return found


def done(path: Path) -> set[int]:
    """Seeds of a file."""
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        return {int(row["seed"]) for row in csv.DictReader(file)}


def append(path: Path, method: str, task: str, seed: int, curve: list[tuple[int, float]]) -> None:
    """Add a seed's evaluations to a file."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(FIELDS)
        writer.writerows((seed, method, task, seed, step, f"{value:.6g}") for step, value in curve)


def main(args: Args) -> None:
    """Train what is not there yet."""
    import torch

    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    method = "sb3" if args.init == "torch" else f"sb3-{args.init}"
    for task in args.tasks:
        path = args.out / f"{task}-{method}.csv"
        for seed in sorted(set(args.seeds) - done(path)):
            start = time.perf_counter()
            append(path, method, task, seed, train(task, seed, args.init))
            print(f"{task} {method} seed {seed}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
