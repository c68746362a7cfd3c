"""Bad arguments are refused while tracing, by an error that names the argument, what it is and what is allowed."""

import jax
import jax.numpy as jnp
import pytest

from dstjax import math
from dstjax.errors import UserError
from dstjax.types import SobolevSamples

X, Y, KERNEL = jnp.zeros((3, 2)), jnp.ones((4, 2)), math.multiquadric(1.0)
UNIT, ATOMS = jnp.array([1.0, 0.0]), jnp.linspace(0.0, 1.0, 3)
SAMPLES = SobolevSamples(jnp.zeros(3), jnp.zeros((3, 2)))


def ascend(**changed):
    arguments = {"x": X, "y": Y, "direction": UNIT, "step_size": 0.3, "kernel": KERNEL, "num_steps": 1} | changed
    return math.msmmd2(**arguments)


BAD = {
    "rank of x": (lambda: math.mmd2(X[0], Y, KERNEL), r"x: shape \[2\] .* allowed: \[n, d\]"),
    "dimension of y": (lambda: math.mmd2(X, Y[:, :1], KERNEL), r"y: shape \[4, 1\] .* allowed: \[n, 2\]"),
    "empty y": (lambda: math.mmd2(X, Y[:0], KERNEL), r"y: shape \[0, 2\] .*not empty"),
    "integers": (lambda: math.mmd2(X.astype(int), Y, KERNEL), r"x: dtype int32 .* allowed: a floating type"),
    "two types": (lambda: math.mmd2(X, Y.astype(jnp.float16), KERNEL), "y: dtype float16 .* allowed: float32"),
    "weights": (lambda: math.mmd2(X, Y, KERNEL, y_weights=jnp.ones(3)), r"y_weights: shape \[3\] .* allowed: \[4\]"),
    "one sample": (lambda: math.mmd2(X[:1], Y, KERNEL, unbiased=True), r"unbiased statistic: 1 .* at least 2"),
    "direction": (lambda: ascend(direction=jnp.ones(2)), r"direction: norm \[1.41.*\] .* unit vectors"),
    "direction's dimension": (lambda: ascend(direction=jnp.ones(3)), r"direction: shape \[1, 3\] .* \[n, 2\]"),
    "steps": (lambda: ascend(num_steps=-1), r"num_steps: -1 .* at least 0"),
    "directions": (lambda: math.sliced_mmd2(X, Y, 2 * jnp.eye(2), KERNEL), r"directions: norm .* unit vectors"),
    "multiquadric": (lambda: math.multiquadric(0.0), "bandwidth: 0.0 .* positive"),
    "mixture": (lambda: math.gaussian_mixture(jnp.array([1.0, -1.0])), "bandwidths: .* positive"),
    "named kernel": (lambda: math.KERNELS["gaussian"](-1.0), "bandwidth: -1.0 .* positive"),
    "line": (lambda: math.cramer2(X, Y), r"u: shape \[3, 2\] .* \[n\]"),
    "transport": (lambda: math.wasserstein(X[:, 0], Y[:0, 0]), r"v: shape \[0\] .*not empty"),
    "drop all": (lambda: math.truncate(SAMPLES, 3), "drop: 3 .* 0 to 2"),
    "action": (lambda: math.sobolev_samples(None, UNIT, 0.5, X), r"action: shape \[\] .* \[A\]"),
    "latents": (lambda: math.sobolev_samples(None, UNIT, UNIT, UNIT), r"latents: shape \[2\] .* \[N, K\]"),
    "levels": (lambda: math.quantile_huber(ATOMS, UNIT, ATOMS), r"levels: shape \[2\] .* \[3\]"),
    "threshold": (lambda: math.quantile_huber(ATOMS, ATOMS, ATOMS, 0.0), "threshold: 0.0 .* positive"),
    "masses": (lambda: math.project(ATOMS, UNIT, ATOMS), r"probabilities: shape \[2\] .* \[3\]"),
    "logits": (lambda: math.cross_entropy(ATOMS, UNIT), r"probabilities: shape \[2\] .* \[3\]"),
    "prediction": (
        lambda: math.mage_loss(SAMPLES, SAMPLES.replace(value=jnp.zeros(4)), 1.0, 1.0),
        r"prediction.value: shape \[3\] .* \[4\]",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_named(case):
    call, message = BAD[case]
    with pytest.raises(UserError, match=message):
        call()


def test_shapes_are_refused_while_tracing_and_traced_numbers_pass():
    with pytest.raises(UserError, match="y: shape"):
        jax.eval_shape(lambda x, y: math.mmd2(x, y, KERNEL), X, Y[:, :1])
    jax.eval_shape(lambda h, theta: math.sliced_mmd2(X, Y, theta, math.multiquadric(h)), -1.0, jnp.zeros((5, 2)))
