"""The agent: losses, updates, collection and training of one member, as pure functions over pytrees."""

from dstjax.agent.core import Agent, Learner, Networks, TrainState
from dstjax.agent.rollout import evaluate
from dstjax.agent.train import init, train_chunk

__all__ = ["Agent", "Learner", "Networks", "TrainState", "evaluate", "init", "train_chunk"]
