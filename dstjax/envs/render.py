"""Pictures of MuJoCo tasks by MuJoCo's own renderer, without a screen."""

import atexit
import importlib
import os
from collections.abc import Iterable
from typing import Any

import mujoco
import numpy as np

from dstjax.envs.core import Env
from dstjax.envs.mujoco.model import c_model
from dstjax.errors import UserError

_BACKENDS = ("egl", "osmesa", "glfw")
_FIRST_TRIED = ("egl", "glfw")


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
        self._model = c_model(env.xml_file)
        self._data = mujoco.MjData(self._model)
        self._context = _open_context(width, height)
        self._opengl = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._opengl)
        self._area = mujoco.MjrRect(0, 0, width, height)
        self._scene = mujoco.MjvScene(self._model, maxgeom=1000)
        self._camera = _camera(self._model)
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
        pixels = np.empty((self._area.height, self._area.width, 3), np.uint8)
        mujoco.mjr_readPixels(pixels, None, self._area, self._opengl)
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
