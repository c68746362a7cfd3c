"""What a config must satisfy as a whole: every field's domain, and the fields that limit each other."""

from collections.abc import Iterable, Sequence

from dstjax.errors import UserError
from dstjax.fields import Config, check_fields
from dstjax.methods.table import Method, resolve


def ticks_per_cycle(config: Config) -> int:
    """Environment ticks after which a whole number of actor updates has been done.

    Args:
      config: gives `utd` and `policy_delay`.

    Returns:
      The smallest such number of ticks.
    """
    ticks = 1
    while (ticks * config.utd) % config.policy_delay:
        ticks += 1
    return ticks


def steps_per_cycle(config: Config) -> int:
    """Environment steps of one member per cycle of the training scan.

    Args:
      config: static structure.

    Returns:
      Ticks per cycle times parallel environments.
    """
    return ticks_per_cycle(config) * config.num_envs


def check(config: Config) -> None:
    """Check a config as a whole: every field's domain, and the fields that limit each other.

    Args:
      config: to check.

    Raises:
      UserError: naming the field, its value and what is allowed.
    """
    check_fields(config)
    method = resolve(config)
    _check_combination(config, method)
    _check_samples(config, method)
    cycle = steps_per_cycle(config)
    for name in ("chunk_steps", "warmup_steps"):
        if getattr(config, name) % cycle:
            raise UserError(
                f"{name}: {getattr(config, name)} is not allowed; allowed: multiples of {cycle} "
                f"(num_envs={config.num_envs}, utd={config.utd}, policy_delay={config.policy_delay})"
            )
    if config.steps % config.chunk_steps:
        raise UserError(
            f"steps: {config.steps} is not allowed; allowed: multiples of chunk_steps = {config.chunk_steps}"
        )


def idle_numbers(config: Config) -> frozenset[str]:
    """Numbers without effect on a program.

    Args:
      config: of the program.

    Returns:
      Names of numbers of `Hyper`, noises aside.
    """
    method = resolve(config)
    generative, gradient = method.critic == "generative", method.gradient != "none"
    acts = {
        "smoothing_std": method.smoothing != "none",
        "smoothing_clip": method.smoothing != "none",
        "bandwidth": generative and config.kernel != "energy",
        "ascent_step": generative and method.distance == "msmmd" and config.ascent_steps > 0,
        "gradient_weight": gradient,
        "dobs_weight": method.gradient == "complete",
        "huber_threshold": method.critic in ("quantile", "implicit") or (method.critic == "point" and not gradient),
        "support_low": method.critic == "categorical",
        "support_size": method.critic == "categorical",
        "model_lr": method.model not in (None, "physics"),
        "kl_weight": method.model in ("cvae", "hybrid"),
    }
    return frozenset(name for name, has_effect in acts.items() if not has_effect)


def check_axes(programs: Sequence[Config], axes: Iterable[str]) -> None:
    """Refuse an axis along which no program has members that differ.

    Args:
      programs: of a run.
      axes: names of the numbers that have several values.

    Raises:
      UserError: naming the number.
    """
    idle = frozenset.intersection(*map(idle_numbers, programs))
    for name in axes:
        if name in idle:
            names = ", ".join(config.method for config in programs)
            raise UserError(
                f"{name}: several values are not allowed with {names}, where it acts on nothing; allowed: one"
            )


def _check_combination(config: Config, method: Method) -> None:
    """Refuse what cannot work together, naming the option, why, and what to choose instead."""
    name, gradient = config.method, method.gradient != "none"
    impossible = {
        "pessimism": (
            config.pessimism != "auto" and method.critic in ("point", "categorical"),
            f"{name} keeps its source's rule; choose a method that samples returns, such as dst",
        ),
        "distance": (
            config.distance != "auto" and method.critic != "generative",
            f"{name}'s critic has a loss of its own; choose method dst, dst-mmd, dst-complete or mmd",
        ),
        "gradient": (
            (gradient and method.critic not in ("point", "generative"))
            or (method.gradient == "complete" and method.critic == "point"),
            f"{name}'s loss has no such term; choose gradient none, or method dst, dst-complete or mage",
        ),
        "model": (
            method.model is None and (gradient or method.actor == "model"),
            "it differentiates a model; choose model cvae"
            + (", or gradient none" if gradient and method.actor != "model" else ""),
        ),
        "successor": (
            method.model is None and config.successor == "model",
            f"{name} has no model; choose a model such as cvae, or successor real",
        ),
        "critic_action": (
            method.critic_action == "policy" and not method.uses_samples,
            "only a model knows what another action leads to; choose critic_action replayed, or a model and successor "
            "model",
        ),
        "model_noise": (
            method.model_noise == "posterior" and (method.model is None or method.critic_action == "policy"),
            "the posterior belongs to a model and to the replayed action; choose model_noise prior",
        ),
        "n_step": (
            method.n_step > 1 and (method.uses_samples or gradient),
            f"{name}'s targets start from one step of a model; choose n_step 1, or a method without gradient term "
            "and successor real",
        ),
    }  # fmt: skip
    for field, (refused, reason) in impossible.items():
        if refused:
            field = _asked_for(config, field)
            value = getattr(method, field)
            raise UserError(f"{field}: {'none' if value is None else value} is not allowed with {name}: {reason}")


def _asked_for(config: Config, field: str) -> str:
    """The option that makes a field impossible: where the field itself was left to the method, the one that was not."""
    behind = {"model": "gradient", "critic_action": "successor"}.get(field, field)
    return behind if getattr(config, field) == "auto" != getattr(config, behind) else field


def _check_samples(config: Config, method: Method) -> None:
    """Check that there are samples enough for the loss, and that truncation leaves them."""
    least = {"generative": 2, "quantile": 1, "implicit": 1}.get(method.critic, 0)
    if config.num_samples < least:
        raise UserError(f"num_samples: {config.num_samples} is not allowed; allowed: at least {least}")
    drop, most = method.drop(config), method.critics * config.num_samples - least
    if drop is not None and drop > most:
        raise UserError(
            f"drop_share: {config.drop_share} of {method.critics} * {config.num_samples} samples is not allowed; "
            f"allowed: what leaves {least}, below {(most + 1) / (most + least):.3g}"
        )
