"""The outcomes of test rows: what is written is read back, small files, and damaged ones are named."""

import numpy as np
import pytest

from folklore.errors import ProblemError
from folklore.storage.row_outcomes import FILE, RowOutcomes, read, write

RNG = np.random.default_rng(0)


def classes(rows=50, whole=200, kinds=3):
    return RowOutcomes(
        RNG.permutation(whole)[:rows],
        predicted=RNG.integers(0, kinds, rows),
        target=RNG.integers(0, kinds, rows),
        loss=RNG.exponential(0.5, rows).astype(np.float32),
    )


def errors(rows=50, whole=200):
    return RowOutcomes(RNG.permutation(whole)[:rows], error=RNG.normal(size=rows).astype(np.float32), unit=1.15)


@pytest.mark.parametrize("kinds", [3, 300, 70_000])
def test_classes_are_read_back_sorted_by_row(tmp_path, kinds):
    given = classes(kinds=kinds)
    write(tmp_path, given)
    found, order = read(tmp_path), np.argsort(given.rows)
    assert (found.rows.dtype, found.predicted.dtype, found.loss.dtype) == (np.int64, np.int64, np.float32)
    for name in ("rows", "predicted", "target"):
        np.testing.assert_array_equal(getattr(found, name), getattr(given, name)[order])
    np.testing.assert_allclose(found.loss, given.loss[order], rtol=5e-4, atol=1e-7)
    assert found.error is None and found.unit is None


def test_errors_are_read_back_sorted_by_row(tmp_path):
    given = errors()
    write(tmp_path, given)
    found, order = read(tmp_path), np.argsort(given.rows)
    np.testing.assert_array_equal(found.rows, given.rows[order])
    np.testing.assert_allclose(found.error, given.error[order], rtol=5e-4, atol=1e-7)
    assert (found.error.dtype, found.unit) == (np.float32, 1.15)
    assert found.predicted is None and found.target is None and found.loss is None


@pytest.mark.parametrize("rows", [[0], [70_000], [3, 2**26, 0]])
def test_any_row_numbers_are_read_back(tmp_path, rows):
    write(tmp_path, RowOutcomes(np.array(rows), error=np.zeros(len(rows), np.float32), unit=1.0))
    assert read(tmp_path).rows.tolist() == sorted(rows)


@pytest.mark.parametrize("outcomes", [classes(10_000, 70_000, kinds=10), errors(10_000, 70_000)])
def test_file_is_small_and_opened_by_numpy(tmp_path, outcomes):
    write(tmp_path, outcomes)
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    assert (tmp_path / FILE).stat().st_size < 40_000
    with np.load(tmp_path / FILE, allow_pickle=False) as stored:
        assert np.cumsum(stored["row_steps"], dtype=np.int64).tolist() == sorted(outcomes.rows)


def test_equal_outcomes_give_equal_bytes(tmp_path):
    given = errors()
    write(tmp_path / "a", given)
    write(tmp_path / "b", given)
    assert (tmp_path / "a" / FILE).read_bytes() == (tmp_path / "b" / FILE).read_bytes()


def test_values_beyond_range_are_stored_at_its_end(tmp_path):
    values = np.array([1e9, -1e9, np.inf, -np.inf, np.nan, 65_519], np.float32)
    write(tmp_path, RowOutcomes(np.arange(6), error=values, unit=1.0))
    assert read(tmp_path).error.tolist() == [65_504, -65_504, 65_504, -65_504, 65_504, 65_504]


def test_run_without_file_has_no_outcomes(tmp_path):
    assert read(tmp_path / "none") is None


def named_as_damaged(path, what=""):
    with pytest.raises(ProblemError, match=rf"test_rows\.npz cannot be read: .*{what}"):
        read(path)


def test_truncated_file_is_named(tmp_path):
    write(tmp_path, errors())
    content = (tmp_path / FILE).read_bytes()
    for length in range(0, len(content), 7):
        (tmp_path / FILE).write_bytes(content[:length])
        named_as_damaged(tmp_path)


@pytest.mark.parametrize("outcomes", [classes(), errors()])
def test_flipped_bit_is_named_or_changes_nothing(tmp_path, outcomes):
    write(tmp_path, outcomes)
    content, whole = (tmp_path / FILE).read_bytes(), read(tmp_path)
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        (tmp_path / FILE).write_bytes(flipped)
        try:
            found = read(tmp_path)
        except ProblemError as error:
            assert FILE in str(error)
        else:  # a bit that says when it was written, for example
            for name in ("rows", "loss", "error"):
                np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))


STEPS = np.array([4, 1, 1], np.uint8)
HALVES = np.array([1, 2, 3], np.float16)
MISFITS = {
    "nothing": ({}, "no arrays"),
    "one task's and the other's": (dict(row_steps=STEPS, error=HALVES, unit=1.0, loss=HALVES), "loss"),
    "no unit": (dict(row_steps=STEPS, error=HALVES), "unit"),
    "lengths": (dict(row_steps=STEPS, error=HALVES[:2], unit=1.0), "error is of"),
    "kind": (dict(row_steps=STEPS, predicted=HALVES, target=STEPS, loss=HALVES), "predicted is of"),
    "negative": (dict(row_steps=STEPS.astype(int), error=HALVES, unit=1.0), "row_steps is of"),
    "nan": (dict(row_steps=STEPS, error=HALVES * np.float16(np.nan), unit=1.0), "NaN"),
    "unit nan": (dict(row_steps=STEPS, error=HALVES, unit=np.nan), "unit holds NaN"),
    "row twice": (dict(row_steps=STEPS - np.uint8(1), error=HALVES, unit=1.0), "two outcomes"),
    "objects": (dict(row_steps=STEPS, error=np.array([None] * 3), unit=1.0), "allow_pickle"),
    "tables": (dict(row_steps=STEPS[:, None], error=HALVES[:, None], unit=1.0), "row_steps is of"),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_what_could_not_have_been_written_is_named(tmp_path, misfit):
    arrays, what = MISFITS[misfit]
    np.savez(tmp_path / FILE, **arrays)
    named_as_damaged(tmp_path, what)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"text"])
def test_other_content_is_named(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    named_as_damaged(tmp_path)


def test_single_array_is_named(tmp_path):
    with (tmp_path / FILE).open("wb") as file:
        np.save(file, STEPS)
    named_as_damaged(tmp_path)


def test_directory_is_named(tmp_path):
    (tmp_path / FILE).mkdir()
    named_as_damaged(tmp_path, "not a regular file")
