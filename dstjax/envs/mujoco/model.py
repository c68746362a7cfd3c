"""Loading of Gymnasium's task models into MJX, once per process, solver preset and float width."""

import functools
import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import mujoco
from mujoco import mjx

from dstjax.errors import UserError

SOLVERS: dict[str, int | None] = {"fast": 8, "exact": None}
"""Preset -> bound on the constraint solver's Newton steps; None keeps the XML's. One to three steps usually suffice."""


def check_versions() -> None:
    """Refuse a pair of packages whose physics differ.

    Raises:
      UserError: naming both versions and the way out.
    """
    versions = {name: importlib.metadata.version(name) for name in ("mujoco", "mujoco-mjx")}
    engine, mirror = (version.split(".")[:2] for version in versions.values())
    if engine != mirror:
        series = ".".join(mirror)
        raise UserError(
            f"mujoco: {versions['mujoco']} does not match mujoco-mjx {versions['mujoco-mjx']}, whose physics mirrors"
            f" mujoco {series}; allowed: mujoco=={series}.* (pip uninstall mujoco first)"
        )


def asset_path(file: str) -> Path:
    """The path of an XML that ships with the installed Gymnasium, found without importing it.

    Args:
      file: its name among Gymnasium's assets.

    Returns:
      Where it should be.

    Raises:
      UserError: where Gymnasium is not installed.
    """
    spec = importlib.util.find_spec("gymnasium")
    if spec is None or spec.origin is None:
        raise UserError("gymnasium: not installed; its MuJoCo task files are needed")
    return Path(spec.origin).parent / "envs" / "mujoco" / "assets" / file


@functools.cache
def c_model(file: str, solver: str = "exact") -> mujoco.MjModel:
    """The compiled C model of a task file. Treat as read-only: it is shared.

    Args:
      file: name of an XML among Gymnasium's assets.
      solver: preset, applied to the model.

    Returns:
      The model.
    """
    model = mujoco.MjModel.from_xml_path(str(asset_path(file)))
    if (iterations := SOLVERS[solver]) is not None:
        model.opt.iterations = iterations
    return model


def mjx_model(file: str, solver: str) -> tuple[mjx.Model, mjx.Data]:
    """The MJX model of a task file and an empty `Data` for it, at the present default float width.

    Safe inside a trace: the arrays are concrete.

    Args:
      file: name of an XML among Gymnasium's assets.
      solver: preset.

    Returns:
      The model and the data, shared within the process.

    Raises:
      UserError: where the installed mujoco is not the one that mujoco-mjx mirrors.
    """
    return _mjx_model(file, solver, jnp.result_type(float))


@functools.cache
def _mjx_model(file: str, solver: str, dtype: Any) -> tuple[mjx.Model, mjx.Data]:
    check_versions()
    _check_unilateral(file, c_model(file, solver))
    with jax.ensure_compile_time_eval():
        model = mjx.put_model(c_model(file, solver), impl="jax")
        return model, mjx.make_data(model)


def _check_unilateral(file: str, model: mujoco.MjModel) -> None:
    """Refuse a model with constraints other than the unilateral rows that `solver.solve` handles."""
    elliptic = model.opt.cone != mujoco.mjtCone.mjCONE_PYRAMIDAL
    frictional = bool((model.dof_frictionloss > 0).any() or (model.tendon_frictionloss > 0).any())
    if elliptic or frictional or model.neq:
        raise NotImplementedError(f"{file}: equality constraints, friction loss and elliptic cones are not supported")
