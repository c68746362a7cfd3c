"""The critic audit: `python -m experiments.critic_audit`.

Fits each critic to each problem of known Sobolev return by policy evaluation with the problem's own model, and compares
its samples with the true joint law of return and action gradient at 24 states and actions that the fit did not choose.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from dstjax.backend import start_backend
from dstjax.types import Array, SobolevSamples

FITTED, AUDITED = (2.5, 1.5), (1.0, 1.0)
"""Bounds of observations and actions: wider for the fit, so that no audited return leaves what it has covered."""
METRICS = ("joint_energy", "return_energy", "gradient_error", "gradient_cosine", "calibration")


@dataclasses.dataclass(frozen=True)
class Args:
    """Sizes of the fits, and where to write."""

    out: Path = Path("results/critic-audit")
    """Written are `<out>.png` and `<out>.md`."""
    updates: int = 3000
    """Critic updates per fit."""
    batch: int = 64
    """Transitions per update."""
    samples: int = 10
    """Samples of the return per transition, N."""
    width: int = 64
    """Hidden units per layer."""


@dataclasses.dataclass(frozen=True)
class Fit:
    """A critic and its loss: `(prediction, target, latents, start direction) -> []` on one transition."""

    latents: str
    """`none` for a point critic, `normal`, or `uniform` for quantile levels."""
    loss: Callable[..., Array]


def _features(*samples: SobolevSamples) -> tuple[Array, ...]:
    from dstjax.math import concat

    return tuple(concat(s, 1.0) for s in samples)


def _point(prediction: SobolevSamples, target: SobolevSamples, latents: Array, key: Array) -> Array:
    from dstjax.math import huber

    return huber(target.value - prediction.value).mean()


def _point_gradient(prediction: SobolevSamples, target: SobolevSamples, latents: Array, key: Array) -> Array:
    from dstjax.math import mage_loss

    return mage_loss(prediction, target, 1.0, 1.0)


def _regression(prediction: SobolevSamples, target: SobolevSamples, latents: Array, key: Array) -> Array:
    from dstjax.math import sobolev_regression

    return sobolev_regression(prediction, target, 1.0)


def _iqn(prediction: SobolevSamples, target: SobolevSamples, latents: Array, key: Array) -> Array:
    from dstjax.math import quantile_huber

    return quantile_huber(prediction.value, latents[:, 0], target.value, 0.1)


def _mmd(prediction: SobolevSamples, target: SobolevSamples, latents: Array, key: Array) -> Array:
    from dstjax.math import mmd2, multiquadric

    return mmd2(prediction.value[:, None], target.value[:, None], multiquadric(100.0))


def _mmd_sobolev(prediction: SobolevSamples, target: SobolevSamples, latents: Array, key: Array) -> Array:
    from dstjax.math import mmd2, multiquadric

    x, y = _features(prediction, target)
    return mmd2(x, y, multiquadric(100.0))


def _msmmd_sobolev(
    prediction: SobolevSamples, target: SobolevSamples, latents: Array, key: Array, *, unbiased: bool = False
) -> Array:
    from dstjax.math import mean_direction, msmmd2, multiquadric

    x, y = _features(prediction, target)
    start = mean_direction(x, y, key)
    return msmmd2(x, y, start, 0.3, multiquadric(100.0), num_steps=3, unbiased=unbiased)[0]


FITS = {
    "point, Huber": Fit("none", _point),
    "point, MAGE": Fit("none", _point_gradient),
    "point, squared": Fit("none", _regression),
    "IQN": Fit("uniform", _iqn),
    "MMD": Fit("normal", _mmd),
    "MMD-Sobolev": Fit("normal", _mmd_sobolev),
    "MSMMD-Sobolev": Fit("normal", _msmmd_sobolev),
    "MSMMD-Sobolev, U": Fit("normal", partial(_msmmd_sobolev, unbiased=True)),
}


def latents_of(fit: Fit, key: Array, num: int) -> Array:
    """Critic noise `[num, K]`; one row without entries for a point critic."""
    import jax
    import jax.numpy as jnp

    if fit.latents == "none":
        return jnp.zeros((1, 0))
    if fit.latents == "uniform":
        return jax.random.uniform(key, (num, 1))
    return jax.random.normal(key, (num, 4))


def train(args: Args, probe: Any, fit: Fit) -> tuple[Callable[..., Array], Any]:
    """The fitted critic as `value(params, obs, action, latent)` and its parameters."""
    import jax
    import jax.numpy as jnp
    import optax

    from dstjax.math import sobolev_samples, sobolev_target
    from dstjax.nets import Critic

    critic = Critic(args.width, 2)

    def value(params: Any, *inputs: Array) -> Array:
        return jnp.asarray(critic.apply(params, *inputs))

    inputs = (jnp.zeros(probe.obs_size), jnp.zeros(probe.action_size))
    optimizer = optax.adam(optax.cosine_decay_schedule(3e-3, args.updates))

    def loss_of(params: Any, target_params: Any, key: Array) -> Array:
        keys = jax.random.split(key, 6)
        obs, action = (
            jax.random.uniform(k, x.shape, minval=-bound, maxval=bound)
            for k, x, bound in zip(keys[:2], inputs, FITTED, strict=True)
        )
        latents = latents_of(fit, keys[2], args.samples)
        prediction = sobolev_samples(lambda *x: value(params, *x), obs, action, latents)
        next_latents = latents_of(fit, keys[3], args.samples)
        noise = jax.random.normal(keys[4], (next_latents.shape[0], probe.noise_size))
        target = sobolev_target(
            probe.step, probe.policy, lambda *x: value(target_params, *x), obs, action, noise, next_latents,
            probe.discount, 0.0,
        )  # fmt: skip
        return fit.loss(prediction, target, latents, keys[5])

    def update(carry: Any, key: Array) -> tuple[Any, None]:
        params, target_params, state = carry
        gradient = jax.grad(
            lambda p: jax.vmap(lambda k: loss_of(p, target_params, k))(jax.random.split(key, args.batch)).mean()
        )(params)
        change, state = optimizer.update(gradient, state)
        params = optax.apply_updates(params, change)
        target_params = jax.tree.map(lambda old, new: 0.98 * old + 0.02 * new, target_params, params)
        return (params, target_params, state), None

    init_key, train_key = jax.random.split(jax.random.key(0))
    params = critic.init(init_key, *inputs, latents_of(fit, init_key, 1)[0])
    keys = jax.random.split(train_key, args.updates)
    run = jax.jit(lambda carry, keys: jax.lax.scan(update, carry, keys)[0])
    return value, run((params, params, optimizer.init(params)), keys)[1]


def compare(probe: Any, fit: Fit, value: Callable[..., Array], params: Any) -> tuple[dict[str, float], Any, Any]:
    """The audit, averaged over states and actions; and samples of critic and truth at the first of them."""
    import jax
    import jax.numpy as jnp

    from dstjax.envs.probe import truth
    from dstjax.math import audit, sobolev_samples

    def one(obs: Array, action: Array, key: Array) -> tuple[Any, Any, Any]:
        latent_key, truth_key = jax.random.split(key)
        samples = sobolev_samples(lambda *x: value(params, *x), obs, action, latents_of(fit, latent_key, 500))
        true = truth(probe, obs, action, truth_key, num_samples=1000)
        return audit(samples, true), samples, true

    rng = np.random.default_rng(0)
    obs, action = (
        jnp.asarray(rng.uniform(-bound, bound, (24, size)), jnp.float32)
        for size, bound in zip((probe.obs_size, probe.action_size), AUDITED, strict=True)
    )
    found, samples, true = jax.jit(jax.vmap(one))(obs, action, jax.random.split(jax.random.key(1), 24))
    # Medians: where the true mean gradient is near zero, its relative error means little.
    averages = {name: float(np.median(found[name])) for name in METRICS}
    averages["gradient_cosine"] = float(np.mean(found["gradient_cosine"]))
    samples, true = (jax.tree.map(lambda leaf: np.asarray(leaf[0]), part) for part in (samples, true))
    return averages, samples, true


def draw(clouds: dict[str, dict[str, tuple[Any, Any]]], path: Path) -> None:
    """A row per problem, a column per critic: its samples over those of the truth."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.2 * len(FITS), 2.1 * len(clouds)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(clouds), len(FITS), sharex="row", sharey="row")
    for row, (problem, by_fit) in zip(axes, clouds.items(), strict=True):
        for axis, (name, (samples, true)) in zip(row, by_fit.items(), strict=True):
            axis.plot(true.value, true.daction[:, 0], ".", color="0.75", markersize=2)
            axis.plot(
                samples.value,
                samples.daction[:, 0],
                ".",
                color="#D55E00",
                markersize=2 if len(samples.value) > 1 else 9,
            )
            axis.set_title(name if row is axes[0] else "", fontsize=9)
        row[0].set_ylabel(f"{problem.replace('_', ' ')}\n" + r"$\partial_a G$", fontsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("$G$", fontsize=8)
    figure.suptitle("True joint law at one state and action (grey) and each critic's samples (orange)", fontsize=10)
    figure.savefig(path, dpi=130)


def main(args: Args) -> None:
    """Fit, compare, draw and write the table."""
    start_backend()
    from dstjax.envs.probe import PROBES

    rows = ["| problem | critic | " + " | ".join(name.replace("_", " ") for name in METRICS) + " |"]
    rows.append("|---|---|" + "---:|" * len(METRICS))
    print("\n".join(rows), flush=True)
    clouds: dict[str, dict[str, tuple[Any, Any]]] = {}
    for problem, probe in PROBES.items():
        clouds[problem] = {}
        for name, fit in FITS.items():
            found, samples, true = compare(probe, fit, *train(args, probe, fit))
            clouds[problem][name] = samples, true
            rows.append(f"| {problem} | {name} | " + " | ".join(f"{found[metric]:.3f}" for metric in METRICS) + " |")
            print(rows[-1], flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw(clouds, args.out.with_suffix(".png"))
    head = (
        "# Critic audit\n\n"
        f"`python -m experiments.critic_audit`: {args.updates} updates, batch {args.batch}, N = {args.samples}, width "
        f"{args.width}, one seed; medians over 24 states and actions (the cosine: mean). "
        "Energies are relative to the return's deviation.\n\n"
    )
    args.out.with_suffix(".md").write_text(head + "\n".join(rows) + "\n")
    print(f"figure: {args.out.with_suffix('.png')}")


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
