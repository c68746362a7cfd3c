"""A trained policy in Gymnasium's own C task, beside the same policy in MJX; and a film of it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dstjax.agent import evaluate
from dstjax.errors import UserError
from dstjax.trained import Trained

FILMS = (".mp4", ".gif")
FRAMES_PER_SECOND = 50
"""Of a film; the MuJoCo tasks take 20 to 125 control steps per second."""


@dataclasses.dataclass(frozen=True)
class Transfer:
    """Undiscounted returns of one policy under one noise, `[episodes]` each.

    Attributes:
      gymnasium: in C MuJoCo.
      mjx: here.
    """

    gymnasium: np.ndarray
    mjx: np.ndarray


def compare(trained: Trained, index: int, *, episodes: int, seed: int) -> Transfer:
    """Run a member's policy in both simulators, under its own noise.

    The laws of noise and first state are the same, the draws are not: contacts amplify rounding, so that single
    episodes part within seconds, and only their returns' distribution can be compared.

    Args:
      trained: the member's program.
      index: its place among the program's rows.
      episodes: in each simulator.
      seed: of first states and noise.

    Returns:
      The returns.

    Raises:
      UserError: for a task that Gymnasium does not have.
    """
    import jax

    from dstjax.envs.bridges.gymnasium_peer import evaluate_in_gymnasium

    learner, hyper = trained.member(index)
    act, noise = policy(trained, index), jax.tree.map(float, hyper.noise)
    there = evaluate_in_gymnasium(trained.agent.env, act, noise=noise, episodes=episodes, seed=seed)
    actor, stats = learner.params.actor, learner.stats.obs

    @jax.jit
    @jax.vmap
    def one(key: jax.Array) -> jax.Array:
        return evaluate(trained.agent, actor, stats, hyper.noise, key, episodes=1)["return"]

    return Transfer(there.returns, np.asarray(one(jax.random.split(jax.random.key(seed), episodes))))


def policy(trained: Trained, index: int) -> Callable[[np.ndarray], np.ndarray]:
    """A member's deterministic policy as a function of NumPy arrays.

    Args:
      trained: the member's program.
      index: its place among the program's rows.

    Returns:
      `[S]` observation in task units to `[A]` action.
    """
    import jax

    learner, _ = trained.member(index)
    act = jax.jit(lambda obs: trained.agent.policy(learner.params.actor, learner.stats.obs, obs))
    return lambda obs: np.asarray(act(obs))


def record(trained: Trained, index: int, path: Path, *, seed: int) -> float:
    """Film one episode in Gymnasium's C task.

    Args:
      trained: the member's program.
      index: its place among the program's rows.
      path: of the film; its ending is one of `FILMS`.
      seed: of the first state and the noise.

    Returns:
      The episode's return.

    Raises:
      UserError: where no picture can be made or written.
    """
    import jax

    from dstjax.envs.bridges.gymnasium_peer import GymnasiumPeer
    from dstjax.envs.render import film

    _, hyper = trained.member(index)
    peer = GymnasiumPeer(trained.agent.env, jax.tree.map(float, hyper.noise))
    act = policy(trained, index)
    data: Any = peer.task.data  # type: ignore[attr-defined]
    keys = jax.random.split(jax.random.key(seed), peer.env.time_limit + 1)
    obs, terminated, total = peer.reset(seed, keys[0]), False, 0.0
    postures = [data.qpos.copy()]
    for key in keys[1:]:
        if terminated:
            break
        obs, reward, terminated = peer.step(act(obs), key)
        total += reward
        postures.append(data.qpos.copy())
    peer.task.close()
    write_film(film(trained.agent.env, postures, 480, 360), path)
    return total


def write_film(frames: np.ndarray, path: Path) -> None:
    """Write frames as a film.

    Args:
      frames: `[T, height, width, 3]` uint8.
      path: its ending is one of `FILMS`.

    Raises:
      UserError: where it cannot be written.
    """
    try:
        if path.suffix == ".gif":
            from PIL import Image

            first, *rest = (Image.fromarray(frame) for frame in frames[::2])
            first.save(path, save_all=True, append_images=rest, duration=2000 / FRAMES_PER_SECOND, loop=0)
            return
        import imageio_ffmpeg
    except OSError as error:
        raise UserError(f"--video: cannot write '{path}' ({error.strerror}); allowed: a writable place") from None
    except ImportError:
        raise UserError("--video: .mp4 needs imageio-ffmpeg; allowed: pip install 'dstjax[video]', or a .gif") from None
    height, width = frames.shape[1:3]
    writer = imageio_ffmpeg.write_frames(str(path), (width, height), fps=FRAMES_PER_SECOND, macro_block_size=1)
    writer.send(None)
    try:
        for frame in frames:
            writer.send(np.ascontiguousarray(frame))
    except OSError:
        raise UserError(f"--video: cannot write '{path}'; allowed: a writable place") from None
    finally:
        writer.close()
