"""Transitions of Gymnasium's own tasks in C MuJoCo: the reference of the parity tests."""

import dataclasses
import functools
import itertools

import gymnasium
import numpy as np

TASKS = {
    "inverted_pendulum": "InvertedPendulum-v5",
    "inverted_double_pendulum": "InvertedDoublePendulum-v5",
    "hopper": "Hopper-v5",
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


def make_reference(name, **options):
    """Gymnasium's task without its wrappers, the solver converged far below the tolerance of the comparison."""
    task = gymnasium.make(TASKS[name], **options).unwrapped
    task.model.opt.tolerance = 1e-15
    return task


@functools.cache
def reference(name, count=256, seed=0, options=()):
    """Steps of random actions and, every other episode, of a constant one (into rails and joint limits).

    Episodes run on for a while after their termination, so that bodies lie on the floor. States in which two bodies
    press on each other are left out: MJX's capsule-capsule routine is an approximation there (one part in 1e5), and
    differs altogether where the axes of two capsules of a planar model cross.
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
        if not touches_itself(task):
            rows.append((before, control, action, after, obs, reward, terminated, info, *left_over(task)))
    before, control, action, after, obs, reward, terminated, info, sites, contacts = zip(*rows, strict=True)
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
    )


def stack(columns):
    return tuple(np.stack(column) for column in zip(*columns, strict=True))


def left_over(task):
    """What `mj_step` leaves in `mjData` of its last evaluation of the dynamics: site positions, number of contacts."""
    return task.data.site_xpos.copy(), task.data.ncon


def touches_itself(task):
    """Whether a contact of the last stage joins two moving bodies (body 0 is the world)."""
    bodies = task.model.geom_bodyid[task.data.contact.geom]
    return bool((bodies > 0).all(axis=-1).any())
