"""What a sweep is: methods, tasks, shapes and numbers; and the plans, one per compiled program, that it stands for."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

from dstjax import methods
from dstjax.errors import unknown_name
from dstjax.fields import Config
from dstjax.plan import Numbers, Plan
from dstjax.sweep.words import short


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Methods x tasks x static shapes, one program each, and the members that every program trains.

    Attributes:
      name: of the sweep's directory.
      methods: by name.
      tasks: by name.
      seeds: shared by everything, so that comparisons are paired.
      static: values of `Config` fields; several values make a program each.
      numbers: values of `Hyper` numbers; several values make an axis of every program's members.
      zipped: names of the numbers whose values go together.
    """

    name: str
    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    static: Mapping[str, tuple[Any, ...]]
    numbers: Numbers
    zipped: tuple[str, ...] = ()

    def plans(self) -> list[Plan]:
        """One plan per program, each valid.

        Raises:
          UserError: naming what is not.
        """
        from dstjax.math.kernels import KERNELS

        plans = []
        for env, method, *shape in itertools.product(self.tasks, self.methods, *self.static.values()):
            config = Config(env=env, method=method, **dict(zip(self.static, shape, strict=True)))
            methods.check(config)
            _check_task(env)
            if config.kernel not in KERNELS:
                raise unknown_name("kernel", short(config.kernel), KERNELS)
            plans.append(Plan(config, (method,), self.seeds, self.numbers, self.zipped))
        return plans

    def varied_static(self) -> tuple[str, ...]:
        """Names of the `Config` fields that have several values."""
        return tuple(name for name, values in self.static.items() if len(values) > 1)


def _check_task(text: str) -> None:
    from dstjax.envs import find
    from dstjax.envs.naming import read_options, split_name

    name, options = split_name(text)
    read_options(name, find(short(name), "tasks"), options)
