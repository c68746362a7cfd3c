"""The critic audit: `python -m experiments.critic_audit`.

Fits each kind of critic to each problem of known Sobolev return by policy evaluation with the problem's own model, and
compares its samples with the true joint law of return and action gradient at 24 states and actions that the fit did not
choose. Critics, targets and losses are those that agents train with.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from dstjax.backend import describe, start_backend
from dstjax.types import Array, SobolevSamples

FITTED, AUDITED = (2.5, 1.5), (1.0, 1.0)
"""Bounds of observations and actions: wider for the fit, so that no audited return leaves what it has covered."""
METRICS = ("joint_energy", "return_energy", "gradient_error", "gradient_cosine", "calibration")
SUPPORT = (-12.0, 16.0)
"""Lowest return of the categorical critic, and the width of its range: what any problem's returns reach in the fit."""
THRESHOLD = 0.1
"""Where the quantile Huber loss turns linear: small beside the returns, whose deviations are about 1."""


@dataclasses.dataclass(frozen=True)
class Args:
    """Sizes of the fits, and where to write."""

    out: Path = Path("results/critic-audit")
    """Written are `<out>.png` and `<out>.md`."""
    updates: int = 2000
    """Critic updates per fit."""
    batch: int = 64
    """Transitions per update."""
    samples: int = 10
    """Samples of the return per transition, N."""
    width: int = 64
    """Hidden units per layer."""
    seeds: int = 2
    """Fits per critic and problem, in one program."""


def kinds(args: Args) -> dict[str, Any]:
    """The critics by name."""
    from dstjax.agent.critics import Categorical, Generative, Implicit, Net, Point, Quantile
    from dstjax.config import Hyper
    from dstjax.math import sobolev_regression

    class Squared(Point):
        """A point critic by squared errors of value and gradient: unlike the Huber losses', its optimum is the mean."""

        def loss(
            self, net: Net, obs: Array, action: Array, target: SobolevSamples, hyper: Hyper, key: Array
        ) -> tuple[Array, SobolevSamples]:
            drawn = self.samples(net, obs, action, self.latents(key), hyper)
            return sobolev_regression(drawn, target, 1.0), drawn

    sizes: dict[str, Any] = {"width": args.width, "depth": 2}
    sampled = sizes | {"num_samples": args.samples}
    generative = sampled | {"noise_dim": 4, "unbiased": True}
    return {
        "point, Huber": Point(**sizes),
        "point, MAGE": Point(**sizes, gradient="action"),
        "point, squared": Squared(**sizes, gradient="action"),
        "quantile": Quantile(**sampled),
        "implicit quantile": Implicit(**sampled),
        "categorical": Categorical(**sizes, atoms=201),
        "MMD": Generative(**generative, distance="mmd"),
        "MMD-Sobolev": Generative(**generative, distance="mmd", gradient="action"),
        "MSMMD-Sobolev": Generative(**generative, distance="msmmd", gradient="action"),
        "MSMMD-Sobolev, late": Generative(**generative, distance="msmmd", gradient="action", noise="late"),
    }


def numbers() -> Any:
    """The losses' numbers."""
    import jax
    import jax.numpy as jnp

    from dstjax.config import Hyper

    hyper = Hyper(support_low=SUPPORT[0], support_size=SUPPORT[1], huber_threshold=THRESHOLD)
    return jax.tree.map(jnp.float32, hyper)


def train(args: Args, probe: Any, kind: Any, seed: Any = 0) -> Any:
    """Parameters of a critic fitted to a problem; traceable in the seed."""
    import jax
    import jax.numpy as jnp
    import optax

    from dstjax.agent.critics import Backup
    from dstjax.nets import bind

    sizes, hyper = (probe.obs_size, probe.action_size), numbers()
    optimizer = optax.adam(optax.cosine_decay_schedule(3e-3, args.updates))

    def loss(params: Any, target_params: Any, key: Array) -> Array:
        *box_keys, noise_key, latent_key, loss_key = jax.random.split(key, 5)
        obs, action = (
            jax.random.uniform(k, (size,), minval=-bound, maxval=bound)
            for k, size, bound in zip(box_keys, sizes, FITTED, strict=True)
        )
        noise = jax.random.normal(noise_key, (kind.num_latents, probe.noise_size))
        backup = Backup(
            model_fn=probe.step, policy_fn=probe.policy, obs=obs, action=action, noise=noise, terminated=0.0,
            discount=probe.discount,
        )  # fmt: skip
        target = kind.target([bind(kind.network, target_params)], backup, kind.latents(latent_key), hyper)
        target = jax.lax.stop_gradient(target)
        return kind.loss(bind(kind.network, params), obs, action, target, hyper, loss_key)[0]

    def update(carry: Any, key: Array) -> tuple[Any, None]:
        params, target_params, state = carry
        keys = jax.random.split(key, args.batch)
        grads = jax.grad(lambda p: jax.vmap(lambda k: loss(p, target_params, k))(keys).mean())(params)
        change, state = optimizer.update(grads, state)
        params = optax.apply_updates(params, change)
        return (params, optax.incremental_update(params, target_params, 0.02), state), None

    init_key, train_key = jax.random.split(jax.random.key(seed))
    params = kind.network.init(init_key, *map(jnp.zeros, sizes), kind.latents(init_key)[0])
    keys = jax.random.split(train_key, args.updates)
    return jax.lax.scan(update, (params, params, optimizer.init(params)), keys)[0][1]


