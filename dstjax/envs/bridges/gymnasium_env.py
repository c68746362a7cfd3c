"""A task as a `gymnasium.Env`, for tools that expect one."""

from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces

from dstjax.config import NoiseParams, check_fields
from dstjax.envs import make
from dstjax.envs.core import Env, EnvState
from dstjax.envs.draws import check_noise
from dstjax.envs.render import Painter
from dstjax.errors import UserError


class GymnasiumEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """One task with Gymnasium's interface, stepped by compiled JAX. Observation `[S]` and action `[A]` are float32.

    Args:
      env: a task, or its name. Without auto-reset.
      noise: strengths as numbers; `None` is none.
      render_mode: `rgb_array`, or `None`.

    Raises:
      UserError: for noise outside its domain or that the task cannot have, or for another render mode.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012 - Gymnasium's own convention

    def __init__(self, env: Env | str, noise: NoiseParams | None = None, render_mode: str | None = None) -> None:
        self.env = make(env) if isinstance(env, str) else env
        noise = NoiseParams() if noise is None else noise
        check_fields(noise, "noise.")
        check_noise(self.env, noise)
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise UserError(f"render_mode: '{render_mode}' is not allowed; allowed: rgb_array, None")
        self.render_mode = render_mode
        self.observation_space = spaces.Box(-np.inf, np.inf, (self.env.obs_size,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (self.env.action_size,), np.float32)
        self._noise = jax.tree.map(jnp.float32, noise)
        self._compiled_reset, self._compiled_step = jax.jit(self.env.reset), jax.jit(self.env.step)
        self._state: EnvState | None = None
        self._painter: Painter | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Start an episode; the same seed gives the same episode."""
        super().reset(seed=seed)
        self._state = self._compiled_reset(self._next_key(), self._noise)
        return np.asarray(self._state.obs), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, float]]:
        """One control step with `action` `[A]` in `[-1, 1]`; reward terms in the info."""
        before = self._running()
        self._state = state = self._compiled_step(before, jnp.asarray(action), self._next_key(), self._noise)
        outcome = state.obs, state.reward, state.terminated, state.truncated, state.info
        obs, reward, terminated, truncated, info = jax.device_get(outcome)
        terms = {name: float(term) for name, term in info.items()}
        return obs, float(reward), bool(terminated), bool(truncated), terms

    def render(self) -> np.ndarray | None:
        """The present posture, `[240, 320, 3]` uint8, or None without a render mode."""
        if self.render_mode is None:
            return None
        if self._painter is None:
            self._painter = Painter(self.env)
        return self._painter.frame(np.asarray(self._running().physics.qpos))

    def close(self) -> None:
        """Free the renderer."""
        if self._painter is not None:
            self._painter.close()
            self._painter = None

    def _running(self) -> EnvState:
        if self._state is None:
            raise gymnasium.error.ResetNeeded("no episode is running: call reset first")
        return self._state

    def _next_key(self) -> jax.Array:
        return jax.random.key(int(self.np_random.integers(2**31)))
