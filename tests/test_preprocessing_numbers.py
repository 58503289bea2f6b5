"""What each transformer computes, held against pandas, scipy, scikit-learn or the definition."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import savgol_filter
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from sklearn_seq.preprocessing import (
    Differencer,
    GroupScaler,
    OutlierClipper,
    PadTruncate,
    SequenceImputer,
    SequenceScaler,
    SlidingWindow,
    Smoother,
)
from sklearn_seq.sequences import Sequences

PEER = {"standard": StandardScaler(), "min-max": MinMaxScaler(), "robust": RobustScaler()}


def ragged(seed=0, n_features=2, missing=0.0, lengths=(12, 1, 30, 5, 2, 30, 7)):
    rng = np.random.default_rng(seed)
    arrays = [3 + rng.normal(size=(t, n_features)).cumsum(axis=0) for t in lengths]
    for array in arrays:
        array[rng.random(array.shape) < missing] = np.nan
    return arrays


def each(function, arrays):
    """A pandas recipe, sequence by sequence."""
    return [function(pd.DataFrame(array)).to_numpy() for array in arrays]


def assert_sequences(result, wanted, **tolerance):
    assert isinstance(result, Sequences)
    for got, want in zip(result, wanted, strict=True):
        assert_allclose(got, want, **tolerance)


# -- scaling -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("method", PEER)
def test_a_table_is_scaled_as_scikit_learn_scales_it(method, missing):
    train, test = ragged(0, 3, missing, lengths=(80, 20))
    train[:, 2] = 4.0
    scaler, peer = SequenceScaler(method=method, rows="time").fit(train), PEER[method].fit(train)
    assert_allclose(scaler.transform(test), peer.transform(test), rtol=1e-12)
    assert scaler.scale_[2] == 1
    assert_allclose(scaler.inverse_transform(scaler.transform(test)), test, rtol=1e-12)


@pytest.mark.parametrize("method", PEER)
def test_a_feature_is_scaled_over_all_steps_of_all_sequences(method):
    arrays = ragged(missing=0.1)
    result = SequenceScaler(method=method).fit_transform(arrays)
    wanted = PEER[method].fit(np.concatenate(arrays))
    assert_sequences(result, [wanted.transform(array) for array in arrays], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("method", PEER)
def test_a_series_is_scaled_by_itself(method, missing):
    arrays = ragged(missing=missing)
    arrays[3][:, 1] = 0.1  # constant: centred only
    result = SequenceScaler(method=method, per="series").fit_transform(arrays)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns where a column has no value at all
        wanted = [PEER[method].fit_transform(array) for array in arrays]
    assert_sequences(result, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("method", PEER)
def test_a_shared_scale_keeps_the_proportions_of_features(method, missing):
    arrays = [array for array in ragged(missing=missing) if len(array) > 3]
    arrays[1][:, 1] = 0.1  # constant: its scale is 0

    def wanted(array, rows):
        peer = PEER[method].fit(rows)
        center = {"standard": "mean_", "min-max": "data_min_", "robust": "center_"}[method]
        scale = {"standard": np.nanstd, "min-max": lambda x, axis: np.nanmax(x, axis) - np.nanmin(x, axis)}
        iqr = lambda x, axis: np.nanquantile(x, 0.75, axis) - np.nanquantile(x, 0.25, axis)  # noqa: E731
        own = scale.get(method, iqr)(rows, axis=0)
        return (array - getattr(peer, center)) / np.sqrt(np.mean(own**2))

    result = SequenceScaler(method=method, per="series", scale="shared").fit_transform(arrays)
    assert_sequences(result, [wanted(array, array) for array in arrays], rtol=1e-6, atol=1e-9)
    scaler = SequenceScaler(method=method, scale="shared")
    result, rows = scaler.fit_transform(arrays), np.concatenate(arrays)
    assert_sequences(result, [wanted(array, rows) for array in arrays], rtol=1e-6, atol=1e-9)
    assert_sequences(scaler.inverse_transform(result), arrays, rtol=1e-9, atol=1e-9)
    flat = np.full((2, 4, 3), 0.1)
    assert not SequenceScaler(method=method, per="series", scale="shared").fit_transform(flat).any()


@pytest.mark.parametrize("unit", [1e-200, 1e-5, 1e155, 1e300])
@pytest.mark.parametrize("scale", ["own", "shared"])
@pytest.mark.parametrize("per", ["feature", "series"])
@pytest.mark.parametrize("method", PEER)
def test_scales_do_not_depend_on_the_unit_of_measurement(method, per, scale, unit):
    X = ragged(missing=0.1)
    scaler = SequenceScaler(method=method, per=per, scale=scale)
    wanted = list(scaler.fit_transform(X))
    assert_sequences(scaler.fit_transform([unit * row for row in X]), wanted, rtol=1e-9, atol=1e-9)
    if scale == "own":
        units = np.where(np.arange(X[0].shape[1]) % 2, unit, 1.0)
        assert_sequences(scaler.fit_transform([units * row for row in X]), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("scaler", [SequenceScaler(), SequenceScaler(per="series"), GroupScaler()])
def test_a_feature_that_does_not_vary_is_not_scaled_however_many_steps_there_are(scaler):
    values = np.array([0.1, 1 / 3, 1e5 + 0.1])
    X = [np.tile(values, (20_000, 1)), np.tile(values, (7, 1))]
    more = X[1] + np.linspace(0, 0.2, 7)[:, None]
    scaler.fit(X)
    assert_sequences(scaler.transform(X), [x - values for x in X], atol=1e-6)
    if not getattr(scaler, "per", "") == "series":
        assert_sequences(scaler.transform([more]), [more - values], atol=1e-6)


def test_columns_without_any_value_stay_missing_and_silent():
    X = np.array([[[1.0, np.nan]], [[3.0, np.nan]]])
    for per in ("feature", "series"):
        for method in PEER:
            result = SequenceScaler(per=per, method=method).fit_transform(X)
            assert np.isnan(result[:, :, 1]).all() and np.isfinite(result[:, :, 0]).all()


def test_float32_is_centred_in_double_precision():
    X = (1e6 + np.random.default_rng(0).normal(size=(50, 40))).astype(np.float32)
    exact = (X.astype(np.float64) - X.mean(dtype=np.float64)) / X.std(dtype=np.float64)
    result = SequenceScaler().fit_transform(X)
    assert result.dtype == np.float32
    assert_allclose(result, exact, rtol=1e-5, atol=1e-6)


def test_series_scaling_has_no_way_back_and_says_why():
    scaler = SequenceScaler(per="series").fit(np.arange(6.0).reshape(2, 3))
    assert not hasattr(scaler, "inverse_transform")
    with pytest.raises(AttributeError) as caught:
        scaler.inverse_transform(np.zeros((2, 3)))
    assert re.search("centre and the scale of each sequence.*not kept. Use per='feature'", str(caught.value.__cause__))


def test_inverse_takes_arrays_when_fit_saw_names():
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.0, 1.0, 0.0]})
    scaler = SequenceScaler(rows="time").fit(frame)
    assert_allclose(scaler.inverse_transform(scaler.transform(frame)), frame)
    with pytest.raises(ValueError, match="feature names"):
        scaler.inverse_transform(frame[["b", "a"]])
    with pytest.raises(NotFittedError):
        SequenceScaler().inverse_transform(frame)


# -- filling -----------------------------------------------------------------------------------------------------------


def test_forward_fill_is_that_of_pandas_with_the_training_mean_in_front():
    arrays = ragged(missing=0.4)
    arrays[4][:] = np.nan
    mean = np.nanmean(np.concatenate(arrays), axis=0)
    result = SequenceImputer().fit_transform(arrays)
    assert_sequences(result, each(lambda frame: frame.ffill().fillna(dict(enumerate(mean))), arrays), rtol=1e-12)


def test_linear_fill_is_that_of_pandas():
    arrays = ragged(missing=0.4)
    arrays[4][:] = np.nan
    mean = np.nanmean(np.concatenate(arrays), axis=0)

    def recipe(frame):
        return frame.interpolate(limit_direction="both").fillna(dict(enumerate(mean)))

    assert_sequences(SequenceImputer(method="linear").fit_transform(arrays), each(recipe, arrays), rtol=1e-12)
    table = arrays[2]
    ahead = SequenceImputer(method="linear", rows="time", centered=True)
    assert_allclose(ahead.fit_transform(table), recipe(pd.DataFrame(table)), rtol=1e-12)


def test_the_training_mean_is_of_the_training_data():
    imputer = SequenceImputer(fill_value=-5.0).fit(np.array([[[1.0, np.nan]], [[3.0, np.nan]]]))
    assert_array_equal(imputer.statistics_, [2.0, -5.0])
    assert_array_equal(imputer.transform(np.full((1, 2, 2), np.nan)), [[[2.0, -5.0]] * 2])
    constant = SequenceImputer(method="constant", fill_value=9.0)
    assert_array_equal(constant.fit_transform([[np.nan, 1.0], [2.0, np.nan]]), [[9.0, 1.0], [2.0, 9.0]])


def test_indicator_and_elapsed_time_stand_behind_the_features():
    nan = np.nan
    frame = pd.DataFrame({"load": [nan, 1.0, nan, nan, 2.0], "wind": [5.0, nan, 6.0, 7.0, nan]})
    imputer = SequenceImputer(rows="time", add_indicator=True, add_elapsed=True).set_output(transform="pandas")
    result = imputer.fit_transform(frame)
    assert list(result) == ["load", "wind", "load_missing", "wind_missing", "load_elapsed", "wind_elapsed"]
    assert_array_equal(result["load_missing"], [1, 0, 1, 1, 0])
    assert_array_equal(result["load_elapsed"], [1, 0, 1, 2, 0])
    assert_array_equal(result["wind_elapsed"], [0, 1, 0, 0, 1])
    cube = SequenceImputer(add_elapsed=True).set_output(transform="pandas").fit_transform(frame.T)
    assert cube.shape == (2, 5, 2)
    assert_array_equal(cube[:, :, 1], result[["load_elapsed", "wind_elapsed"]].T)


# -- outliers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("centered", [False, True])
def test_hampel_is_rolling_median_and_deviation(centered, missing):
    arrays = ragged(missing=missing)
    arrays[2][11] += 40.0

    def recipe(frame):
        rolling = frame.rolling(5, min_periods=1, center=centered)
        middle = rolling.median()
        deviation = rolling.apply(lambda block: np.nanmedian(np.abs(block - np.nanmedian(block))), raw=True)
        return frame.clip(middle - 2.0 * 1.482602218505602 * deviation, middle + 2.0 * 1.482602218505602 * deviation)

    result = OutlierClipper(window=5, n_sigmas=2.0, centered=centered).fit_transform(arrays)
    assert_sequences(result, each(recipe, arrays), rtol=1e-12)


def test_hampel_in_parts_is_hampel_at_once(monkeypatch):
    from sklearn_seq.preprocessing import cleaning

    X = np.random.default_rng(0).normal(size=(40, 30)) ** 3
    whole = OutlierClipper().fit_transform(X)
    monkeypatch.setattr(cleaning, "CHUNK", 50)
    assert_array_equal(OutlierClipper().fit_transform(X), whole)
    untouched = whole == X
    assert 0 < (~untouched).sum() < 0.5 * X.size


def test_quantiles_are_learnt_in_fit():
    train, test = ragged(missing=0.1, lengths=(200, 50))
    train[:, 1] = np.nan
    clipper = OutlierClipper(method="quantile", quantile_range=(0.1, 0.8), rows="time").fit(train)
    low, high = np.nanquantile(train[:, 0], [0.1, 0.8])
    assert_allclose([clipper.lower_[0], clipper.upper_[0]], [low, high])
    result = clipper.transform(test)
    assert_allclose(result[:, 0], np.clip(test[:, 0], low, high))
    assert_array_equal(result[:, 1], test[:, 1])  # nothing learnt, nothing clipped


# -- smoothing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("window", [1, 5, 9])
def test_mean_is_that_of_pandas(window, centered):
    arrays = ragged()
    wanted = each(lambda frame: frame.rolling(window, min_periods=1, center=centered).mean(), arrays)
    assert_sequences(Smoother(window=window, centered=centered).fit_transform(arrays), wanted, rtol=1e-12)


@pytest.mark.parametrize(("window", "polyorder"), [(5, 2), (7, 0), (9, 4), (11, 3)])
def test_centred_savgol_is_that_of_scipy_ends_included(window, polyorder):
    X = np.random.default_rng(0).normal(size=(4, 40, 2))
    result = Smoother(method="savgol", window=window, polyorder=polyorder, centered=True).fit_transform(X)
    assert_allclose(result, savgol_filter(X, window, polyorder, axis=1), rtol=1e-9, atol=1e-9)


def test_short_sequences_get_the_polynomial_through_all_their_steps():
    arrays = ragged(lengths=(4, 1, 3, 20))
    result = Smoother(method="savgol", window=7, centered=True).fit_transform(arrays)
    for got, array in zip(result, arrays[:3], strict=False):
        degree = min(2, len(array) - 1)
        x = np.arange(len(array))
        assert_allclose(got, np.stack([np.polyval(np.polyfit(x, y, degree), x) for y in array.T], axis=1), atol=1e-9)


def test_trailing_savgol_is_the_last_point_of_the_polynomial():
    arrays = ragged()
    result = Smoother(method="savgol", window=6, polyorder=2).fit_transform(arrays)
    for got, array in zip(result, arrays, strict=True):
        for t in range(len(array)):
            block = array[max(0, t - 5) : t + 1]
            x = np.arange(len(block)) - len(block) + 1
            wanted = np.polyfit(x, block, min(2, len(block) - 1))[-1]
            assert_allclose(got[t], wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("alpha", [0.05, 0.3, 1.0])
def test_exponential_is_that_of_pandas(alpha):
    arrays = ragged()
    wanted = each(lambda frame: frame.ewm(alpha=alpha, adjust=False).mean(), arrays)
    assert_sequences(Smoother(method="exponential", alpha=alpha).fit_transform(arrays), wanted, rtol=1e-12)


# -- shape -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["end", "start"])
@pytest.mark.parametrize("length", [None, 1, 6, 40])
def test_padding_and_cutting(length, side):
    arrays = ragged()
    pad = PadTruncate(length=length, side=side, fill=-1.0)
    result = pad.fit_transform(arrays)
    goal = length or 30
    assert result.shape == (7, goal, 2) and pad.length_ == goal
    for got, array in zip(result, arrays, strict=True):
        kept = array[:goal] if side == "end" else array[-goal:]
        filling = np.full((goal - len(kept), 2), -1.0)
        assert_array_equal(got, np.concatenate([kept, filling] if side == "end" else [filling, kept]))


def test_padding_with_nan_is_undone_by_from_padded():
    arrays = ragged()
    assert Sequences.from_padded(PadTruncate(fill=np.nan).fit_transform(arrays)) == Sequences.from_list(arrays)


def test_the_length_is_that_of_fit():
    pad = PadTruncate().fit(ragged())
    assert pad.transform([np.ones((100, 2))]).shape == (1, 30, 2)


@pytest.mark.parametrize(
    ("side", "length", "names"),
    [
        ("end", 2, ["a", "b"]),
        ("start", 2, ["b", "c"]),
        ("end", 5, ["a", "b", "c", "pad0", "pad1"]),
        ("start", 4, ["pad0", "a", "b", "c"]),
    ],
)
def test_names_of_padded_columns(side, length, names):
    frame = pd.DataFrame(np.arange(6.0).reshape(2, 3), columns=list("abc"))
    result = PadTruncate(length=length, side=side).set_output(transform="pandas").fit_transform(frame)
    assert list(result) == names
    kept = [name for name in names if name in "abc"]
    assert_array_equal(result[kept], frame[kept])


@pytest.mark.parametrize("order", [1, 2, 3])
def test_differences_and_the_way_back(order):
    arrays = ragged()
    result = Differencer(order=order).fit_transform(arrays)
    for got, array in zip(result, arrays, strict=True):
        assert_array_equal(got[:order], 0.0)
        if len(array) > order:
            assert_allclose(got[order:], np.diff(array, order, axis=0), rtol=1e-9, atol=1e-12)
    whole = Differencer(order=order, keep_first=True).fit(arrays)
    kept = whole.transform(arrays)
    assert_sequences(whole.inverse_transform(kept), arrays, rtol=1e-10, atol=1e-10)
    for got, array in zip(kept, arrays, strict=True):
        for k in range(min(order, len(array))):  # the k-th difference, where it begins
            assert_allclose(got[k], np.diff(array, k, axis=0)[0], rtol=1e-9, atol=1e-12)
    table = Differencer(order=order, keep_first=True, rows="time").fit(arrays[0])
    assert_allclose(table.inverse_transform(table.transform(arrays[0])), arrays[0])


def test_without_first_values_there_is_no_way_back():
    differencer = Differencer().fit(np.arange(6.0).reshape(2, 3))
    with pytest.raises(AttributeError) as caught:
        differencer.inverse_transform(np.zeros((2, 3)))
    assert "Set keep_first=True before transform" in str(caught.value.__cause__)


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (SequenceScaler(per="series", rows="time"), "use its end for its beginning. Use per='feature'"),
        (SequenceImputer(method="linear", rows="time"), "fills the past from the future. Use method='forward'"),
        (Smoother(method="exponential", centered=True), "only knows the past. Use method='mean'"),
        (Smoother(window=4, centered=True), "window=4 .* wanted an odd number.* Use window=5"),
        (Smoother(method="savgol", window=3, polyorder=3), "wanted polyorder below window.* Use window=5"),
        (OutlierClipper(window=6, centered=True), "window=6 .* Use window=7"),
        (OutlierClipper(method="quantile", quantile_range=(0.9, 0.1)), r"quantile_range=\(0.9, 0.1\); wanted .* Use"),
        (OutlierClipper(method="quantile", quantile_range=(0.1,)), r"wanted two numbers with 0 <= lower"),
        (PadTruncate(length=0), "'length' parameter"),
        (PadTruncate(fill=np.inf), "'fill' parameter"),
        (Smoother(alpha=0.0), "'alpha' parameter"),
    ],
)
def test_settings_that_cannot_be(estimator, words):
    with pytest.raises(ValueError, match=words):
        estimator.fit(np.arange(20.0).reshape(4, 5))


def test_infinity_in_a_table_is_named_by_row_and_column():
    frame = pd.DataFrame({"load": [1.0, 2.0], "wind": [1.0, -np.inf]})
    for estimator in (SlidingWindow(), SequenceScaler(rows="time")):
        with pytest.raises(ValueError, match=r"infinity.*row 1, column 'wind'"):
            estimator.fit(frame)


@pytest.mark.parametrize("estimator", [SlidingWindow(2), SequenceScaler(rows="time"), Smoother(rows="time")])
@pytest.mark.parametrize(
    ("X", "error", "words"),
    [
        (
            pd.DataFrame({"day": pd.date_range("2020", periods=9), "load": 1.0}),
            ValueError,
            r"^column 'day' of X has dtype datetime64\[\w+\]; wanted numbers\. Drop it, or turn times into differences",
        ),
        (pd.DataFrame({"load": ["x"] * 9}), ValueError, r"^X holds objects that are no numbers: .*'x'\. Encode them"),
        (
            pd.DataFrame(np.ones((9, 2)), columns=["a", "a"]),
            ValueError,
            "^X has two columns 'a'; wanted each name once",
        ),
        (np.ma.masked_less(np.arange(18.0).reshape(9, 2), 3), TypeError, r"^X is a masked array; wanted plain numbers"),
        (pd.Series(np.arange(9.0)), ValueError, r"^X is a single column; wanted a table .* Give X\.to_frame\(\)"),
    ],
)
def test_tables_of_something_else(estimator, X, error, words):
    with pytest.raises(error, match=words):
        estimator.fit(X)
