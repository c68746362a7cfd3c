"""Pictures of MuJoCo tasks by MuJoCo's own renderer, without a screen."""

import atexit
import copy
import importlib
import os
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import mujoco
import numpy as np

from dstjax.config import NoiseParams
from dstjax.envs.core import Env, EnvState, auto_reset
from dstjax.envs.draws import check_noise
from dstjax.envs.mujoco.model import c_model
from dstjax.errors import UserError
from dstjax.types import Array, Key

_BACKENDS = ("egl", "osmesa", "glfw")
_FIRST_TRIED = ("egl", "glfw")


_SKY = (232, 238, 245)
"""Behind a task whose XML file has no sky (red, green, blue)."""


class Painter:
    """Draws postures of a task from the side, the camera following its body. One OpenGL context; close it after use.

    Args:
      env: a MuJoCo task.
      width: of a frame (pixel, at most 640).
      height: of a frame (pixel, at most 480).

    Raises:
      UserError: for a task without bodies, or where no OpenGL is to be had.
    """

    def __init__(self, env: Env, width: int = 320, height: int = 240) -> None:
        if not hasattr(env, "xml_file"):
            raise UserError(f"render: '{env.name}' has no picture; allowed: MuJoCo tasks")
        self._model = _lit(c_model(env.xml_file))
        self._data = mujoco.MjData(self._model)
        self._context = _open_context(width, height)
        self._opengl = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._opengl)
        self._area = mujoco.MjrRect(0, 0, width, height)
        self._scene = mujoco.MjvScene(self._model, maxgeom=1000)
        self._camera = _camera(self._model)
        self._has_sky = mujoco.mjtTexture.mjTEXTURE_SKYBOX in self._model.tex_type
        atexit.register(self.close)  # EGL's own hook, registered before, ends the display that the context needs

    def frame(self, qpos: np.ndarray) -> np.ndarray:
        """Draw a posture.

        Args:
          qpos: `[nq]`

        Returns:
          `[height, width, 3]` uint8.
        """
        self._data.qpos[:] = qpos
        mujoco.mj_forward(self._model, self._data)
        self._context.make_current()
        everything = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(self._model, self._data, mujoco.MjvOption(), None, self._camera, everything, self._scene)
        mujoco.mjr_render(self._area, self._scene, self._opengl)
        size = (self._area.height, self._area.width)
        pixels, depth = np.empty((*size, 3), np.uint8), np.empty(size, np.float32)
        mujoco.mjr_readPixels(pixels, depth, self._area, self._opengl)
        if not self._has_sky:
            pixels[depth == 1.0] = _SKY
        return pixels[::-1].copy()  # OpenGL's rows go up

    def close(self) -> None:
        """Give the OpenGL context back; done by itself when the interpreter ends."""
        atexit.unregister(self.close)
        self._opengl.free()
        self._context.free()


def film(env: Env, postures: Iterable[np.ndarray], width: int = 320, height: int = 240) -> np.ndarray:
    """Draw the postures of an episode.

    Args:
      env: a MuJoCo task.
      postures: `[nq]` each.
      width: of a frame (pixel, at most 640).
      height: of a frame (pixel, at most 480).

    Returns:
      `[T, height, width, 3]` uint8.

    Raises:
      UserError: for a task without bodies, or where no OpenGL is to be had.
    """
    painter = Painter(env, width, height)
    try:
        return np.stack([painter.frame(np.asarray(posture)) for posture in postures])
    finally:
        painter.close()


def strip(frames: np.ndarray, count: int) -> np.ndarray:
    """Frames side by side, evenly spread over a film.

    Args:
      frames: `[T, height, width, 3]`
      count: how many; no more than there are.

    Returns:
      `[height, count width, 3]`
    """
    chosen = np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int)
    return np.concatenate(list(frames[chosen]), axis=1)


def random_film(
    env: Env, noise: NoiseParams, *, steps: int, seed: int = 0, width: int = 320, height: int = 240
) -> np.ndarray:
    """Film random actions, each held for ten control steps so that they show; an episode that ends begins anew.

    Args:
      env: a MuJoCo task.
      noise: strengths.
      steps: control steps.
      seed: of first states, actions and noise.
      width: of a frame (pixel, at most 640).
      height: of a frame (pixel, at most 480).

    Returns:
      `[steps + 1, height, width, 3]` uint8.

    Raises:
      UserError: for a task without bodies, noise that it cannot have, or where no OpenGL is to be had.
    """
    check_noise(env, noise)
    painter, task = Painter(env, width, height), auto_reset(env)

    @jax.jit
    def run(key: Key, noise: NoiseParams) -> tuple[Array, Array]:
        reset_key, action_key, loop_key = jax.random.split(key, 3)
        drawn = jax.random.uniform(action_key, (-(-steps // 10), env.action_size), minval=-1.0)
        actions = jnp.repeat(drawn, 10, axis=0)[:steps]

        def step(state: EnvState, inputs: tuple[Array, Key]) -> tuple[EnvState, Array]:
            state = task.step(state, *inputs, noise)
            return state, state.physics.qpos

        start = task.reset(reset_key, noise)
        return start.physics.qpos, jax.lax.scan(step, start, (actions, jax.random.split(loop_key, steps)))[1]

    first, rest = run(jax.random.key(seed), jax.tree.map(jnp.float32, noise))
    postures = np.concatenate([np.asarray(first)[None], np.asarray(rest)])
    try:
        return np.stack([painter.frame(posture) for posture in postures])
    finally:
        painter.close()


def _lit(model: mujoco.MjModel) -> mujoco.MjModel:
    """A copy with daylight, where the XML file has no lamp."""
    model = copy.copy(model)
    if not model.nlight:
        model.vis.headlight.ambient[:], model.vis.headlight.diffuse[:] = 0.4, 0.7
    return model


def _camera(model: mujoco.MjModel) -> mujoco.MjvCamera:
    """From the side, far enough for the whole robot at rest, and along with its heaviest part."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_TRACKING
    camera.trackbodyid = 1 + int(np.argmax(model.body_subtreemass[1:]))
    moving = model.geom_bodyid > 0
    reach = np.linalg.norm(data.geom_xpos - data.xpos[camera.trackbodyid], axis=1) + model.geom_rbound
    camera.distance = 3.0 * reach[moving].max()
    camera.azimuth, camera.elevation = 90, -15
    return camera


def _open_context(width: int, height: int) -> Any:
    chosen = os.environ.get("MUJOCO_GL", "").lower()
    for name in (chosen,) if chosen in _BACKENDS else _FIRST_TRIED:
        try:
            context = importlib.import_module(f"mujoco.{name}").GLContext(width, height)
            context.make_current()
        except Exception:  # a missing library shows as any of several
            continue
        return context
    raise UserError(
        "render: no OpenGL without a screen; allowed: MUJOCO_GL=egl after `apt install libegl1 libgl1-mesa-dri`, or "
        "MUJOCO_GL=osmesa after `apt install libosmesa6`"
    )
