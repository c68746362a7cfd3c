"""Running statistics against NumPy on the whole data."""

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given

from dstjax.normalize import init_stats, update_stats

numbers = st.floats(-100, 100, width=32)
batches = st.lists(
    st.integers(1, 5).flatmap(lambda n: hnp.arrays(np.float32, (n, 3), elements=numbers)), min_size=2, max_size=5
)


@given(batches)
def test_batches_in_turn_give_the_statistics_of_all(chunks):
    with jax.enable_x64(True):
        stats = init_stats(3)
        for chunk in chunks:
            stats = update_stats(stats, jnp.asarray(chunk, jnp.float64))
        everything = np.concatenate(chunks).astype(np.float64)
        assert stats.count == len(everything)
        np.testing.assert_allclose(stats.mean, everything.mean(0), atol=1e-9)
        np.testing.assert_allclose(stats.std, np.maximum(everything.std(0), 1e-3), atol=1e-7)


def test_normalize_and_denormalize_are_inverse_inside_the_bound():
    data = np.random.default_rng(0).normal([5.0, -3.0], [2.0, 0.1], (1000, 2)).astype(np.float32)
    stats = update_stats(init_stats(2), jnp.asarray(data))
    unit = stats.normalize(data)
    np.testing.assert_allclose(unit.mean(0), 0.0, atol=1e-4)
    np.testing.assert_allclose(unit.std(0), 1.0, atol=1e-4)
    np.testing.assert_allclose(stats.denormalize(unit), data, rtol=1e-4)
    assert stats.normalize(jnp.array([1e6, -1e6])).tolist() == [10.0, -10.0]


def test_no_data_leaves_vectors_as_they_are():
    np.testing.assert_array_equal(init_stats(2).normalize(jnp.array([3.0, -4.0])), [3.0, -4.0])
