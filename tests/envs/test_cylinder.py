"""Contacts of a capsule and a cylinder beside C MuJoCo's, whose collider iterates until its tolerance is met."""

import functools

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest
from scipy import optimize

from dstjax.envs.mujoco.colliders import Shape
from dstjax.envs.mujoco.cylinder import capsule_cylinder

MARGIN, COUNT = 0.002, 600
RADIUS, HEIGHT, THICKNESS, HALF = 0.05, 0.05, 0.02, 0.1
XML = f"""<mujoco><worldbody>
  <body><freejoint/><geom type="capsule" size="{THICKNESS} {HALF}" margin="{MARGIN}"/></body>
  <body><freejoint/><geom type="cylinder" size="{RADIUS} {HEIGHT}" margin="{MARGIN}"/></body>
</worldbody></mujoco>"""


@functools.cache
def poses():
    """Of touching shapes: every other capsule almost lies on a cap, the others are turned at random."""
    model, rng, found = mujoco.MjModel.from_xml_string(XML), np.random.default_rng(0), []
    data = mujoco.MjData(model)
    while len(found) < COUNT:
        quaternions, position = rng.normal(size=(2, 4)), rng.uniform(-0.12, 0.12, 3)
        if len(found) % 2:
            slope, turn = rng.uniform(-0.12, 0.12), rng.uniform(0, 2 * np.pi)
            axis = np.array([np.cos(slope) * np.cos(turn), np.cos(slope) * np.sin(turn), np.sin(slope)])
            mujoco.mju_quatZ2Vec(quaternions[0], axis)
            quaternions[1] = (1, 0, 0, 0)
        data.qpos[:] = np.concatenate([position, quaternions[0], np.zeros(3), quaternions[1]])
        mujoco.mj_normalizeQuat(model, data.qpos)
        mujoco.mj_fwdPosition(model, data)
        if data.ncon:
            found.append(data.qpos.copy())
    return np.stack(found)


@functools.cache
def theirs(tolerance):
    """C MuJoCo's contacts of each pose, `[n, 7]` of distance, position and normal; and the shapes' places."""
    model = mujoco.MjModel.from_xml_string(XML)
    model.opt.ccd_tolerance, model.opt.ccd_iterations = tolerance, 1000
    data, contacts, places = mujoco.MjData(model), [], []
    for pose in poses():
        data.qpos[:] = pose
        mujoco.mj_fwdPosition(model, data)
        contacts.append(np.array([[c.dist, *c.pos, *c.frame[:3]] for c in data.contact]))
        places.append((data.geom_xpos.copy(), data.geom_xmat.reshape(-1, 3, 3).copy()))
    return contacts, tuple(np.stack(part) for part in zip(*places, strict=True))


@functools.cache
def ours():
    """As `theirs`, in double precision."""
    position, axes = theirs(1e-14)[1]
    sizes = np.array([[THICKNESS, HALF, 0], [RADIUS, HEIGHT, 0]])
    with jax.enable_x64(True):
        shapes = [
            Shape(
                *map(jnp.asarray, (position[:, i], axes[:, i], np.tile(sizes[i], (COUNT, 1)), np.full(COUNT, MARGIN)))
            )
            for i in range(2)
        ]
        touch = jax.jit(jax.vmap(capsule_cylinder))(*shapes)
    rows = np.concatenate([np.asarray(touch.distance)[..., None], touch.position, touch.normal], axis=-1)
    return [row[row[:, 0] < 2 * MARGIN] for row in rows]


def apart(contacts):
    """`[n]` largest difference from ours; contacts of a pose in any order."""
    return np.array([
        max(min(np.abs(one - other).max() for other in mine) for one in yours)
        for yours, mine in zip(contacts, ours(), strict=True)
    ])  # fmt: skip


def test_contacts_are_c_mujocos():
    contacts, _ = theirs(1e-14)
    assert [len(row) for row in contacts] == [len(row) for row in ours()]
    counts, depth = np.array([len(row) for row in contacts]), np.array([row[:, 0].min() for row in contacts])
    assert (counts == 2).sum() > 50
    assert (depth < -THICKNESS).sum() > 100, "the axis is in the cylinder"
    error = apart(contacts)
    assert np.median(error) < 1e-8
    assert error.max() < 2e-5
    distance = [abs(row[:, 0].min() - mine[:, 0].min()) for row, mine in zip(contacts, ours(), strict=True)]
    assert np.quantile(distance, 0.99) < 1e-9


def test_c_mujocos_contacts_approach_ours_with_the_root_of_its_tolerance():
    """So the rest of the difference is its iteration's: a hundredth of the tolerance, a tenth of the error."""
    errors = [np.quantile(apart(theirs(tolerance)[0]), 0.95) for tolerance in (1e-6, 1e-8, 1e-10, 1e-12)]
    ratios = np.array(errors[:-1]) / errors[1:]
    assert (ratios > 3).all()
    assert 5 < np.prod(ratios) ** (1 / 3) < 20


def test_depth_is_the_least_over_all_directions():
    """Of single contacts, by minimising the support function of the shapes' difference from many starts."""
    _, (position, axes) = theirs(1e-14)
    single = [i for i, row in enumerate(ours()) if len(row) == 1 and row[0, 0] < -THICKNESS][:12]
    assert len(single) == 12
    starts = np.random.default_rng(1).normal(size=(12, 3))
    for i in single:
        centre = axes[i, 1].T @ (position[i, 0] - position[i, 1])
        half = HALF * axes[i, 1].T @ axes[i, 0, :, 2]

        def depth(way, centre=centre, half=half):
            m = way / np.linalg.norm(way)
            return RADIUS * np.hypot(*m[:2]) + HEIGHT * abs(m[2]) + abs(m @ half) - m @ centre

        least = min(optimize.minimize(depth, start, method="Nelder-Mead", tol=1e-12).fun for start in starts)
        assert -ours()[i][0, 0] - THICKNESS == pytest.approx(least, abs=1e-8)
