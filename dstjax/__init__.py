"""Distributional Sobolev Training in JAX.

A map, from the bottom up. Each room imports only from those before it:

- `dstjax.config`: static structure (`Config`) and traced numbers (`Hyper`);
- `dstjax.math`: kernels, distances, Sobolev samples and Bellman targets, as pure functions of arrays and callables;
- `dstjax.nets`: actor and critics;
- `dstjax.envs`: Gymnasium's MuJoCo tasks in MJX and toys, with noise as numbers;
- `dstjax.world`: world models;
- `dstjax.methods`: the table of methods;
- `dstjax.agent`: losses, updates, collection and training of one member;
- `dstjax.population`: many members in one compiled program;
- `dstjax.runner`, `dstjax.cli`: runs on disk and the command line.

Importing the package itself imports no JAX, so that the command line answers at once.
"""

from dstjax.version import __version__

__all__ = ["__version__"]
