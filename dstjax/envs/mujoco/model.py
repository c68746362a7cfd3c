"""Loading of Gymnasium's task models into MJX, once per process, solver preset and float width."""

import functools
import importlib.metadata
import importlib.util
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import mujoco
from mujoco import mjx

from dstjax.errors import UserError

SOLVERS: dict[str, int | None] = {"fast": 12, "exact": None}
"""Preset -> bound on the constraint solver's Newton steps; None keeps the XML's.

The solver ends by itself at the minimum, in 256 contact-rich states after at most two steps (pendulums) to eight (the
humanoid standing up; `python -m experiments.parity`). So the bound is no matter of speed, and one with room to spare
serves all tasks.
"""


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
    """The path of a model file, found as Gymnasium's `xml_file` option is, without importing Gymnasium.

    Args:
      file: path that begins with `/`, `.` or `~`, or the name of one of Gymnasium's own files.

    Returns:
      Where it should be.

    Raises:
      UserError: where there is no such file, or Gymnasium is not installed.
    """
    spec = importlib.util.find_spec("gymnasium")
    if spec is None or spec.origin is None:
        raise UserError("gymnasium: not installed; its MuJoCo task files are needed")
    own = file.startswith(("/", ".", "~"))
    path = Path(file).expanduser() if own else Path(spec.origin).parent / "envs" / "mujoco" / "assets" / file
    if not path.is_file():
        allowed = "one of Gymnasium's, or a path that begins with '/', '.' or '~'"
        raise UserError(f"xml_file: '{file}' is not a file; allowed: {allowed}")
    return path


@functools.cache
def c_model(file: str, solver: str = "exact") -> mujoco.MjModel:
    """The compiled C model of a task file, with Newton's method as its solver. Treat as read-only: it is shared.

    Args:
      file: see `asset_path`.
      solver: preset, applied to the model.

    Returns:
      The model.
    """
    with warnings.catch_warnings():  # of deprecated words in Gymnasium's files
        warnings.simplefilter("ignore")
        spec = mujoco.MjSpec.from_file(str(asset_path(file)))
        spec.option.solver = mujoco.mjtSolver.mjSOL_NEWTON
        _free_sliders(spec)
        model = spec.compile()
    if (iterations := SOLVERS[solver]) is not None:
        model.opt.iterations = iterations
    return model


def _free_sliders(spec: mujoco.MjSpec) -> None:
    """Take frictionless cylinders off the planes they slide on: such a contact pushes along the normal, in vain."""
    cylinders = [geom for geom in spec.geoms if geom.type == mujoco.mjtGeom.mjGEOM_CYLINDER]
    for geom in spec.geoms:
        met = [other for other in cylinders if geom.conaffinity & other.contype and max(geom.condim, other.condim) == 1]
        if (
            geom.type == mujoco.mjtGeom.mjGEOM_PLANE
            and met
            and not any(o.conaffinity & geom.contype for o in cylinders)
        ):
            geom.conaffinity = 0


def mjx_model(file: str, solver: str) -> tuple[mjx.Model, mjx.Data]:
    """The MJX model of a task file and an empty `Data` for it, at the present default float width.

    Safe inside a trace: the arrays are concrete.

    Args:
      file: see `asset_path`.
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
    _check_supported(file, c_model(file, solver))
    with jax.ensure_compile_time_eval():
        model = mjx.put_model(c_model(file, solver), impl="jax")
        return model, mjx.make_data(model)


def _check_supported(file: str, model: mujoco.MjModel) -> None:
    """Refuse a model that holds what `physics.forward` leaves out, rather than simulate something else."""
    motors = (
        (model.actuator_trntype == mujoco.mjtTrn.mjTRN_JOINT).all()
        and (model.actuator_gaintype == mujoco.mjtGain.mjGAIN_FIXED).all()
        and (model.actuator_biastype == mujoco.mjtBias.mjBIAS_NONE).all()
        and not (model.actuator_forcelimited.any() or model.jnt_actfrclimited.any() or model.na)
    )
    left_out = {
        "equality constraints": model.neq,
        "friction loss": (model.dof_frictionloss > 0).any() or (model.tendon_frictionloss > 0).any(),
        "elliptic cones": model.opt.cone != mujoco.mjtCone.mjCONE_PYRAMIDAL,
        "ball joints": (model.jnt_type == mujoco.mjtJoint.mjJNT_BALL).any(),
        "springs or dampers of tendons": model.tendon_stiffness.any() or model.tendon_damping.any(),
        "gravity compensation": model.body_gravcomp.any(),
        "actuators other than plain motors": not motors,
        "integrators other than Euler and RK4": model.opt.integrator
        not in (mujoco.mjtIntegrator.mjINT_EULER, mujoco.mjtIntegrator.mjINT_RK4),
        "disabled features": model.opt.disableflags,
    }
    for feature, present in left_out.items():
        if present:
            raise UserError(f"xml_file: '{file}' has {feature}, which are not simulated")
