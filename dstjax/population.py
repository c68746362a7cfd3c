"""Many members in one compiled program: a grid of seeds and numbers, `vmap`ped and sharded over the devices."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from dstjax import envs, methods
from dstjax.agent import Agent, TrainState, evaluate, init, train_chunk
from dstjax.config import Config, Hyper, check_fields
from dstjax.envs.noise import check_noise
from dstjax.errors import UserError, unknown_name
from dstjax.math.kernels import KERNELS
from dstjax.types import Array, Key, Metrics

AXIS = "population"


@dataclasses.dataclass(frozen=True)
class Members:
    """Who trains: for each member its seed and its numbers.

    Attributes:
      hyper: every leaf a float32 NumPy array `[M]`.
      seeds: `[M]` integers.
    """

    hyper: Hyper
    seeds: np.ndarray

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, block: slice) -> "Members":
        return Members(jax.tree.map(lambda leaf: leaf[block], self.hyper), self.seeds[block])

    def rows(self) -> list[dict[str, float]]:
        """One dictionary per member: its index, its seed and every number by dotted name."""
        leaves = flatten(self.hyper)
        return [
            {
                "member": i,
                "seed": int(self.seeds[i]),
                **{name: float(f"{leaf[i]:.7g}") for name, leaf in leaves.items()},
            }
            for i in range(len(self))
        ]


def flatten(hyper: Hyper) -> dict[str, Any]:
    """The leaves of a `Hyper` by dotted name, such as `noise.obs_scale`.

    Args:
      hyper: of any leaves.

    Returns:
      Name to leaf, in the order of declaration.
    """
    return {".".join(key.name for key in path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(hyper)}


def grid(
    hyper: Hyper, seeds: Sequence[int], axes: Mapping[str, Sequence[float]], *, zipped: Sequence[str] = ()
) -> Members:
    """The product of seeds and numeric axes.

    Args:
      hyper: the numbers that no axis varies.
      seeds: they vary fastest, and are shared by all cells of the grid, so that comparisons are paired.
      axes: values by dotted name of a `Hyper` leaf.
      zipped: names of axes of one length that vary together, as one axis of the product, which varies slowest.

    Returns:
      The members.

    Raises:
      UserError: on an unknown name, a value outside its domain, an empty axis or no seed.
    """
    defaults = flatten(hyper)
    for name, values in axes.items():
        if name not in defaults:
            raise unknown_name("axis", name, defaults)
        if len(values) == 0:
            raise UserError(f"{name}: no value; allowed: one or more numbers")
    if len(seeds) == 0:
        raise UserError("seeds: 0 is not allowed; allowed: at least 1")
    structure = jax.tree.structure(hyper)
    together = list(zip(*(axes[name] for name in zipped), strict=True)) if zipped else [()]
    apart = [name for name in axes if name not in zipped]
    cells = [
        {**defaults, **dict(zip(zipped, row, strict=True)), **dict(zip(apart, values, strict=True))}
        for row, values in itertools.product(together, itertools.product(*(axes[name] for name in apart)))
    ]
    for cell in cells:
        check_fields(jax.tree.unflatten(structure, list(cell.values())))
    columns = [np.repeat(np.asarray([cell[name] for cell in cells], np.float32), len(seeds)) for name in defaults]
    return Members(jax.tree.unflatten(structure, columns), np.tile(np.asarray(seeds), len(cells)))


@flax.struct.dataclass
class PopulationState:
    """Everything a population needs to go on; one pytree, so one checkpoint."""

    members: TrainState
    """Every leaf has a leading axis `[M]`."""
    step: Array
    """`[]` int32 environment steps done by each member."""


class Population:
    """One compiled program: one `Config` for many members.

    Members share no computation: each device runs its own members with no collective between them. Under one step count
    the warm-up branch and the replay's write position are the same for all.

    Args:
      config: static structure.
      members: seeds and numbers.
      devices: to spread the members over, evenly; by default as many of the local ones as divide their number.

    Raises:
      UserError: on an invalid config.
    """

    def __init__(self, config: Config, members: Members, devices: Sequence[jax.Device] | None = None) -> None:
        methods.check(config)
        if config.kernel not in KERNELS:
            raise unknown_name("kernel", config.kernel, KERNELS)
        self.config = config
        self.members = members
        self.agent = Agent(config, envs.make(config.env, max_latency=config.max_latency))
        check_noise(self.agent.env, members.hyper.noise)
        available = list(jax.local_devices() if devices is None else devices)
        count = math.gcd(len(members), len(available)) if devices is None else len(available)
        if len(members) % count:
            raise UserError(
                f"devices: {count} is not allowed; allowed: a divisor of the number of members {len(members)}"
            )
        self._mesh = Mesh(np.asarray(available[:count]), (AXIS,))
        self._hyper = jax.device_put(jax.tree.map(jnp.asarray, members.hyper), NamedSharding(self._mesh, P(AXIS)))
        self._init = self._compile(partial(init, self.agent), (P(AXIS), P(AXIS)))
        self._train = self._compile(partial(train_chunk, self.agent), (P(AXIS), P(AXIS), P()), donate=True)
        self._evaluate = self._compile(self._evaluate_member, (P(AXIS), P(AXIS), P()))

    def _compile(self, function: Any, specs: tuple[P, ...], donate: bool = False) -> Any:
        """`jit(shard_map(vmap(function)))`: arguments whose spec is `P()` are one for all members."""
        lanes = jax.vmap(function, in_axes=tuple(0 if spec else None for spec in specs))
        sharded = jax.shard_map(lanes, mesh=self._mesh, in_specs=specs, out_specs=P(AXIS), check_vma=False)
        return jax.jit(sharded, donate_argnums=(0,) if donate else ())

    def _evaluate_member(self, state: TrainState, hyper: Hyper, step: Array) -> Metrics:
        learner, key = state.learner, jax.random.fold_in(state.key, step)
        return evaluate(
            self.agent, learner.params.actor, learner.stats.obs, hyper.noise, key,
            episodes=self.config.eval_episodes,
        )  # fmt: skip

    def _keys(self) -> Key:
        return jax.vmap(jax.random.key)(jnp.asarray(self.members.seeds))

    def init(self) -> PopulationState:
        """Fresh members, each from the key of its seed."""
        keys = jax.device_put(self._keys(), NamedSharding(self._mesh, P(AXIS)))
        step = jax.device_put(jnp.zeros((), jnp.int32), NamedSharding(self._mesh, P()))
        return PopulationState(self._init(keys, self._hyper), step)

    def abstract_state(self) -> PopulationState:
        """Shapes, types and shardings of the state, to restore a checkpoint into; allocates nothing."""
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
          The new state, and metrics `[M]` on the host.
        """
        members, metrics = self._train(state.members, self._hyper, state.step)
        step = state.step + self.config.chunk_steps
        evaluation = self._evaluate(members, self._hyper, step)
        metrics |= {f"eval/{name}": value for name, value in evaluation.items()}
        return PopulationState(members, step), jax.device_get(metrics)
