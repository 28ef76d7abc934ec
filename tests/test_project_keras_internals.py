"""Private names of Keras, TensorFlow and scikit-learn that the suite relies on still work as expected."""

import functools
import random
from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import random_seed

from folklore import keras_internals

pytestmark = pytest.mark.compile


@pytest.fixture
def model():
    inner = keras.Sequential([keras.layers.Dense(3, name="inner")], name="nested")
    inputs = keras.Input((4,), name="inputs")
    model = keras.Model(inputs, keras.layers.Dropout(0.5, name="dropout")(inner(inputs)))
    model.compile("sgd", "mse")
    return model


def test_all_layers_include_those_of_nested_models(model):
    names = [layer.name for layer in keras_internals.all_layers(model)]
    assert {"nested", "inner", "dropout"} <= set(names)
    assert model not in keras_internals.all_layers(model)
    assert model in keras_internals.all_layers(model, include_self=True)


def test_names_start_afresh_and_later_ones_are_new():
    first = keras.layers.Dense(3).name
    with keras_internals.names_from_the_start():
        inside = [keras.layers.Dense(3).name for _ in range(2)]
    assert inside == ["dense", "dense_1"]
    assert keras.layers.Dense(3).name not in {first, *inside}


def test_own_variables_leave_out_those_of_layers_inside(model):
    assert keras_internals.own_variables(model.get_layer("nested")) == []
    own = keras_internals.own_variables(model.get_layer("nested").get_layer("inner"))
    assert [variable.name for variable in own] == ["kernel", "bias"]


def test_outputs_per_row_has_one_shape_per_call(model):
    assert list(keras_internals.outputs_per_row(model.get_layer("dropout"))) == [(3,)]


def test_nodes_come_inputs_first(model):
    assert [node.operation.name for node in keras_internals.nodes_in_order(model)] == ["inputs", "nested", "dropout"]


def test_each_compile_creates_new_compilation(model):
    before = keras_internals.compilation(model)
    assert keras_internals.compilation(model) is before
    model.compile("sgd", "mse")
    assert keras_internals.compilation(model) is not before


def test_variables_are_built_without_step(model):
    before = model.get_weights()
    keras_internals.build_variables(model, (np.ones((2, 4), "float32"), np.ones((2, 3), "float32")))
    assert model.optimizer.built
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_logs_other_than_metrics_are_kept(model):
    keras_internals.build_variables(model, (np.ones((2, 4), "float32"), np.ones((2, 3), "float32")))
    assert keras_internals.metrics_or_logs(model, {"other": 1.0}) == {"other": 1.0}
    assert list(keras_internals.metrics_or_logs(model, {"loss": 1.0})) == ["loss"]


def test_restored_epoch_is_returned_once(model, tmp_path):
    x, y = np.ones((4, 4), "float32"), np.ones((4, 3), "float32")
    stop = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / (1 - epoch))
    with pytest.raises(ZeroDivisionError):
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
        model.fit(x, y, epochs=3, callbacks=[stop, backup], verbose=0)
    restored = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    restored.set_model(model)
    restored.on_train_begin()
    assert keras_internals.take_restored_epoch(model) == 1
    assert keras_internals.take_restored_epoch(model) is None


def test_learning_rate_is_schedule_if_given():
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    assert keras_internals.learning_rate(keras.optimizers.SGD(schedule)) is schedule
    assert isinstance(keras_internals.learning_rate(keras.optimizers.SGD(0.1)), keras.Variable)


def test_layers_draw_from_replaced_functions(monkeypatch):
    drawn = []
    monkeypatch.setattr(keras_internals.random_functions, "dropout", lambda x, *_, **__: drawn.append(1) or x)
    keras.layers.Dropout(0.5)(np.ones((2, 3), "float32"), training=True)
    assert drawn == [1]


def test_each_draw_of_seed_generator_has_another_seed():
    generator = keras.random.SeedGenerator(3)
    first, second = (tuple(np.asarray(keras_internals.draw_seed(generator))) for _ in range(2))
    assert first != second


