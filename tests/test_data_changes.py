"""Changes of data sets that experiments ask for by name."""

import numpy as np
import pytest

from data import Source, Whole, binned, california_housing, diabetes, digits
from data.cache import DataError
from data.changes import CHANGES
from folklore import Recipe
from folklore.errors import DeclarationError
from models import mlp

IMAGES = np.arange(1.0, 60 * 4 * 5 + 1).reshape(60, 4, 5, 1)
LABELS = np.arange(60) % 3


def images(published_test=0):
    def load():
        return Whole(IMAGES, LABELS, published_test=published_test)

    return Source(
        name="made", task="classification", source="bundled", load=load, class_names=("a", "b", "c"), images=True
    )


def parts(dataset):
    return dataset.train, dataset.validation, dataset.test


@pytest.mark.parametrize("published", [0, 12])
def test_kept_classes_are_numbered_in_order_given(published):
    dataset = images(published)(0, classes=(2, 0))
    assert dataset.class_names == ("c", "a")
    assert dataset.outputs == 2
    for part in parts(dataset):
        np.testing.assert_array_equal(part.y, np.where(LABELS[part.rows] == 2, 0, 1))
        np.testing.assert_array_equal(part.x, IMAGES[part.rows])
    rows = np.concatenate([part.rows for part in parts(dataset)])
    assert sorted(rows) == [row for row in range(60) if LABELS[row] != 1]
    assert not published or dataset.test.rows.min() >= 48


def test_classes_of_two_halves_share_no_row():
    first, second = digits(0, classes=(0, 1, 2, 3, 4)), digits(0, classes=(5, 6, 7, 8, 9))
    assert not set(first.train.rows) & set(second.train.rows)
    assert set(second.test.y) == set(range(5))


def test_permutation_is_one_for_all_images_and_seeds():
    plain, permuted, other = images()(0), images()(0, permuted_pixels=7), images()(5, permuted_pixels=7)
    order = np.random.default_rng(7).permutation(20)
    for part, changed in zip(parts(plain), parts(permuted), strict=True):
        np.testing.assert_array_equal(changed.x.reshape(-1, 20), part.x.reshape(-1, 20)[:, order])
    np.testing.assert_array_equal(other.test.x.reshape(-1, 20), IMAGES[other.test.rows].reshape(-1, 20)[:, order])
    assert permuted.sha256 == plain.sha256  # the set that arms share
    assert permuted.train_sha256 != plain.train_sha256


@pytest.mark.parametrize(
    ("name", "moved"), [("train_shift", (True, True, False)), ("test_shift", (False, False, True))]
)
def test_images_are_shifted_in_their_part_only(name, moved):
    plain, shifted = images()(0), images()(0, **{name: 2})
    for part, changed, is_moved in zip(parts(plain), parts(shifted), moved, strict=True):
        assert (changed.x != part.x).any() == is_moved
        offsets = {_offset(before[..., 0], after[..., 0]) for before, after in zip(part.x, changed.x, strict=True)}
        assert offsets <= {(down, right) for down in range(-2, 3) for right in range(-2, 3)}
        assert len(offsets) > 4 if is_moved else offsets == {(0, 0)}


def _offset(before, after):
    """By how much an image was moved, with zeros where nothing was."""
    height, width = before.shape
    for down in range(-2, 3):
        for right in range(-2, 3):
            moved = np.zeros_like(before)
            rows, columns = slice(max(0, down), height + min(0, down)), slice(max(0, right), width + min(0, right))
            moved[rows, columns] = before[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
            if np.array_equal(moved, after):
                return down, right
    raise AssertionError("This is not the image moved.")


def test_noise_columns_are_standard_normal_and_named():
    plain, noisy = diabetes(3), diabetes(3, noise_columns=2)
    for part, changed in zip(parts(plain), parts(noisy), strict=True):
        np.testing.assert_array_equal(changed.x[:, :10], part.x)
    assert noisy.feature_names == (*plain.feature_names, "noise 1", "noise 2")
    noise = np.concatenate([part.x[:, 10:] for part in parts(noisy)])
    assert abs(noise.mean()) < 0.15
    assert 0.9 < noise.std() < 1.1
    assert (noisy.train.x[0, 10:] != noisy.test.x[0, 10:]).all()
    np.testing.assert_array_equal(diabetes(3, noise_columns=2, train_size=50).train.x, noisy.train.x[:50])
    assert (diabetes(4, noise_columns=2).train.x[:, 10:] != noisy.train.x[:, 10:]).all()


def test_binned_target_has_classes_of_equal_size():
    whole, cut = diabetes.read(), binned(diabetes, 4).read()
    assert np.bincount(cut.y).tolist() == pytest.approx([len(whole.y) / 4] * 4, abs=3)
    order = np.argsort(whole.y, kind="stable")
    assert (np.diff(cut.y[order]) >= 0).all()
    assert binned(california_housing, 4).stand_in == binned(diabetes, 4)


def test_binned_target_with_too_few_values_is_refused():
    source = Source(
        name="made", task="regression", source="bundled", load=lambda: Whole(np.ones((9, 1)), np.arange(9) // 5)
    )
    with pytest.raises(DataError, match="too few different values for 4 classes: only 2 would have rows"):
        binned(source, 4).read()


@pytest.mark.parametrize(
    ("source", "classes", "message"), [(digits, 2, "is for classification already"), (diabetes, 1, "classes=1")]
)
def test_target_that_cannot_be_binned_is_refused(source, classes, message):
    with pytest.raises(DataError, match=message):
        binned(source, classes)


@pytest.mark.parametrize(
    ("source", "params", "message"),
    [
        (digits, {"clases": (0, 1)}, "'clases', which it does not take. Did you mean 'classes'?"),
        (digits, {"classes": (0,)}, "Give two different class numbers or more, from 0 to 9"),
        (digits, {"classes": (0, 10)}, "from 0 to 9"),
        (digits, {"classes": (1, 1)}, "two different class numbers"),
        (diabetes, {"classes": (0, 1)}, "which is for classification, and diabetes is a table for regression"),
        (digits, {"noise_columns": 3}, "which is for a table, and digits is images for classification"),
        (diabetes, {"noise_columns": 0}, "Give a positive integer"),
        (diabetes, {"test_shift": 2}, "which is for images"),
        (digits, {"test_shift": 1.5}, "Give the most pixels"),
        (digits, {"permuted_pixels": True}, "Give the permutation's seed"),
    ],
)
def test_change_that_makes_no_sense_is_refused_when_declared(source, params, message):
    with pytest.raises(DeclarationError) as refusal:
        Recipe(model=mlp, data=source, data_params=params)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("source", "fields", "message"),
    [
        (digits, {"scaler": "quantile"}, "which cannot be scaled so. Give one of: standard, minmax, none"),
        (diabetes, {"scaler": "standard per pixel"}, "diabetes is a table, which cannot be scaled so"),
        (digits, {"target_scaler": "none"}, "the targets of digits are classes. Leave it out."),
        (diabetes, {"target_scaler": "nome"}, "Did you mean 'none'?"),
    ],
)
def test_scaler_that_makes_no_sense_is_refused_when_declared(source, fields, message):
    with pytest.raises(DeclarationError) as refusal:
        Recipe(model=mlp, data=source, **fields)
    assert message in str(refusal.value)


def test_every_change_is_documented():
    from pathlib import Path

    page = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
    for name, change in CHANGES.items():
        assert f"| `{name}` | {change.needs} | {change.meaning} |" in page
