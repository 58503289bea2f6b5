"""The container against lists, keys against numpy, statistics against averages, and what the gate reads."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.model_selection import GroupKFold, KFold, cross_val_score, train_test_split
from sklearn.utils import indexable, resample, shuffle

from sklearn_seq import GRUClassifier, Sequences, SlidingWindow, from_channels_first
from sklearn_seq.sequences.finite import first_bad
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.sequences.order import content_order, distinct_rows
from sklearn_seq.sequences.reading import describe
from sklearn_seq.sequences.statistics import feature_statistics
from sklearn_seq.sequences.weights import read_groups, read_weight

SMALL_INTS = st.integers(-2, 2)


@st.composite
def lists(draw, min_size=1):
    """Sequences of small whole numbers, so that equal ones occur."""
    n_features = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(1, 4), min_size=min_size, max_size=8))
    return [draw(hnp.arrays(np.float64, (length, n_features), elements=SMALL_INTS)) for length in lengths]


@st.composite
def stretches(draw):
    """Stretches of one block, which may overlap, repeat, leave rows out and stand in any order."""
    n = draw(st.integers(1, 12))
    values = np.arange(2.0 * n).reshape(n, 2)
    pairs = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(1, 5)), min_size=1, max_size=8))
    starts = np.array([start for start, _ in pairs])
    return Sequences(values, starts, np.minimum(starts + [length for _, length in pairs], n))


def same(sequences, arrays):
    assert len(sequences) == len(arrays)
    for found, wanted in zip(sequences, arrays, strict=True):
        np.testing.assert_array_equal(found, wanted, strict=True)


# -- as a list -----------------------------------------------------------------------------------------------------------


@given(lists(), st.data())
def test_indexing_is_that_of_a_list(arrays, data):
    X = Sequences.from_list(arrays)
    n = len(arrays)
    same(X, arrays)
    same(X.to_list(), arrays)
    assert X.shape == (n, None, arrays[0].shape[1])
    assert (X.ndim, X.n_features, X.lengths.tolist()) == (3, arrays[0].shape[1], [len(a) for a in arrays])
    i = data.draw(st.integers(-n, n - 1))
    np.testing.assert_array_equal(X[i], arrays[i])
    np.testing.assert_array_equal(X[np.int64(i)], arrays[i])
    cut = data.draw(st.slices(n))
    same(X[cut], arrays[cut])
    same(X[cut, :], arrays[cut])
    same(X[cut, ...], arrays[cut])
    rows = data.draw(st.lists(st.integers(-n, n - 1), max_size=9))
    same(X[rows], [arrays[i] for i in rows])
    same(X[np.array(rows, dtype=int)][::-1], [arrays[i] for i in rows][::-1])
    mask = data.draw(hnp.arrays(bool, n))
    same(X[mask], [array for array, there in zip(arrays, mask, strict=True) if there])
    with pytest.raises(IndexError, match=f"sequence {n} of {n}"):
        X[n]
    with pytest.raises(IndexError, match="indexed by sequence"):
        X[0, 1]


@given(stretches())
def test_taking_a_part_copies_no_value(X):
    part = X[::-1][: len(X) // 2 + 1]
    assert part.values is X.values
    same(part, X.to_list()[::-1][: len(X) // 2 + 1])


@given(stretches(), st.data())
def test_pickles_keep_only_the_rows_in_use(X, data):
    part = X[data.draw(st.lists(st.integers(0, len(X) - 1), min_size=1, max_size=4))]
    used = {row for start, stop in zip(part.starts, part.stops, strict=True) for row in range(start, stop)}
    for copied in (pickle.loads(pickle.dumps(part)), copy.deepcopy(part)):
        same(copied, part.to_list())
        assert len(copied.values) == len(used)
        assert copied.overlapping == part.overlapping


def test_windows_of_a_table_pickle_to_about_the_table():
    table = np.random.default_rng(0).normal(size=(2000, 8))
    X = SlidingWindow(50).fit_transform(table)
    assert len(pickle.dumps(X)) < 1.4 * table.nbytes
    assert len(pickle.dumps(X[:1000])) < 0.75 * table.nbytes


@given(stretches())
def test_equality_is_that_of_the_content(X):
    assert X == Sequences.from_list(X.to_list())
    assert X == X.to_block()
    assert X != Sequences.from_list([*X, X[0]])
    moved = X.to_block()
    assert moved != moved.map_values(moved.values + 1)
    assert (X == "text") is False
    with pytest.raises(TypeError, match="unhashable"):
        hash(X)


@given(lists(), lists())
def test_unequal_lists_are_unequal(first, second):
    wanted = len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=False))
    assert (Sequences.from_list(first) == Sequences.from_list(second)) is wanted


@given(lists())
def test_padding_and_back(arrays):
    X = Sequences.from_list(arrays)
    padded = X.to_padded()
    assert padded.shape == (len(X), max(map(len, arrays)), X.n_features)
    for row, array in zip(padded, arrays, strict=True):
        np.testing.assert_array_equal(row[: len(array)], array)
        assert np.isnan(row[len(array) :]).all()
    same(Sequences.from_padded(padded), arrays)
    same(Sequences.from_padded(X.to_padded(0), X.lengths), arrays)


def test_padding_keeps_nan_inside():
    X = Sequences.from_list([np.array([1.0, np.nan, 3.0]), np.array([[1.0]])])
    assert Sequences.from_padded(X.to_padded()).lengths.tolist() == [3, 1]


@given(lists(), st.randoms(use_true_random=False))
def test_frames_and_back(arrays, random):
    X = Sequences.from_list(arrays)
    frame = X.to_frame()
    assert list(frame.columns) == ["id", "time", *(f"x{i}" for i in range(X.n_features))]
    assert X == Sequences.from_frame(frame, id="id", time="time")
    assert X == Sequences.from_frame(frame, id="id", columns=list(frame.columns[2:]))
    order = list(range(len(frame)))
    random.shuffle(order)
    mixed = frame.iloc[order]
    first = list(dict.fromkeys(mixed["id"]))  # sequences come in order of their first row
    wanted = [arrays[i] for i in first]
    same(Sequences.from_frame(mixed, id="id", time="time"), wanted)
    same(Sequences.from_frame(pl.DataFrame(mixed.to_dict("list")), id="id", time="time"), wanted)


def test_frames_with_text_ids_and_dates():
    frame = pd.DataFrame(
        {"day": pd.to_datetime(["2020-01-02", "2020-01-01", "2020-01-01"]), "who": ["b", "b", "a"], "x": [2, 1, 3]}
    )
    X = Sequences.from_frame(frame, id="who", time="day")
    same(X, [np.array([[1], [2]]), np.array([[3]])])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: Sequences.from_frame(f, id="who"), r"^the frame has no column 'who'; its columns are \['id', 'x'\]"),
        (lambda f: Sequences.from_frame(f, id="id", time="t"), "no column 't'"),
        (lambda f: Sequences.from_frame(f, id="id", columns=["y"]), "no column 'y'"),
        (lambda f: Sequences.from_frame(f[:0], id="id"), "has 0 rows; wanted at least one"),
        (lambda f: Sequences.from_frame(f[["id"]], id="id"), "no feature column"),
        (lambda f: Sequences.from_list([]), "got 0 sequences"),
        (lambda f: Sequences.from_list([np.zeros((2, 2, 2))]), r"sequence 0 has shape \(2, 2, 2\)"),
        (lambda f: Sequences.from_list([np.zeros((4, 2)), np.zeros((2, 4))]), "looks transposed"),
        (lambda f: Sequences.from_array(np.zeros(3)), r"X has shape \(3,\); wanted"),
        (lambda f: Sequences(np.zeros((2, 2, 2)), [0], [1]), "use Sequences.from_array"),
        (lambda f: Sequences(np.zeros(4), [0, 1], [1]), "starts has 2 entries and stops has 1"),
        (
            lambda f: Sequences(np.zeros(4), [0, 3], [2, 5]),
            "sequence 1 is the rows 3 to 5, which do not lie inside the 4",
        ),
        (lambda f: Sequences(np.zeros(4), [2], [1]), "0 <= start <= stop"),
        (lambda f: Sequences(np.zeros(4), [0.5], [1]), "starts must be a 1-D array of whole numbers"),
        (lambda f: Sequences.from_padded(np.zeros((2, 3)), [4, 1]), "lengths must be 2 numbers from 0 to 3"),
        (lambda f: Sequences.from_list([[1.0]]).to_frame(columns=["a", "b"]), "got 2 column names for 1 features"),
        (lambda f: from_channels_first(np.zeros((2, 3))), r"X has shape \(2, 3\); wanted \(n_samples, n_channels"),
        (lambda f: from_channels_first([np.zeros(3)]), r"sequence 0 has shape \(3,\); wanted \(n_channels"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call(pd.DataFrame({"id": [1, 1], "x": [1.0, 2.0]}))


def test_what_a_mask_hides_is_not_read():
    hidden = np.ma.masked_equal([[1, 2, 7], [7, 1, 1]], 7)
    for call in (
        Sequences.from_array,
        Sequences.from_padded,
        Sequences.from_list,
        lambda x: Sequences.from_tokens([[1], x[1]], 8),
        lambda x: Sequences(x, [0, 1], [1, 2]),
    ):
        with pytest.raises(
            TypeError, match=r"^(X|values|sequence \d) is a masked array, some values of which are hidden"
        ):
            call(hidden)
        assert len(call(np.ma.masked_array(hidden.data))) == 2  # nothing is hidden


def test_repr_and_cells():
    X = Sequences.from_list([np.zeros((3, 2)), np.ones((5, 2))])
    assert repr(X) == "Sequences(2 sequences, 3 to 5 timesteps, 2 features, float64)"
    assert repr(X[:1]) == "Sequences(1 sequences, 3 timesteps, 2 features, float64)"
    assert repr(X[:0]) == "Sequences(0 sequences, 2 features, float64)"
    cells = X.to_cells()
    assert (cells.shape, cells.dtype) == ((2, 1), object)
    same(Sequences.from_list(list(cells[:, 0])), X.to_list())


def test_numpy_makes_a_padded_array_of_it():
    padded = np.asarray(Sequences.from_list([np.zeros((3, 2)), np.ones((5, 2))]))
    assert (padded.shape, padded.dtype) == ((2, 5, 2), np.float64)
    assert np.isnan(padded[0, 3:]).all() and (padded[0, :3] == 0).all() and (padded[1] == 1).all()
    whole = np.asarray(Sequences.from_array(np.arange(12).reshape(2, 3, 2))[[1, 0]])
    assert whole.tolist() == [[[6, 7], [8, 9], [10, 11]], [[0, 1], [2, 3], [4, 5]]] and whole.dtype.kind == "i"


def test_channels_first():
    X = np.random.default_rng(0).normal(size=(4, 3, 9))
    np.testing.assert_array_equal(from_channels_first(X)[1], X[1].T)
    same(Sequences.from_list(from_channels_first(list(X))), [x.T for x in X])


@given(stretches(), st.integers(1, 12))
def test_blocks_walk_over_all_rows_in_order(X, n_values):
    done = 0
    for run, values in X.blocks(n_values):
        assert run.start == done < run.stop
        assert values.size <= n_values or run.stop == run.start + 1
        np.testing.assert_array_equal(values, np.concatenate(X.to_list()[run]))
        done = run.stop
    assert done == len(X)


# -- scikit-learn's own tools ---------------------------------------------------------------------------------------------


def test_scikit_learns_tools_carry_sequences():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(n, 2)) for n in rng.integers(2, 9, size=30)]
    X, y = Sequences.from_list(arrays), np.arange(30) % 2
    assert indexable(X, y)[0] is X
    X_train, X_test, *_ = train_test_split(X, y, random_state=0, stratify=y)
    in_lists = train_test_split(arrays, y, random_state=0, stratify=y)
    same(X_train, in_lists[0])
    same(X_test, in_lists[1])
    same(shuffle(X, random_state=3), shuffle(arrays, random_state=3))
    same(resample(X, random_state=3, n_samples=12), resample(arrays, random_state=3, n_samples=12))
    for train, test in KFold(3, shuffle=True, random_state=0).split(X):
        same(X[train], [arrays[i] for i in train])
        assert len(X[test]) == len(test)
    model = GRUClassifier(hidden_size=2, max_epochs=1, random_state=0)
    groups = np.arange(30) % 5
    for how in ({"cv": 3}, {"cv": GroupKFold(3), "groups": groups}):
        found = cross_val_score(model, X, y, **how)
        np.testing.assert_array_equal(found, cross_val_score(model, arrays, y, **how))


# -- order and distinct rows ---------------------------------------------------------------------------------------------


@given(lists(), st.data())
def test_distinct_rows_are_those_of_unique(arrays, data):
    X = Sequences.from_list(arrays)
    target = data.draw(hnp.arrays(np.int64, len(X), elements=st.integers(0, 1)))
    weight = np.arange(1.0, len(X) + 1)
    rows, summed = distinct_rows(X, weight, target)
    wanted = {}
    for array, label, w in zip(arrays, target, weight, strict=True):
        key = (array.shape, (array + 0.0).tobytes(), label)
        wanted[key] = wanted.get(key, 0) + w
    found = {(arrays[i].shape, (arrays[i] + 0.0).tobytes(), target[i]): w for i, w in zip(rows, summed, strict=True)}
    assert found == wanted
    order, distinct = content_order(X, target)
    assert sorted(order) == list(range(len(X)))
    assert (np.diff(distinct) >= 0).all()
    assert distinct[0] == 0
    assert distinct[-1] == len(wanted) - 1


@given(lists(min_size=2), st.data())
def test_content_order_does_not_depend_on_the_order_of_rows(arrays, data):
    X = Sequences.from_list(arrays)
    order = data.draw(st.permutations(range(len(X))))
    wanted = X[content_order(X)[0]]
    same(wanted, X[order][content_order(X[order])[0]].to_list())
    same(wanted, X[order].to_block()[content_order(X[order].to_block())[0]].to_list())
    rows, weight = distinct_rows(X, np.ones(len(X)))
    again, its_weight = distinct_rows(X[order], np.ones(len(X)))
    same(X[rows], X[order][again].to_list())
    np.testing.assert_array_equal(weight, its_weight)


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 8), st.just(3)), elements=SMALL_INTS))
def test_distinct_rows_of_a_rectangle_are_those_of_unique(table):
    for X in (Sequences.from_array(table), Sequences.from_list(list(table))):
        rows, weight = distinct_rows(X, np.ones(len(table)))
        unique, counts = np.unique(table + 0.0, axis=0, return_counts=True)
        order = np.lexsort(table[rows].T[::-1])
        np.testing.assert_array_equal(table[rows][order], unique)
        np.testing.assert_array_equal(weight[order], counts)
    rectangle, ragged = Sequences.from_array(table), Sequences.from_list(list(table))
    np.testing.assert_array_equal(content_order(rectangle)[0], content_order(ragged)[0])


def test_rows_that_only_look_alike_are_told_apart():
    step = np.array([[1.0]])
    arrays = [step, np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]]), np.zeros((2, 1)), np.zeros((3, 1)), -step]
    assert len(distinct_rows(Sequences.from_list(arrays), np.ones(6))[0]) == 6
    zeros = Sequences.from_list([np.array([0.0]), np.array([-0.0]), np.array([np.nan]), np.array([-np.nan])])
    assert len(distinct_rows(zeros, np.ones(4))[0]) == 2


@given(stretches())
def test_overlapping_is_sharing_rows(X):
    pairs = set(zip(X.starts.tolist(), X.stops.tolist(), strict=True))
    wanted = any(a < d and c < b for a, b in pairs for c, d in pairs if (a, b) != (c, d))
    assert X.overlapping is wanted


def test_equal_windows_at_other_places_stay_apart():
    """Overlapping windows are told apart by where they lie: equal values at two times are two rows."""
    X = SlidingWindow(2).fit_transform(np.zeros((6, 1)))
    rows, _ = distinct_rows(X, np.ones(6))
    assert len(rows) == 6
    rows, weight = distinct_rows(X[[3, 2, 3]], np.ones(3))
    assert X[[3, 2, 3]].stops[rows].tolist() == [3, 4]
    assert weight.tolist() == [1, 2]


# -- statistics ----------------------------------------------------------------------------------------------------------


@given(stretches(), st.data())
def test_statistics_are_those_of_average(X, data):
    weight = data.draw(hnp.arrays(np.float64, len(X), elements=st.integers(1, 4)))
    holes = data.draw(hnp.arrays(bool, X.values.shape))
    X = X.map_values(np.where(holes & (X.values > 2), np.nan, X.values))
    mean, deviation = feature_statistics(X, weight)
    steps = np.concatenate(X.to_list())
    weights = np.repeat(weight, X.lengths)
    for f in range(2):
        there = ~np.isnan(steps[:, f])
        if not there.any():
            assert (mean[f], deviation[f]) == (0, 1)
            continue
        wanted = np.average(steps[there, f], weights=weights[there])
        spread = np.sqrt(np.average((steps[there, f] - wanted) ** 2, weights=weights[there]))
        np.testing.assert_allclose(mean[f], wanted, rtol=1e-12)
        np.testing.assert_allclose(deviation[f], spread if spread > 1e-9 else 1.0, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_timesteps", [4, 2000])  # the mean of many is rounded
def test_a_feature_that_does_not_vary_has_deviation_one(dtype, n_timesteps):
    X = Sequences.from_array(np.tile(np.array([0.1, 1 / 3, 1e5 + 0.1], dtype=dtype), (5, n_timesteps, 1)))
    for weight in (np.ones(5), np.random.default_rng(0).random(5)):
        assert feature_statistics(X, weight)[1].tolist() == [1.0, 1.0, 1.0]


# -- weights and groups --------------------------------------------------------------------------------------------------


def test_weights_and_groups():
    np.testing.assert_array_equal(read_weight(None, 3), np.ones(3))
    np.testing.assert_array_equal(read_weight(2, 3), np.full(3, 2.0))
    np.testing.assert_array_equal(read_weight([1, 0, 2], 3), [1.0, 0.0, 2.0])
    assert read_groups(None, 3) is None
    assert read_groups(["b", "a", "b"], 3).tolist() == [1, 0, 1]


# -- the gate ------------------------------------------------------------------------------------------------------------


class Reader:
    """The least that the gate asks of an estimator."""

    def __sklearn_tags__(self):
        return GRUClassifier().__sklearn_tags__()


ARRAY = np.random.default_rng(0).normal(size=(4, 3, 2)).round(2)
CELLS = np.empty(4, dtype=object)
CELLS[:] = list(ARRAY)


def memmap(tmp_path, array):
    np.save(tmp_path / "X.npy", array)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


RAGGED_KINDS = {
    "list": list(ARRAY),
    "tuple": tuple(ARRAY),
    "list of nested lists in arrays": [np.asarray(x.tolist()) for x in ARRAY],
    "list of tensors": [torch.tensor(x, requires_grad=True) for x in ARRAY],
    "list of frames": [pd.DataFrame(x) for x in ARRAY],
    "list of polars frames": [pl.DataFrame(x) for x in ARRAY],
    "cells": CELLS,
    "a column of cells": CELLS[:, None],
    "Sequences": Sequences.from_array(ARRAY),
    "Series of cells": pd.Series(list(ARRAY)),
    "frame of cells": pd.DataFrame({"x": list(ARRAY)}),
    "nested lists of two lengths": [ARRAY[0].tolist(), ARRAY[1].tolist(), ARRAY[2].tolist(), ARRAY[3].tolist()[:2]],
}
RECTANGLES = {
    "3-D": ARRAY,
    "nested lists": ARRAY.tolist(),
    "tensor": torch.tensor(ARRAY),
    "tensor with a gradient": torch.tensor(ARRAY, requires_grad=True),
    "Fortran order": np.asfortranarray(ARRAY),
    "a view backwards": ARRAY[::-1][::-1],
    "float32": ARRAY.astype(np.float32),
    "objects": ARRAY.astype(object),
}


@pytest.mark.parametrize("name", RAGGED_KINDS)
def test_ragged_kinds(name):
    estimator = Reader()
    reading = read_X(estimator, RAGGED_KINDS[name], reset=True, dtype=np.float32)
    assert reading.kind == "ragged"
    assert (estimator.n_features_in_, estimator.n_timesteps_in_) == (2, None)
    wanted = list(ARRAY.astype(np.float32))
    if name == "nested lists of two lengths":
        wanted[3] = wanted[3][:2]
    same(reading.sequences, wanted)


@pytest.mark.parametrize("name", RECTANGLES)
def test_rectangular_kinds(name):
    estimator = Reader()
    reading = read_X(estimator, RECTANGLES[name], reset=True, dtype=np.float32)
    assert reading.kind == "3-D"
    assert (estimator.n_features_in_, estimator.n_timesteps_in_) == (2, 3)
    same(reading.sequences, list(ARRAY.astype(np.float32)))
    assert read_X(estimator, RECTANGLES[name], reset=False, dtype=np.float32).sequences == reading.sequences


@pytest.mark.parametrize(
    "X",
    [ARRAY[:, :, 0], ARRAY[:, :, 0].tolist(), pd.DataFrame(ARRAY[:, :, 0]), pl.DataFrame(ARRAY[:, :, 0].copy())],
    ids=type,
)
def test_tables_are_sequences_of_one_feature(X):
    estimator = Reader()
    reading = read_X(estimator, X, reset=True, dtype=np.float64)
    assert reading.kind == "2-D"
    assert (estimator.n_features_in_, estimator.n_timesteps_in_) == (3, 3)
    same(reading.sequences, list(ARRAY[:, :, :1]))


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "uint8", "int64", "bool", ">f8"])
@pytest.mark.parametrize("form", [np.asarray, list])
def test_dtypes(dtype, form):
    X = (ARRAY * 3).astype(dtype)
    reading = read_X(Reader(), form(X), reset=True, dtype=np.float32)
    same(reading.sequences, list(X.astype(np.float32)))
    assert reading.sequences.dtype == np.float32


def test_memory_maps_and_right_dtypes_are_not_copied(tmp_path):
    X = memmap(tmp_path, ARRAY)
    assert np.shares_memory(read_X(Reader(), X, reset=True, dtype=np.float64).sequences.values, X)
    sequences = Sequences.from_array(ARRAY)
    assert read_X(Reader(), sequences, reset=True, dtype=np.float64).sequences.values is sequences.values


def test_lists_of_numbers_after_lists_of_many_lengths_may_be_of_one():
    estimator = Reader()
    read_X(estimator, [[1.0, 2.0, 3.0], [4.0]], reset=True)
    for X in ([[1.0, 2.0]], [[1, 2], [3, 4], [5, 6]], ((1.0,), (2.0,))):
        reading = read_X(estimator, X, reset=False, dtype=np.float64)
        assert reading.kind == "ragged"
        same(reading.sequences, [np.array(x, dtype=float)[:, None] for x in X])
    for X in (np.ones((2, 3)), [1.0, 2.0]):
        with pytest.raises(ValueError, match=r"which reads as"):
            read_X(estimator, X, reset=False)
    read_X(estimator, list(ARRAY), reset=True)
    with pytest.raises(ValueError, match=r"which reads as 2-D .* but Reader was fitted on ragged X with 2 features"):
        read_X(estimator, [[1.0, 2.0]], reset=False)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_of_a_list_have_their_columns_in_one_order(frame):
    X = [frame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), frame({"b": [3.0], "a": [1.0]})]
    with pytest.raises(
        ValueError, match=r"^X\[1\] has the columns \['b', 'a'\] and X\[0\] has \['a', 'b'\]; wanted one order"
    ):
        read_X(Reader(), X, reset=True)
    for item, wanted in zip(X, ([[1.0, 3.0], [2.0, 4.0]], [[1.0, 3.0]]), strict=True):
        same(read_X(Reader(), [item[["a", "b"]]], reset=True, dtype=np.float64).sequences, [np.array(wanted)])
    assert len(read_X(Reader(), [X[0][["a"]], X[1][["b"]]], reset=True).sequences) == 2  # two sensors


def test_names_of_columns():
    estimator = Reader()
    read_X(estimator, pd.DataFrame(ARRAY[:, :, 0], columns=list("abc")), reset=True)
    assert estimator.feature_names_in_.tolist() == list("abc")
    read_X(estimator, ARRAY, reset=True)
    assert not hasattr(estimator, "feature_names_in_")


def test_sizes_in_words_and_places():
    X = Sequences.from_list([np.zeros((3, 2)), np.ones((5, 2))])
    assert describe(X) == "2 sequences x 3 to 5 timesteps x 2 features"
    assert describe(X[:1]) == "1 sequences x 3 timesteps x 2 features"
    assert describe(X[:0]) == "0 sequences"
    assert first_bad(X, np.isinf) is None
    values = X.values.copy()
    values[4, 1] = np.inf
    X = X.map_values(values)
    assert first_bad(X, np.isinf) == (1, 1, 1)
    assert first_bad(X, np.isnan) is None
    assert first_bad(X[:1], np.isinf) is None