def test_gpu_memory_is_reported_for_gpus_only():
    import tensorflow as tf

    assert len(keras_internals.gpu_memory_limits()) == len(tf.config.list_physical_devices("GPU"))


def test_layers_know_their_successors(model):
    followers = [node.operation.name for node in model.get_layer("nested")._outbound_nodes]
    assert "dropout" in followers


def test_scikit_learn_names_archive_of_california():
    from sklearn.datasets._california_housing import ARCHIVE

    assert len(ARCHIVE.checksum) == 64


def traced_names(*keys):
    """The names of the functions within a traced function, by key."""
    names = {}
    for key in keys:
        branches = tf.function(lambda x: tf.cond(x > 0, lambda: x, lambda: -x))
        with keras_internals.functions_named_after(key):
            graph = branches.get_concrete_function(tf.constant(1.0)).graph
        names[key] = [function.signature.name for function in graph.as_graph_def().library.function]
    return names


def test_functions_are_named_after_key_whatever_was_traced_before(monkeypatch):
    monkeypatch.setattr(keras_internals, "_times", Counter())
    first = traced_names("one", "two")
    assert set(first["one"]).isdisjoint(first["two"])
    monkeypatch.setattr(keras_internals, "_times", Counter())
    assert traced_names("two", "other", "one")["one"] == first["one"]


def test_key_that_comes_again_gives_other_names():
    first, again = traced_names("again")["again"], traced_names("again")["again"]
    assert first
    assert set(first).isdisjoint(again)


@pytest.fixture
def random_ops(monkeypatch):
    """TensorFlow's `get_seed` as no process has used it yet; `made()` makes a random op that keeps a state."""
    original = random_seed.get_seed
    monkeypatch.setattr(random_seed, "get_seed", getattr(original, "get_seed", original))
    return lambda: tf.random.uniform((2,), seed=3).numpy().tolist()


def test_seed_is_set_as_keras_sets_it(random_ops):
    drawn = []
    ours = functools.partial(keras_internals.set_random_seed, forget=False)
    for set_seed in (keras.utils.set_random_seed, ours, ours):
        set_seed(5)
        drawn.append((random.random(), np.random.random(), keras.random.uniform((2,)).numpy().tolist()))
    assert drawn[0] == drawn[1] == drawn[2]


def test_random_ops_that_keep_state_begin_anew_with_every_seed(random_ops):
    keras_internals.set_random_seed(5, forget=False)
    first = random_ops()
    assert random_ops() != first
    for _ in range(2):
        keras_internals.set_random_seed(5, forget=False)
        assert random_ops() == first


def test_functions_stay_optimized_until_random_op_keeps_state(random_ops, monkeypatch):
    forgotten = []
    monkeypatch.setattr(context.pywrap_tfe, "TFE_ContextClearCaches", forgotten.append)
    keras_internals.set_random_seed(1, forget=False)
    assert len(forgotten) == 1  # what ran before was not watched
    keras.layers.Dropout(0.5)(np.ones((2, 2)), training=True)
    keras_internals.set_random_seed(2, forget=False)
    assert len(forgotten) == 1
    keras_internals.set_random_seed(2, forget=True)
    assert len(forgotten) == 2
    random_ops()
    keras_internals.set_random_seed(3, forget=False)
    keras_internals.set_random_seed(4, forget=False)
    assert len(forgotten) == 4


def test_tensorboard_callback_tells_whether_it_profiles(tmp_path):
    assert not keras_internals.profiles(keras.callbacks.TensorBoard(tmp_path))
    assert keras_internals.profiles(keras.callbacks.TensorBoard(tmp_path, profile_batch=2))


def test_data_adapter_weighs_classes_and_tells_its_batches():
    dataset = tf.data.Dataset.from_tensor_slices((np.ones((4, 2)), np.array([0, 1, 1, 0]))).batch(3)
    adapter = keras_internals.data_adapter(dataset, {0: 1.0, 1: 5.0})
    assert adapter.num_batches == 2
    assert [batch[2].numpy().tolist() for batch in adapter.get_tf_dataset()] == [[1, 5, 5], [1]]
    assert callable(adapter.on_epoch_begin) and callable(adapter.on_epoch_end)
