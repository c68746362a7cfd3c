"""What single rows and options do: where targets start, which action is compared, what SVG's actor ascends."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agents import actor_loss, critic_loss, init_learner, numbers, random_batch, small_agent, targets

from dstjax.agent.update import update_critic
from dstjax.config import NoiseParams

B = 8


@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("dst-complete", {"dobs_weight", "gradient_weight"}),
        ("d4pg", {"support_low", "support_size"}),
        ("iqn", {"huber_threshold"}),
        ("mage", {"gradient_weight"}),
    ],
)
def test_a_number_changes_the_loss_of_the_row_it_is_for(method, names):
    agent = small_agent(method=method, ensemble_size=2)
    learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)

    def loss(**changes):
        target = targets(agent, learner, batch, numbers(**changes), jax.random.key(2))
        return critic_loss(agent, learner, learner.params.critic, batch, target, numbers(**changes), jax.random.key(3))

    plain = loss()
    for name in names:
        assert loss(**{name: 0.7 * getattr(numbers(), name)}) != plain, name


def test_complete_gradients_do_not_depend_on_the_unit_of_an_observation():
    agent = small_agent(method="dst-complete")
    learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)
    target = targets(agent, learner, batch, numbers(), jax.random.key(2))
    unit = 100.0

    def rescaled(obs):  # metres instead of centimetres: statistics, observations, and gradients per unit
        return obs.replace(mean=unit * obs.mean, m2=unit**2 * obs.m2)

    counted = lambda obs: obs.replace(count=jnp.float32(2.0), m2=2.0 * jnp.ones(2))  # noqa: E731
    losses = []
    for factor, convert in ((1.0, lambda obs: obs), (unit, rescaled)):
        stats = learner.stats.replace(obs=convert(counted(learner.stats.obs)))
        args = batch.replace(obs=factor * batch.obs), target.replace(dobs=target.dobs / factor)
        losses.append(
            critic_loss(agent, learner.replace(stats=stats), learner.params.critic, *args, numbers(), jax.random.key(3))
        )
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)


def test_several_steps_discount_the_bootstrap_as_often():
    agent = small_agent(method="td3")
    learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)
    batch, hyper = batch.replace(terminated=jnp.zeros(B)), numbers(smoothing_std=0.0, discount=0.5)
    steps = jnp.array([1.0, 2.0, 3.0, 5.0] * 2)
    once = targets(agent, learner, batch, hyper, jax.random.key(2)).value[:, 0] - batch.reward
    several = targets(agent, learner, batch.replace(steps=steps), hyper, jax.random.key(2)).value[:, 0] - batch.reward
    np.testing.assert_allclose(several, once * 0.5 ** (steps - 1.0), rtol=1e-4)


def test_a_real_successor_keeps_the_models_gradient():
    changes = {"successor": "real", "model_noise": "posterior"}
    real, plain = small_agent(method="dst", **changes), small_agent(method="mmd")
    learner, batch = init_learner(real, jax.random.key(0)), random_batch(real, jax.random.key(1), B)
    with_gradient = targets(real, learner, batch, numbers(), jax.random.key(2))
    without = targets(plain, learner, batch, numbers(), jax.random.key(2))
    np.testing.assert_allclose(with_gradient.value, without.value, rtol=1e-5)
    assert np.abs(with_gradient.daction).min() > 0
    sampled = targets(small_agent(method="dst"), learner, batch, numbers(), jax.random.key(2))
    assert np.abs(sampled.value - without.value).max() > 0.1


def test_mage_learns_at_the_policys_action_and_td3_at_the_replayed_one():
    for method, same in (("mage", True), ("td3", False)):
        agent = small_agent(method=method, ensemble_size=2)
        learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)
        step = jax.jit(partial(update_critic, agent))
        after = [
            step(learner, batch.replace(action=sign * batch.action), numbers(), jax.random.key(2))[0]
            for sign in (1, -1)
        ]
        leaves = (jax.tree.leaves(learner.params.critic) for learner in after)
        assert all(np.array_equal(a, b) for a, b in zip(*leaves, strict=True)) == same, method


@pytest.mark.parametrize(("method", "same"), [("mage", True), ("dst", False)])
def test_at_the_policys_action_the_task_says_what_ends(method, same):
    """The replayed action's end says nothing about another action's."""
    agent = small_agent(env="inverted_pendulum", method=method, ensemble_size=2)
    learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)
    value = jax.jit(lambda batch: targets(agent, learner, batch, numbers(), jax.random.key(2)).value)
    ended, going = (value(batch.replace(terminated=jnp.full(B, flag))) for flag in (1.0, 0.0))
    assert np.array_equal(ended, going) == same


def test_svgs_actor_ascends_reward_and_next_value_of_what_really_happened():
    agent = small_agent(method="svg")
    learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)
    actor, stats = learner.params.actor, learner.stats.obs
    policy = jax.jit(lambda obs: agent.policy(actor, stats, obs))
    net = agent.net(jax.tree.map(lambda leaf: leaf[0], learner.params.critic), stats)
    value = jax.jit(jax.vmap(lambda obs, action: net(obs, action, jnp.zeros(0))))
    # Where the replayed action is the policy's own, the inferred noise leads back to the replayed outcome.
    batch = batch.replace(action=policy(batch.obs))
    loss = actor_loss(agent, learner, actor, batch, numbers(discount=0.9), jax.random.key(2))
    after = value(batch.next_obs, policy(batch.next_obs))
    expected = batch.reward + 0.9 * (1.0 - batch.terminated) * after
    np.testing.assert_allclose(loss, -expected.mean(), rtol=1e-3)


def test_svgs_actor_asks_the_task_what_its_own_action_ends():
    agent = small_agent(env="inverted_pendulum", method="svg")
    learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)

    def loss(batch, flag, discount):
        batch, actor = batch.replace(terminated=jnp.full(B, flag)), learner.params.actor
        return actor_loss(agent, learner, actor, batch, numbers(discount=discount), jax.random.key(2))

    assert loss(batch, 0.0, 0.9) == loss(batch, 1.0, 0.9)
    fallen = batch.replace(obs=batch.obs.at[:, 1].set(50.0))
    assert loss(fallen, 0.0, 0.9) == loss(fallen, 0.0, 0.5), "nothing follows where every action ends"


@pytest.mark.parametrize("sensor", ["obs_scale", "obs_std", "drift_std"])
def test_samples_of_noisy_sensors_are_not_asked_what_ends(sensor):
    agent = small_agent(env="inverted_pendulum", method="svg")
    learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)
    fallen = batch.replace(obs=batch.obs.at[:, 1].set(50.0), terminated=jnp.zeros(B))

    def loss(discount):
        hyper = numbers(discount=discount, noise=NoiseParams(**{sensor: 0.1}))
        return actor_loss(agent, learner, learner.params.actor, fallen, hyper, jax.random.key(2))

    assert loss(0.9) != loss(0.5), "the replayed episode went on"


def test_smoothing_is_an_option_of_every_row():
    moved = []
    for smoothing in ("auto", "clipped"):
        agent = small_agent(method="dst", smoothing=smoothing)
        learner, batch = init_learner(agent, jax.random.key(0)), random_batch(agent, jax.random.key(1), B)
        found = [targets(agent, learner, batch, numbers(smoothing_std=std), jax.random.key(2)) for std in (0.0, 0.2)]
        moved.append(not np.array_equal(found[0].value, found[1].value))
    assert moved == [False, True]
