"""Tables of the user's own, from a CSV file to a verdict."""

import io
import pickle

import numpy as np
import pandas
import pytest
from rich.console import Console

import data
import folklore
from data import DataError
from folklore import Experiment, Hypothesis, Metric, Recipe
from models import mlp

HEAD = "size,colour,new,price,kind\n"
ROWS = [(i, "red" if i % 3 else "blue", i % 2 == 0, 2 * i + 1, "a" if i < 40 else "b") for i in range(60)]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(HEAD + "".join(f"{','.join(map(str, row))}\n" for row in ROWS))
    return path


def changed(file, before, after, count=-1):
    file.write_text(file.read_text().replace(before, after, count))
    return file


def test_texts_become_columns_and_numbers_stay(file):
    prices = data.table(file, target="price", drop=("kind",), unit="euros")
    loaded = prices(seed=0)
    assert loaded.feature_names == ("size", "colour=blue", "colour=red", "new=False", "new=True")
    assert (loaded.name, loaded.unit, loaded.task, loaded.outputs) == ("prices", "euros", "regression", 1)
    assert (len(loaded.train), len(loaded.validation), len(loaded.test)) == (38, 10, 12)
    size, blue = loaded.train.x[:, 0], loaded.train.x[:, 1]
    np.testing.assert_array_equal(loaded.train.y, 2 * size + 1)
    np.testing.assert_array_equal(blue, size % 3 == 0)


def test_class_labels_may_be_text_or_numbers(file):
    kinds = data.table(file, target="kind", task="classification")
    assert kinds.class_names == ("a", "b")
    loaded = kinds(seed=0)
    np.testing.assert_array_equal(loaded.test.y, loaded.test.x[:, loaded.feature_names.index("size")] >= 40)
    parity = data.table(file, target="new", task="classification", name="parity")
    assert (parity.class_names, parity(seed=0).name) == (("False", "True"), "parity")


def test_equal_tables_are_equal_also_in_another_process(file):
    one, other = data.table(file, target="price"), data.table(str(file), target="price")
    assert one == other == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(other)
    assert one(seed=0).sha256 == other(seed=1).sha256 != data.table(file, target="size")(seed=0).sha256


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(target="prise"), "prices.csv has no column 'prise'. Did you mean 'price'? There are: size, colour"),
        (dict(target="price", drop=("colur",)), "has no column 'colur'. Did you mean 'colour'?"),
        (dict(target="price", drop=("price",)), "is the target, and is in drop as well"),
        (dict(target="colour"), "has 'blue' in 'colour', the target, and regression needs numbers"),
        (dict(target="price", drop=("size", "colour", "new", "kind")), "60 rows and 0 columns beside the target"),
    ],
)
def test_wrong_column_is_named_with_what_to_do(file, given, message):
    with pytest.raises(DataError) as refusal:
        data.table(file, **given)(seed=0)
    assert message in str(refusal.value)


def test_missing_file_and_other_formats_are_refused(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        data.table(tmp_path / "none.csv", target="a")
    with pytest.raises(DataError, match=r"neither a \.csv nor a \.parquet file"):
        data.table(tmp_path / "a.xlsx", target="a")


def test_missing_values_are_refused_by_name_dropped_or_filled(file):
    changed(file, "\n7,red", "\n,red")
    changed(file, "\n9,blue", "\n9,")
    with pytest.raises(DataError, match=r"has 1 missing values in 'size'.*missing=\"drop\""):
        data.table(file, target="price")(seed=0)
    dropped = data.table(file, target="price", missing="drop").read()
    assert len(dropped.y) == 58
    filled = data.table(file, target="price", missing="median").read()
    assert filled.x[7, 0] == 30.0  # the median of 0 … 59 without 7
    assert "colour=missing" in filled.feature_names


def test_missing_target_is_refused(file):
    with pytest.raises(DataError, match="has 1 rows without 'price', the target"):
        data.table(changed(file, ",15,a", ",,a", 1), target="price")(seed=0)


def test_column_of_names_is_no_category(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("who,age\n" + "".join(f"person {i},{i}\n" for i in range(60)))
    with pytest.raises(DataError, match=r"has 60 different texts in 'who', such as 'person 0'.*drop=\('who',\)"):
        data.table(path, target="age")(seed=0)


@pytest.mark.process
def test_csv_leads_to_comparison_in_a_few_lines(file, tmp_path):
    base = Recipe(model=mlp, params=dict(widths=(4,)), data=data.table(file, target="price"), epochs=2, mode="graph")
    study = Experiment(
        claim="A wider network predicts prices better.",
        arms={"narrow": base, "wide": base.but(params=dict(widths=(32,)))},
        baseline="narrow",
        metric=Metric("test/rmse", goal="min"),
        hypothesis=Hypothesis("wide", "better", by=1.0),
    )
    found = folklore.run(study, "my.prices", seeds=2, logdir=tmp_path, jobs=1, console=Console(file=io.StringIO()))
    assert found.comparison.data.name == "prices"
    assert set(found.table.index) == {"narrow", "wide"}


def test_parquet_gives_the_same_as_csv(file):
    pandas.read_csv(file).to_parquet(file.with_suffix(".parquet"))
    csv, parquet = (data.table(path, target="price", name="prices") for path in (file, file.with_suffix(".parquet")))
    assert csv.read().sha256 == parquet.read().sha256
    assert csv.read().feature_names == parquet.read().feature_names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y,y\n1,2,3\n", r"has several columns called 'y'\. Rename them"),
        ("x,y\n", "has no rows below its header"),
    ],
)
def test_table_that_cannot_be_meant_is_refused(tmp_path, text, message):
    file = tmp_path / "odd.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        data.table(file, target="y")(seed=0)
