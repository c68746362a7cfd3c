"""The kinds of critic: what samples of the return are drawn from, how their Bellman target is made, the loss between.

A critic's network is a function `net(obs [S], action [A], latent [K])` with its parameters bound. One sample of the
return is its output at one latent, so that fresh latents are fresh samples. Nothing here knows the agent, the replay or
the world models: a kind is built from sizes, and takes functions.
"""

from dstjax.agent.critics.categorical import Categorical
from dstjax.agent.critics.core import Critic, Net
from dstjax.agent.critics.generative import Generative
from dstjax.agent.critics.point import Point
from dstjax.agent.critics.quantile import Implicit, Quantile

__all__ = ["Categorical", "Critic", "Generative", "Implicit", "Net", "Point", "Quantile"]
