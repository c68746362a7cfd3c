"""Many members in one compiled program: `vmap`ped, and sharded over the devices."""

import dataclasses
import math
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from dstjax import envs, methods
from dstjax.agent import Agent, TrainState, evaluate, init, train_chunk
from dstjax.agent.health import NEVER
from dstjax.agent.replay import LAYOUTS
from dstjax.config import Config, Hyper
from dstjax.envs.draws import check_noise
from dstjax.errors import UserError, unknown_name
from dstjax.math.kernels import KERNELS
from dstjax.members import Members, flatten, grid
from dstjax.types import Array, Key, Metrics

__all__ = ["Members", "Population", "PopulationState", "flatten", "grid"]

AXIS = "population"


@flax.struct.dataclass
class PopulationState:
    """Everything a population needs to go on, as one pytree."""

    members: TrainState
    """Every leaf has a leading axis `[M]`, padded to a whole number of members per device."""
    step: Array
    """`[]` int32 environment steps done by each member."""


class Population:
    """One compiled program: one `Config` for many members.

    Members share no computation: each device runs its own members with no collective between them. Under one step
    count the warm-up branch and the replay's write position are the same for all. Where the devices do not divide the
    members, copies of the last member fill up; no metric and no snapshot shows them.

    Args:
      config: static structure.
      members: seeds and numbers.
      devices: to spread the members over, evenly; by default the local ones. Those that would shorten nothing are left.
      fill_to: fill up to at least so many members, so that populations of different size share one program.

    Raises:
      UserError: on an invalid config.
    """

    def __init__(
        self, config: Config, members: Members, devices: Sequence[jax.Device] | None = None, *, fill_to: int = 0
    ) -> None:
        methods.check(config)
        if config.kernel not in KERNELS:
            raise unknown_name("kernel", config.kernel, KERNELS)
        if config.replay not in LAYOUTS:
            raise unknown_name("replay", config.replay, LAYOUTS)
        self.config = config
        self.members = members
        self.agent = Agent(config, envs.make(config.env, max_latency=config.max_latency))
        check_noise(self.agent.env, members.hyper.noise)
        available = list(jax.local_devices() if devices is None else devices)
        if not available:
            raise UserError("devices: none given; allowed: at least one")
        self._devices, wanted = available, max(len(members), fill_to)
        each = math.ceil(wanted / len(available))
        count = math.ceil(wanted / each)
        self._fill = each * count - len(members)
        self._mesh = Mesh(np.asarray(available[:count]), (AXIS,))
        self._hyper = self._put(jax.tree.map(self._pad, members.hyper), P(AXIS))

    def split(self, size: int) -> list["Population"]:
        """Lanes: populations of `size` members at most that share one compiled program, to be trained in turn."""
        if size >= len(self.members):
            return [self]
        blocks = [self.members[start : start + size] for start in range(0, len(self.members), size)]
        return [Population(self.config, block, self._devices, fill_to=size) for block in blocks]

    def _pad(self, rows: np.ndarray) -> np.ndarray:
        """`[M, ...]` with the last row repeated up to a whole number of members per device."""
        return np.concatenate([rows, np.repeat(rows[-1:], self._fill, axis=0)]) if self._fill else rows

    def _put(self, tree: Any, spec: P) -> Any:
        # Never an alias of the host's array: the state is donated, and its memory written over.
        return jax.device_put(tree, NamedSharding(self._mesh, spec), may_alias=False)

    def _keys(self) -> Key:
        return jax.vmap(jax.random.key)(jnp.asarray(self._pad(self.members.seeds)))

    def init(self) -> PopulationState:
        """Fresh members, each from the key of its seed."""
        step = self._put(jnp.zeros((), jnp.int32), P())
        keys = self._put(self._keys(), P(AXIS))
        return PopulationState(_programs(self.agent, self._mesh).init(keys, self._hyper), step)

    def abstract_state(self) -> PopulationState:
        """Shapes, types and shardings of the state; allocates nothing."""
        members = jax.eval_shape(jax.vmap(partial(init, self.agent)), self._keys(), self._hyper)

        def place(leaf: Any, spec: P) -> Any:
            return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=NamedSharding(self._mesh, spec))

        step = place(jax.ShapeDtypeStruct((), jnp.int32), P())
        return PopulationState(jax.tree.map(lambda leaf: place(leaf, P(AXIS)), members), step)

    def memory_bytes(self) -> int:
        """Bytes of the state (replay, networks, optimizers, environments), from shapes alone."""
        return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(self.abstract_state()))

    def run_chunk(self, state: PopulationState) -> tuple[PopulationState, dict[str, np.ndarray]]:
        """Train for `chunk_steps` environment steps, then evaluate.

        Args:
          state: donated; use the returned one.

        Returns:
          The new state, and metrics `[M]` on the host. `train/frozen_step` is the step at which a member diverged and
          was frozen, NaN for the others; a frozen member's policy is still evaluated, as it was last.
        """
        programs = _programs(self.agent, self._mesh)
        members, metrics = programs.train(state.members, self._hyper, state.step)
        step = self._put(state.step + self.config.chunk_steps, P())
        evaluation = programs.evaluate(members, self._hyper, step)
        metrics |= {f"eval/{name}": value for name, value in evaluation.items()}
        host = jax.device_get({**metrics, "train/frozen_step": members.frozen_step})
        frozen = host["train/frozen_step"]
        host["train/frozen_step"] = np.where(frozen == NEVER, np.nan, frozen)
        return PopulationState(members, step), {name: value[: len(self.members)] for name, value in host.items()}

    def snapshot(self, state: PopulationState) -> Any:
        """The state as NumPy arrays `[M]` that share no memory with it and do not depend on the devices.

        Args:
          state: of this population.

        Returns:
          A pytree of the state's structure; keys are their data.
        """
        return jax.tree.map(self._fetch, state)

    def _fetch(self, leaf: Array) -> np.ndarray:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        if leaf.ndim == 0:
            return np.array(leaf)
        copy = np.empty((len(self.members), *leaf.shape[1:]), leaf.dtype)
        for shard in leaf.addressable_shards:  # One at a time: a gathered array would be kept beside the copy.
            target = copy[shard.index]
            target[...] = np.asarray(shard.data)[: len(target)]
        return copy

    def restore(self, snapshot: Any) -> PopulationState:
        """The state of a snapshot, on this population's devices.

        Args:
          snapshot: of a population of the same config and members, on whichever devices.

        Returns:
          A state equal to the one it was taken of, bit for bit.
        """

        def place(leaf: np.ndarray, like: Any) -> Array:
            array = self._put(self._pad(leaf) if leaf.ndim else leaf, like.sharding.spec)
            is_key = jnp.issubdtype(like.dtype, jax.dtypes.prng_key)
            return jax.random.wrap_key_data(array) if is_key else array

        return jax.tree.map(place, snapshot, self.abstract_state())

    def abstract_snapshot(self) -> Any:
        """Shapes and types of a snapshot: arrays that take no memory."""

        def describe(leaf: Any) -> np.ndarray:
            if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
                leaf = jax.eval_shape(jax.random.key_data, leaf)
            shape = (len(self.members), *leaf.shape[1:]) if leaf.shape else ()
            return np.broadcast_to(np.zeros((), leaf.dtype), shape)

        return jax.tree.map(describe, self.abstract_state())


