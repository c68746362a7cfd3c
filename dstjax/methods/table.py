"""The methods of the comparison, each one row of a table: all run through the same networks, replay and updates."""

import dataclasses
from typing import Any, Literal

from dstjax.errors import unknown_name
from dstjax.fields import Config


@dataclasses.dataclass(frozen=True)
class Method:
    """What tells one method from another. The fields of `OPTIONS` can be changed by the option of their name.

    Attributes:
      summary: a line for listings.
      source: the publication.
      critic: `point` gives one value, `generative` a sample of the return for each draw of its noise, `quantile` and
        `implicit` quantiles at fixed and at sampled levels, `categorical` probabilities of fixed returns.
      smoothing: of the target policy; `clipped` is TD3's.
      actor: what the actor ascends: the first `critic`'s mean, the `minimum` of both, or the `model`'s reward plus the
        value of its next state.
      pessimism: the rule against over-estimation: `minimum` keeps the target samples of the critic of smaller mean,
        `truncation` drops the largest of both critics' pooled ones. Of one critic the first keeps all.
      distance: of generative critics, between their samples and the target's.
      gradient: whether samples carry the return's gradient in the action, or (`complete`) in the observation as well.
      model: world model; None has none.
      successor: what targets start from: samples of the `model`, or the `real` next observation and reward, to which a
        gradient term adds the model's Jacobian. Without a model it is real.
      model_noise: noise of the model's samples: from the `prior`, or the `posterior` given the real transition.
      critic_action: at which critic and target are compared: the `replayed` one or the current `policy`'s.
      critics: how many, 1 or 2.
      n_step: real steps before the target bootstraps.
    """

    summary: str
    source: str
    critic: Literal["point", "generative", "quantile", "implicit", "categorical"]
    smoothing: Literal["none", "clipped"] = "none"
    actor: Literal["critic", "minimum", "model"] = "critic"
    pessimism: Literal["minimum", "truncation"] = "minimum"
    distance: Literal["msmmd", "sliced", "mmd"] = "msmmd"
    gradient: Literal["none", "action", "complete"] = "none"
    model: str | None = None
    successor: Literal["model", "real"] = "model"
    model_noise: Literal["prior", "posterior"] = "prior"
    critic_action: Literal["replayed", "policy"] = "replayed"
    critics: int = 2
    n_step: int = 1

    @property
    def uses_samples(self) -> bool:
        """Whether targets start from samples of the model."""
        return self.model is not None and self.successor == "model"

    def drop(self, config: Config) -> int | None:
        """How many of the pooled target samples truncation drops; None keeps the critic of smaller mean."""
        pooled = self.critics * config.num_samples
        return int(config.drop_share * pooled) if self.pessimism == "truncation" else None


METHODS: dict[str, Method] = {
    "dst": Method(
        summary="Distributional Sobolev Training: joint law of return and action gradient, max-sliced MMD",
        source="Debes & Tuytelaars, ICLR 2026",
        pessimism="truncation",
        critic="generative",
        gradient="action",
        model="cvae",
    ),
    "dst-mmd": Method(
        summary="Distributional Sobolev Training with plain MMD",
        source="Debes & Tuytelaars, ICLR 2026",
        pessimism="truncation",
        critic="generative",
        distance="mmd",
        gradient="action",
        model="cvae",
    ),
    "dst-complete": Method(
        summary="Distributional Sobolev Training with gradients in action and observation",
        source="the open end of Debes & Tuytelaars, ICLR 2026",
        pessimism="truncation",
        critic="generative",
        gradient="complete",
        model="cvae",
    ),
    "mmd": Method(
        summary="distributional critic on returns alone, MMD",
        source="Nguyen-Tang et al., AAAI 2021",
        pessimism="truncation",
        critic="generative",
        distance="mmd",
    ),
    "iqn": Method(
        summary="implicit quantile critic, quantile Huber loss",
        source="Dabney et al., ICML 2018",
        critic="implicit",
    ),
    "qr": Method(
        summary="quantile critic at fixed levels, quantile Huber loss",
        source="Dabney et al., AAAI 2018",
        critic="quantile",
    ),
    "d4pg": Method(
        summary="categorical critic, cross-entropy to five-step targets",
        source="Barth-Maron et al., ICLR 2018, without prioritised replay",
        critic="categorical",
        critics=1,
        n_step=5,
    ),
    "td3": Method(
        summary="twin delayed deterministic policy gradient with a Huber loss",
        source="Fujimoto et al., ICML 2018",
        critic="point",
        smoothing="clipped",
    ),
    "mage": Method(
        summary="td3 with a Huber loss of the norm of the error's action gradient, through a model of the mean",
        source="D'Oro & Jaśkowski, NeurIPS 2020",
        critic="point",
        smoothing="clipped",
        actor="minimum",
        gradient="action",
        model="deterministic",
        critic_action="policy",
    ),
    "svg": Method(
        summary="SVG(1): actor gradient through the model, its noise inferred from the real transition",
        source="Heess et al., NeurIPS 2015, with td3's critics",
        critic="point",
        smoothing="clipped",
        actor="model",
        model="cvae",
        successor="real",
        model_noise="posterior",
    ),
}

OPTIONS = (
    "smoothing", "pessimism", "distance", "gradient", "model", "successor", "model_noise", "critic_action", "critics",
    "n_step",
)  # fmt: skip
"""Fields of a row that an option of the same name changes; `auto` and 0 leave them."""


def get(name: str) -> Method:
    """The row of a method.

    Args:
      name: of the method.

    Returns:
      The row.

    Raises:
      UserError: if there is none, naming the nearest.
    """
    if name not in METHODS:
        raise unknown_name("method", name, METHODS)
    return METHODS[name]


def resolve(config: Config) -> Method:
    """The row of a config's method, changed by its options.

    Args:
      config: names the method, and the fields of `OPTIONS` that differ from its row.

    Returns:
      The row that trains.

    Raises:
      UserError: if there is no such method.
    """
    changes: dict[str, Any] = {}
    for name in OPTIONS:
        value = getattr(config, name)
        if value not in ("auto", 0):
            changes[name] = None if (name, value) == ("model", "none") else value
    return dataclasses.replace(get(config.method), **changes)
