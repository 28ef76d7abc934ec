"""Scaling learns only from the training part, can be inverted, and survives JSON."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

from data import Dataset, Preprocessing, Split, diabetes, digits
from data.preprocessing import kinds_for

FOR_TABLES = kinds_for(images=False)
HONEST = [kind for kind in FOR_TABLES if not kind.startswith("leaky")]


def dataset(*parts: tuple[np.ndarray, np.ndarray], classes: tuple[str, ...] = ()) -> Dataset:
    train, validation, test = (Split(*part) for part in parts)
    return Dataset(
        name="made",
        task="classification" if classes else "regression",
        source="bundled",
        train=train,
        validation=validation,
        test=test,
        class_names=classes,
        feature_names=(),
        unit="",
        sha256="0" * 64,
    )


def table(rows: int = 40, seed: int = 0) -> Dataset:
    random = np.random.default_rng(seed)
    return dataset(*((random.normal(5.0, 3.0, (rows, 3)), random.normal(200.0, 50.0, rows)) for _ in range(3)))


def images() -> Dataset:
    random = np.random.default_rng(0)
    parts = [(random.integers(0, 256, (n, 4, 4, 1), np.uint8), np.arange(n, dtype=np.int32) % 2) for n in (2500, 9, 9)]
    return dataset(*parts, classes=("a", "b"))


@pytest.mark.parametrize(
    ("kind", "scaler"),
    [
        ("standard", StandardScaler()),
        ("minmax", MinMaxScaler()),
        ("quantile", QuantileTransformer(n_quantiles=282, output_distribution="normal", random_state=0)),
    ],
    ids=["standard", "minmax", "quantile"],
)
def test_tables_are_scaled_as_by_scikit_learn(kind, scaler):
    raw = diabetes(0)
    scaled = Preprocessing.fit(kind, raw).apply(raw)
    scaler.fit(raw.train.x)
    for part in ("train", "validation", "test"):
        expected = scaler.transform(getattr(raw, part).x)
        np.testing.assert_allclose(getattr(scaled, part).x, expected, rtol=1e-5, atol=1e-6)


def test_many_rows_give_thousand_quantiles():
    fitted = Preprocessing.fit("quantile", table(1500))
    assert {len(column) for column in fitted.quantiles} == {1000}


@pytest.mark.parametrize("kind", HONEST)
def test_scaler_sees_only_training_part(kind):
    raw = table()
    wild = Split(np.full((40, 3), 1e6), np.full(40, -1e6))
    fitted = Preprocessing.fit(kind, raw)
    assert Preprocessing.fit(kind, dataclasses.replace(raw, validation=wild, test=wild)) == fitted
    if kind != "none":
        assert Preprocessing.fit(kind, dataclasses.replace(raw, train=raw.test)) != fitted


@pytest.mark.parametrize("kind", ["standard", "minmax", "quantile"])
def test_leaky_scaler_is_that_of_all_rows(kind):
    raw = table()
    every = (np.concatenate([part.x for part in (raw.train, raw.validation, raw.test)]),
             np.concatenate([part.y for part in (raw.train, raw.validation, raw.test)]))  # fmt: skip
    leaky = Preprocessing.fit(f"leaky {kind}", raw)
    honest = Preprocessing.fit(kind, dataset(every, every, every))
    assert dataclasses.replace(leaky, kind=kind) == honest
    np.testing.assert_array_equal(leaky.apply(raw).test.x, honest.apply(raw).test.x)


def test_each_pixel_is_scaled_by_its_own_mean_and_spread():
    raw = images()
    fitted = Preprocessing.fit("standard per pixel", raw)
    scaled, remaining = fitted.apply_beside_device(raw)
    flat = raw.train.x.reshape(len(raw.train), -1).astype(float)
    np.testing.assert_allclose(fitted.shift, flat.mean(axis=0))
    expected = StandardScaler().fit(flat).transform(raw.test.x.reshape(len(raw.test), -1).astype(float))
    np.testing.assert_allclose(scaled.test.x, expected.reshape(raw.test.x.shape), atol=1e-5)
    assert remaining is None
    assert scaled.test.x.dtype == np.float32


@pytest.mark.parametrize(
    ("kind", "target", "scaled"),
    [("none", "standard", True), ("standard", "none", False), ("none", "", False), ("minmax", "", True)],
)
def test_target_is_scaled_apart_from_inputs(kind, target, scaled):
    raw = table()
    found = Preprocessing.fit(kind, raw, target).apply(raw)
    expected = (raw.test.y - raw.train.y.mean()) / raw.train.y.std() if scaled else raw.test.y
    np.testing.assert_allclose(found.test.y, expected, rtol=1e-5)
    if kind == "none":
        np.testing.assert_array_equal(found.test.x, raw.test.x.astype(np.float32))


@pytest.mark.parametrize(
    "raw", [table(), images(), diabetes(0), digits(0)], ids=["table", "images", "diabetes", "digits"]
)
def test_scaled_data_has_expected_shapes_and_dtypes(raw):
    for kind in kinds_for(images=raw.train.x.ndim > 2):
        scaled = Preprocessing.fit(kind, raw).apply(raw)
        for part in ("train", "validation", "test"):
            before, after = getattr(raw, part), getattr(scaled, part)
            assert after.x.dtype == np.float32
            assert after.x.shape == before.x.shape or kind == "piecewise linear"  # which has more columns
            assert after.y.dtype == (np.float32 if raw.task == "regression" else np.int32)
            assert after.y.shape == before.y.shape
        assert (scaled.name, scaled.sha256, scaled.class_names) == (raw.name, raw.sha256, raw.class_names)


@pytest.mark.parametrize("raw", [diabetes(0), digits(0)], ids=["table", "images"])
def test_row_numbers_are_kept(raw):
    fitted = Preprocessing.fit("standard", raw)
    for scaled in (fitted.apply(raw), fitted.apply_beside_device(raw)[0]):
        for part in ("train", "validation", "test"):
            assert getattr(scaled, part).rows is getattr(raw, part).rows is not None


def test_images_share_one_mean_and_deviation():
    raw = images()
    fitted = Preprocessing.fit("standard", raw)
    np.testing.assert_allclose((fitted.shift, fitted.scale), ([raw.train.x.mean()], [raw.train.x.std()]), rtol=1e-12)
    scaled = fitted.apply(raw).train.x
    assert abs(scaled.mean(dtype=np.float64)) < 1e-6
    assert scaled.std(dtype=np.float64) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(scaled, (raw.train.x - raw.train.x.mean()) / raw.train.x.std(), atol=1e-5)


def test_images_share_one_minimum_and_maximum():
    raw = images()
    fitted = Preprocessing.fit("minmax", raw)
    assert (fitted.shift, fitted.scale) == ((0.0,), (255.0,))
    scaled = fitted.apply(raw).train.x
    assert (scaled.min(), scaled.max()) == (0.0, 1.0)


def test_scaler_none_changes_only_dtype():
    raw = images()
    np.testing.assert_array_equal(Preprocessing.fit("none", raw).apply(raw).train.x, raw.train.x)
    raw = table()
    np.testing.assert_array_equal(Preprocessing.fit("none", raw).apply(raw).train.y, raw.train.y.astype(np.float32))


@pytest.mark.parametrize("kind", ["standard", "minmax", "quantile"])
def test_targets_are_standardised_and_restored(kind):
    raw = table()
    fitted = Preprocessing.fit(kind, raw)
    assert fitted.target_mean == pytest.approx(raw.train.y.mean())
    assert fitted.target_scale == pytest.approx(raw.train.y.std())
    scaled = fitted.apply(raw)
    assert scaled.train.y.mean() == pytest.approx(0.0, abs=1e-6)
    assert scaled.train.y.std() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(fitted.inverse_target(scaled.test.y), raw.test.y, rtol=1e-5)
    column = fitted.inverse_target(scaled.test.y[:, None])  # as a model predicts it
    assert column.shape == (40, 1)
    assert column.dtype == np.float64


def test_class_numbers_are_not_scaled():
    raw = digits(0)
    fitted = Preprocessing.fit("standard", raw)
    assert (fitted.target_mean, fitted.target_scale) == (0.0, 1.0)
    np.testing.assert_array_equal(fitted.apply(raw).test.y, raw.test.y)


@pytest.mark.parametrize("kind", [kind for kind in FOR_TABLES if kind != "piecewise linear"])
def test_constant_columns_do_not_become_nan(kind):
    x, y = table().train.x, np.full(40, 0.1)
    x[:, 1] = 0.1  # its mean in floating point is not exactly 0.1
    raw = dataset((x, y), (x, y), (x, y))
    scaled = Preprocessing.fit(kind, raw).apply(raw).train
    assert np.isfinite(scaled.x).all()
    expected = {"quantile": -5.2, "none": 0.1}.get(kind.removeprefix("leaky "), 0.0)
    np.testing.assert_allclose(scaled.x[:, 1], expected, atol=1e-3)
    np.testing.assert_allclose(scaled.y, 0.1 if kind == "none" else 0.0, atol=1e-6)


@pytest.mark.parametrize("kind", ["standard", "minmax"])
def test_blank_images_do_not_become_nan(kind):
    part = (np.full((6, 4, 4, 1), 0.1), np.zeros(6, np.int32))
    raw = dataset(part, part, part, classes=("a",))
    np.testing.assert_array_equal(Preprocessing.fit(kind, raw).apply(raw).train.x, 0.0)


@pytest.mark.parametrize("raw", [diabetes(0), images()], ids=["table", "images"])
def test_json_round_trip_transforms_identically(raw):
    for kind in kinds_for(images=raw.train.x.ndim > 2):
        fitted = Preprocessing.fit(kind, raw)
        again = Preprocessing.from_json(json.loads(json.dumps(fitted.to_json(), allow_nan=False)))
        assert again == fitted
        mine, other = fitted.apply(raw), again.apply(raw)
        for part in ("train", "validation", "test"):
            np.testing.assert_array_equal(getattr(mine, part).x, getattr(other, part).x)
            np.testing.assert_array_equal(getattr(mine, part).y, getattr(other, part).y)


def test_invalid_json_record_is_refused():
    with pytest.raises(TypeError, match="mystery"):
        Preprocessing.from_json({"kind": "none", "mystery": 1})


def test_misspelt_scaler_names_nearest():
    with pytest.raises(ValueError, match=r"'standart'\. Did you mean 'standard'\? Give one of: standard, minmax"):
        Preprocessing.fit("standart", table())


def test_quantile_scaler_refuses_images():
    with pytest.raises(ValueError, match="for tables"):
        Preprocessing.fit("quantile", images())


def test_raw_data_is_not_changed():
    raw = images()
    before = raw.train_sha256
    with warnings.catch_warnings(action="error"):
        Preprocessing.fit("standard", raw).apply(raw)
    assert raw.train_sha256 == before
