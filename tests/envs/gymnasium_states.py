"""Transitions of Gymnasium's own tasks in C MuJoCo: the reference of the parity tests."""

import dataclasses
import functools
import itertools

import gymnasium
import numpy as np

TASKS = {
    "inverted_pendulum": "InvertedPendulum-v5",
    "inverted_double_pendulum": "InvertedDoublePendulum-v5",
    "swimmer": "Swimmer-v5",
    "hopper": "Hopper-v5",
    "half_cheetah": "HalfCheetah-v5",
    "walker2d": "Walker2d-v5",
}


@dataclasses.dataclass(frozen=True)
class Reference:
    """Stacked transitions; `action` in `[-1, 1]`, `control` in Gymnasium's units."""

    before: tuple[np.ndarray, np.ndarray, np.ndarray]
    control: np.ndarray
    action: np.ndarray
    after: tuple[np.ndarray, np.ndarray]
    obs: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    info: dict[str, np.ndarray]
    sites: np.ndarray
    contacts: np.ndarray
    self_contacts: np.ndarray


def make_reference(name, **options):
    """Gymnasium's task without its wrappers, the solver converged far below the tolerance of the comparison."""
    task = gymnasium.make(TASKS[name], **options).unwrapped
    task.model.opt.tolerance = 1e-15
    return task


@functools.cache
def reference(name, count=256, seed=0, options=()):
    """Steps of random actions and, every other episode, of a constant one (into rails and joint limits).

    Episodes run on for a while after their termination, so that bodies lie on the floor and press on each other.
    """
    task, rng = make_reference(name, **dict(options)), np.random.default_rng(seed)
    low, high = task.action_space.low.astype(float), task.action_space.high.astype(float)
    rows = []
    for index in itertools.count():
        if len(rows) == count:
            break
        if index % 64 == 0:
            task.reset(seed=seed + index)
            constant = rng.choice([-1.0, 1.0], size=low.shape)
        action = constant if index // 64 % 2 else rng.uniform(-1, 1, low.shape)
        control = low + (action + 1) / 2 * (high - low)
        before = task.data.qpos.copy(), task.data.qvel.copy(), task.data.qacc_warmstart.copy()
        obs, reward, terminated, _, info = task.step(control)
        after = task.data.qpos.copy(), task.data.qvel.copy()
        rows.append((before, control, action, after, obs, reward, terminated, info, *left_over(task)))
    columns = zip(*rows, strict=True)
    before, control, action, after, obs, reward, terminated, info, sites, contacts, self_contacts = columns
    return Reference(
        stack(before),
        np.stack(control),
        np.stack(action),
        stack(after),
        np.stack(obs),
        np.array(reward, float),
        np.array(terminated),
        {key: np.array([row[key] for row in info], float) for key in info[0]},
        np.stack(sites),
        np.array(contacts),
        np.array(self_contacts),
    )


def stack(columns):
    return tuple(np.stack(column) for column in zip(*columns, strict=True))


def left_over(task):
    """What `mj_step` leaves of its last evaluation of the dynamics: sites, contacts, contacts between moving bodies."""
    bodies = task.model.geom_bodyid[task.data.contact.geom]
    return task.data.site_xpos.copy(), task.data.ncon, (bodies > 0).all(axis=-1).sum()
