"""A small population with the interface of the real one: a few numbers per member, compiled in a moment."""

import dataclasses
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.population import Members


@flax.struct.dataclass
class FakeState:
    weight: jax.Array
    key: jax.Array
    step: jax.Array


def _chunk(state, steps):
    keys = jax.vmap(jax.random.split)(state.key)
    noise = jax.vmap(jax.random.normal)(keys[:, 1])
    return FakeState(jnp.sin(1.7 * state.weight) + 0.3 * noise, keys[:, 0], state.step + steps)


@dataclasses.dataclass
class FakePopulation:
    """Chaotic in its state, so that a resumed run that lost anything gives other numbers."""

    config: Config
    members: Members
    before_chunk: Any = None
    bytes: int = 1000
    chunks: int = 0

    def __post_init__(self):
        self._chunk = jax.jit(_chunk, donate_argnums=0)

    def memory_bytes(self):
        return self.bytes

    def init(self):
        weight = jnp.asarray(self.members.seeds, jnp.float32) + jnp.asarray(self.members.hyper.noise.obs_scale)
        keys = jax.vmap(jax.random.key)(jnp.asarray(self.members.seeds))
        return FakeState(weight, keys, jnp.zeros((), jnp.int32))

    def split(self, size):
        if size >= len(self.members):
            return [self]
        blocks = [self.members[i : i + size] for i in range(0, len(self.members), size)]
        return [dataclasses.replace(self, members=block, bytes=self.bytes) for block in blocks]

    def snapshot(self, state):
        return jax.tree.map(np.array, state.replace(key=jax.random.key_data(state.key)))

    def restore(self, snapshot):
        state = jax.tree.map(jnp.array, snapshot)
        return state.replace(key=jax.random.wrap_key_data(state.key))

    def abstract_snapshot(self):
        return self.snapshot(self.init())

    def run_chunk(self, state):
        if self.before_chunk is not None:
            self.before_chunk(self)
        self.chunks += 1
        state = self._chunk(state, self.config.chunk_steps)
        weight = np.asarray(state.weight)
        return state, {"eval/return": weight, "train/return": np.where(weight > 0, weight, np.nan)}


def fake_builder(before_chunk=None, bytes=1000):
    """A `build` for `runner.train`; the programs it made are in its list `made`."""

    def build(plan: Plan):
        members = plan.members()
        build.made = [FakePopulation(config, members, before_chunk, bytes) for config in plan.programs()]
        return build.made

    return build
