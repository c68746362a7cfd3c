"""Static structure (`Config`) and traced numbers (`Hyper`).

`Config` is hashable: a change of it is a new program. `Hyper` is a pytree of float scalars: a change of it never
recompiles, and each of its leaves can be a `vmap` axis of a population.
"""

import jax

from dstjax.fields import Config, Domain, Hyper, NoiseParams, check_fields

__all__ = ["Config", "Domain", "Hyper", "NoiseParams", "check_fields"]

for _pytree in (NoiseParams, Hyper):
    jax.tree_util.register_dataclass(_pytree)