def law(kind: Any, params: Any, obs: Array, action: Array, key: Array) -> SobolevSamples:
    """Samples of a critic's law of return and action gradient.

    A critic of probabilities has no gradient of a single return: each of its returns is given that of the mean.
    """
    import jax
    import jax.numpy as jnp

    from dstjax.agent.critics import Categorical
    from dstjax.math import sobolev_samples
    from dstjax.nets import bind

    net, latents = bind(kind.network, params), kind.latents(key, (50,))
    if isinstance(kind, Categorical):
        slope = jax.grad(lambda a: kind.mean(net, obs, a, latents[0], numbers()))(action)
        atoms = kind.samples(net, obs, action, latents[0], numbers())
        return dataclasses.replace(atoms, daction=jnp.broadcast_to(slope, (atoms.value.size, slope.size)))
    return sobolev_samples(net, obs, action, latents.reshape(50 * kind.num_latents, latents.shape[-1]))


def compare(args: Args, probe: Any, kind: Any) -> tuple[dict[str, np.ndarray], Any, Any]:
    """The audit of each seed's fit; samples of the first fit and truth at the first state and action."""
    return audit_fits(probe, kind, fit(args, probe, kind))


def fit(args: Args, probe: Any, kind: Any) -> Any:
    """Parameters of a fit per seed, every leaf `[seeds, ...]`."""
    import jax
    import jax.numpy as jnp

    return jax.jit(jax.vmap(lambda seed: train(args, probe, kind, seed)))(jnp.arange(args.seeds))


def audit_fits(probe: Any, kind: Any, params: Any) -> tuple[dict[str, np.ndarray], Any, Any]:
    """The audit of each fit, averaged over states and actions; samples of the first fit and truth at the first.

    Averages are medians: where the true mean gradient is near zero, its relative error means little.
    """
    import jax
    import jax.numpy as jnp

    from dstjax.envs.probe import truth
    from dstjax.math import audit

    def one(params: Any, obs: Array, action: Array, key: Array) -> tuple[Any, Any, Any]:
        latent_key, truth_key = jax.random.split(key)
        samples = law(kind, params, obs, action, latent_key)
        true = truth(probe, obs, action, truth_key, num_samples=1000)
        return audit(samples, true), samples, true

    rng = np.random.default_rng(0)
    obs, action = (
        jnp.asarray(rng.uniform(-bound, bound, (24, size)), jnp.float32)
        for size, bound in zip((probe.obs_size, probe.action_size), AUDITED, strict=True)
    )
    keys = jax.random.split(jax.random.key(1), 24)
    over_points = jax.vmap(one, (None, 0, 0, 0))
    found, samples, true = jax.jit(jax.vmap(over_points, (0, None, None, None)))(params, obs, action, keys)
    averages = {name: np.median(found[name], axis=1) for name in METRICS}
    averages["gradient_cosine"] = np.mean(found["gradient_cosine"], axis=1)
    samples, true = (jax.tree.map(lambda leaf: np.asarray(leaf[0, 0]), part) for part in (samples, true))
    return averages, samples, true


def draw(clouds: dict[str, dict[str, tuple[Any, Any]]], path: Path) -> None:
    """A row per problem, a column per critic: its samples over those of the truth."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = list(next(iter(clouds.values())))
    figure = Figure(figsize=(2.0 * len(columns), 2.1 * len(clouds)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(clouds), len(columns), sharex="row", sharey="row", squeeze=False)
    rng = np.random.default_rng(0)
    for axis, name in zip(axes[0], columns, strict=True):
        axis.set_title(name, fontsize=9)
    for row, (problem, by_fit) in zip(axes, clouds.items(), strict=True):
        for axis, (samples, true) in zip(row, by_fit.values(), strict=True):
            drawn = rng.choice(len(samples.value), 500, p=samples.weight)
            size = 2 if np.ptp(samples.value) > 0 else 9
            axis.plot(true.value, true.daction[:, 0], ".", color="0.75", markersize=2)
            axis.plot(samples.value[drawn], samples.daction[drawn, 0], ".", color="#D55E00", markersize=size)
        row[0].set_ylabel(f"{problem.replace('_', ' ')}\n" + r"$\partial_a G$", fontsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("$G$", fontsize=8)
    figure.suptitle("True joint law at one state and action (grey) and each critic's samples (orange)", fontsize=10)
    figure.savefig(path, dpi=130)


def main(args: Args) -> None:
    """Fit, compare, draw and write the table."""
    start_backend()
    from dstjax.envs.probe import PROBES

    about = describe()
    device = f"{about['device']['kind']} ({about['device']['platform']}), jax {about['versions']['jax']}"
    lines = [
        "# Critic audit",
        "",
        f"`python -m experiments.critic_audit` on {device}: {args.updates} updates, batch {args.batch}, N = "
        f"{args.samples}, width {args.width}.",
        f"Means over {args.seeds} seeds (half their range) of medians over 24 states and actions (the cosine: of "
        "means).",
        "Energies are relative to the return's deviation.",
        "",
        "| problem | critic | " + " | ".join(name.replace("_", " ") for name in METRICS) + " |",
        "|---|---|" + "---:|" * len(METRICS),
    ]
    print("\n".join(lines), flush=True)
    clouds: dict[str, dict[str, tuple[Any, Any]]] = {problem: {} for problem in PROBES}
    for problem, probe in PROBES.items():
        for name, kind in kinds(args).items():
            found, samples, true = compare(args, probe, kind)
            clouds[problem][name] = samples, true
            cells = [f"{found[metric].mean():.3f} ({np.ptp(found[metric]) / 2:.3f})" for metric in METRICS]
            lines.append(f"| {problem} | {name} | " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw(clouds, args.out.with_suffix(".png"))
    args.out.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print(f"figure: {args.out.with_suffix('.png')}")


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
