"""Counter-based random numbers: their moments and independence, and their use by layers in every mode."""

import keras
import numpy as np
import pytest
from scipy import stats

from folklore import epoch
from folklore.epoch import dropout_masks

N = 200_000


def bits(seed, draw=0, shape=(N,)):
    return np.asarray(dropout_masks.bits(shape, keras.ops.convert_to_tensor([seed, draw], dtype="int64")))


def masks(layer, draws, shape=(1, 500)):
    """The ones that a layer keeps, call by call, as booleans (draws, *shape)."""
    with dropout_masks.counted():
        return np.array([np.asarray(layer(np.ones(shape, "float32"), training=True)) for _ in range(draws)]) > 0


def test_each_bit_is_one_half_of_the_time():
    drawn = bits(seed=3)
    assert drawn.dtype == np.uint32
    shares = [(drawn >> place & 1).mean() for place in range(32)]
    assert np.abs(np.array(shares) - 0.5).max() < 4.5 * 0.5 / N**0.5


def test_uniform_numbers_are_uniform():
    drawn = np.asarray(dropout_masks.uniform((N,), seed=1))
    assert (drawn.dtype, drawn.min() >= 0, drawn.max() < 1) == (np.float32, True, True)
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3
    scaled = np.asarray(dropout_masks.uniform((N,), -2, 4, seed=1))
    np.testing.assert_allclose(scaled, drawn * 6 - 2, atol=1e-6)


def test_normal_numbers_are_normal():
    drawn = np.asarray(dropout_masks.normal((N,), 3, 2, seed=1))
    assert stats.kstest(drawn, "norm", (3, 2)).pvalue > 1e-3
    assert np.isfinite(drawn).all()


@pytest.mark.parametrize("other", [(7, 1), (7, 2), (8, 0), (7 + 2**31, 0), (6, 1)])
def test_draws_and_seeds_are_independent(other):
    one, two = bits(7), bits(*other)
    assert abs(np.corrcoef(one, two)[0, 1]) < 4.5 / N**0.5
    # Nor is one a rearrangement of the other: of 200,000 out of 2**32 values two draws share about nine.
    assert len(np.intersect1d(one, two)) < 40
    for shift in (1, 2, 64):
        assert abs(np.corrcoef(one[shift:], two[:-shift])[0, 1]) < 4.5 / (N - shift) ** 0.5


def test_neighbours_within_draw_are_independent():
    drawn = bits(5)
    for shift in (1, 2, 3, 10, 32, 100, 784):
        assert abs(np.corrcoef(drawn[shift:], drawn[:-shift])[0, 1]) < 4.5 / (N - shift) ** 0.5


@pytest.mark.compile
def test_units_are_dropped_independently_at_given_rate():
    kept = masks(keras.layers.Dropout(0.3, seed=1), draws=400)[:, 0]
    assert kept.mean() == pytest.approx(0.7, abs=4.5 * (0.21 / kept.size) ** 0.5)
    by_unit = stats.chisquare(kept.sum(axis=0), np.full(500, kept.sum() / 500)).statistic
    by_step = stats.chisquare(kept.sum(axis=1), np.full(400, kept.sum() / 400)).statistic
    # Sums of independent trials have 0.3 times the spread that these statistics take for granted.
    assert 0.3 * 400 < by_unit < 0.3 * 600
    assert 0.3 * 300 < by_step < 0.3 * 500


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(rate):
    x = np.random.default_rng(0).normal(size=(400, 500)).astype("float32")
    with dropout_masks.counted():
        y = np.asarray(keras.layers.AlphaDropout(rate, seed=2)(x, training=True))
    assert (y.mean(), y.std()) == (pytest.approx(0, abs=0.02), pytest.approx(1, abs=0.02))
    assert (y != x).any()


def test_spatial_dropout_drops_whole_channels():
    kept = masks(keras.layers.SpatialDropout2D(0.5, seed=4), draws=5, shape=(3, 4, 4, 40))
    assert (kept == kept[:, :, :1, :1]).all()
    assert 0.4 < kept.mean() < 0.6


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_dropout_rates_of_zero_and_one_are_exact(rate):
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(dropout_masks.dropout(x, rate, seed=1), x * (1 - rate))


def test_initializers_draw_unchanged_numbers():
    initializer = keras.initializers.HeNormal(seed=3)
    with dropout_masks.counted():
        within = np.asarray(initializer((4, 4)))
    np.testing.assert_array_equal(within, np.asarray(initializer((4, 4))))


def test_keras_random_numbers_are_restored_afterwards():
    with pytest.raises(KeyError), dropout_masks.counted():
        raise KeyError
    first, second = (np.asarray(keras.random.uniform((8,), seed=1)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, np.asarray(dropout_masks.uniform((8,), seed=1)))


@pytest.mark.compile
def test_masks_are_the_same_in_every_mode():
    def weights(mode):
        keras.utils.set_random_seed(0)
        noise = [keras.layers.GaussianNoise(0.1, seed=1), keras.layers.GaussianDropout(0.2, seed=2)]
        drops = [keras.layers.Dropout(0.5, seed=3), keras.layers.AlphaDropout(0.3, seed=4)]
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), *noise, *drops, keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        x = np.random.default_rng(0).normal(size=(40, 4))
        epoch.fit(model, (x, x.sum(axis=1)), epochs=2, batch_size=16, mode=mode)
        return np.concatenate([array.ravel() for array in model.get_weights()])

    xla, graph, step = (weights(mode) for mode in ("xla", "graph", "step"))
    np.testing.assert_allclose(xla, step, atol=1e-5)
    np.testing.assert_allclose(graph, step, atol=1e-5)