@dataclasses.dataclass(frozen=True)
class _Programs:
    """The jitted functions of an agent on a mesh."""

    init: Any
    train: Any
    evaluate: Any


@lru_cache(maxsize=16)
def _programs(agent: Agent, mesh: Mesh) -> _Programs:
    """Compiled once for all populations of one agent: lanes of a large population share it."""
    return _Programs(
        init=_compile(partial(init, agent), mesh, (P(AXIS), P(AXIS))),
        train=_compile(partial(train_chunk, agent), mesh, (P(AXIS), P(AXIS), P()), donate=True),
        evaluate=_compile(partial(_evaluate_member, agent), mesh, (P(AXIS), P(AXIS), P())),
    )


def _compile(function: Any, mesh: Mesh, specs: tuple[P, ...], donate: bool = False) -> Any:
    """`jit(shard_map(vmap(function)))`: arguments whose spec is `P()` are one for all members."""
    lanes = jax.vmap(function, in_axes=tuple(0 if spec else None for spec in specs))
    sharded = jax.shard_map(lanes, mesh=mesh, in_specs=specs, out_specs=P(AXIS), check_vma=False)
    # Said and not left to the compiler, which gives arrays of no size and those on one device back as replicated: so
    # the state has the shardings of `abstract_state` after every chunk.
    return jax.jit(sharded, donate_argnums=(0,) if donate else (), out_shardings=NamedSharding(mesh, P(AXIS)))


def _evaluate_member(agent: Agent, state: TrainState, hyper: Hyper, step: Array) -> Metrics:
    learner, key = state.learner, jax.random.fold_in(state.key, step)
    return evaluate(
        agent, learner.params.actor, learner.stats.obs, hyper.noise, key, episodes=agent.config.eval_episodes
    )
