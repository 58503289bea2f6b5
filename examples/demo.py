"""What the library does, on real data that ship with it: forecast, classify, save and load, two pictures.

    scripts/demo

A forecast is set beside baselines that cost nothing, and the table says who wins, whoever it is. Nothing is downloaded;
pictures go to demo_output/. Under two minutes on two cores.
"""

import tempfile
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator, NullLocator
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_seq import GRUClassifier, GRURegressor, SlidingWindow, load, make_supervised, save
from sklearn_seq.datasets import load_digits_sequences, load_el_nino

OUTPUT = Path(__file__).resolve().parents[1] / "demo_output"
TEST = 120  # months: the last ten years
WINDOWS = [6, 12, 24]


def forecast(horizon: int) -> dict:
    """Sea surface temperature so many months ahead: a grid search over window length, against baselines."""
    months = load_el_nino()
    season = 2 * np.pi * np.arange(len(months.data)) / 12
    table = np.column_stack([months.data, np.sin(season), np.cos(season)])  # temperature, and where in the year we are
    X, y, gap = make_supervised(table, horizon=horizon, target=0)
    # The targets of the last training rows must lie before the first test row.
    test = np.arange(len(X) - TEST, len(X))
    train = np.arange(len(X) - TEST - gap)

    began = time.perf_counter()
    cv = TimeSeriesSplit(3, gap=gap)
    gru = Pipeline(
        [
            ("scale", StandardScaler()),
            ("window", SlidingWindow()),
            (
                "model",
                GRURegressor(
                    hidden_size=32,
                    pooling="last",
                    early_stopping=True,
                    validation_fraction=0.2,
                    n_threads=1,
                    random_state=0,
                ),
            ),
        ]
    )
    ridge = Pipeline([("scale", StandardScaler()), ("window", SlidingWindow(output="flat")), ("model", Ridge())])
    options = {"cv": cv, "scoring": "neg_root_mean_squared_error"}
    gru = GridSearchCV(gru, {"window__window": WINDOWS}, **options).fit(X[train], y[train])
    ridge = GridSearchCV(ridge, {"window__window": WINDOWS, "model__alpha": [0.1, 1, 10]}, **options)
    ridge.fit(X[train], y[train])

    # A window needs the rows before it: predict on the whole table, score the last part of it.
    calendar = (np.arange(len(X)) + horizon) % 12  # month of the target
    means = np.array([y[train][calendar[train] == month].mean() for month in range(12)])
    predictions = {
        "last value": X[test, 0],
        "same month a year before": months.data[test + horizon - 12, 0],
        "mean of that month": means[calendar[test]],
        f"Ridge, window {ridge.best_params_['window__window']}": ridge.predict(X)[test],
        f"GRU, window {gru.best_params_['window__window']}": gru.predict(X)[test],
    }
    print(f"\nSea surface temperature {horizon} month(s) ahead, root mean squared error in degrees Celsius")
    print(f"  {len(train)} months to train and choose on, the last {TEST} to test")
    errors = {name: root_mean_squared_error(y[test], found) for name, found in predictions.items()}
    say_errors(errors)
    print(f"  {time.perf_counter() - began:.1f} s")
    return {"time": months.time[test + horizon], "truth": y[test], "predictions": predictions, "gru": gru, "X": X}


def say_errors(errors: dict[str, float]) -> None:
    """The errors, the lowest first, and who won; within 5 % of each other nobody did."""
    names = sorted(errors, key=errors.__getitem__)
    for name in names:
        print(f"  {name:26s} {errors[name]:.3f}")
    level = [name for name in names if errors[name] <= 1.05 * errors[names[0]]]
    if len(level) > 1:
        print(f"  Level within 5 %: {' and '.join(level)}.")
    else:
        print(f"  Lowest: {names[0]}.")


def classify() -> None:
    """Handwritten digits, read column by column; then with their blank margins cut off, so that lengths differ."""
    began = time.perf_counter()
    X, y = load_digits_sequences(return_X_y=True)
    ragged, _ = load_digits_sequences(ragged=True, return_X_y=True)
    train, test = train_test_split(np.arange(len(y)), test_size=0.25, stratify=y, random_state=0)
    print(f"\nDigits, read from left to right: {len(train)} to train, {len(test)} to test; accuracy")
    pixels = X.reshape(len(X), -1)
    flat = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(pixels[train], y[train])
    majority = DummyClassifier().fit(pixels[train], y[train])
    print(f"  largest class                    {majority.score(pixels[test], y[test]):.3f}")
    print(f"  logistic regression, 64 pixels   {flat.score(pixels[test], y[test]):.3f}")
    gru = GRUClassifier(max_epochs=25, n_threads=1, random_state=0)
    print(f"  GRU, 8 steps of 8 pixels         {gru.fit(X[train], y[train]).score(X[test], y[test]):.3f}")
    gru.fit(ragged[train], y[train])
    print(f"  GRU, {ragged.lengths.min()} to {ragged.lengths.max()} steps of 8 pixels    ", end="")
    print(f"{gru.score(ragged[test], y[test]):.3f}   (without margins, which tell where the digit stood)")
    print(f"  {time.perf_counter() - began:.1f} s")


def save_and_load(found: dict) -> None:
    """A fitted pipeline to a file and back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "el_nino.seq"
        model = found["gru"].best_estimator_
        save(model, path)
        again = load(path)
        same = np.array_equal(model.predict(found["X"]), again.predict(found["X"]))
        print(f"\nSaved the pipeline to {path.stat().st_size / 1e3:.0f} kB and loaded it: ", end="")
        print("same predictions to the bit" if same else "THE PREDICTIONS DIFFER")
        if not same:
            raise SystemExit(1)


def draw_forecast(found: dict, path: Path) -> None:
    """Truth, the GRU's forecast and the mean of the month."""
    names = list(found["predictions"])
    month = found["time"].astype("datetime64[D]")
    fig, (above, below) = plt.subplots(
        2, 1, figsize=(9, 4.6), sharex=True, height_ratios=[3, 1.3], layout="constrained"
    )
    gru, mean = names[-1], names[2]
    styles = {mean: {"color": "tab:gray", "linestyle": "--"}, gru: {"color": "tab:orange"}}
    above.plot(month, found["truth"], color="black", label="measured", linewidth=1.6)
    below.axhline(0, color="black", linewidth=0.8)
    for name, style in styles.items():
        predicted = found["predictions"][name]
        error = root_mean_squared_error(found["truth"], predicted)
        above.plot(month, predicted, label=f"{name} (RMSE {error:.2f} °C)", linewidth=1.3, **style)
        below.plot(month, predicted - found["truth"], linewidth=1.2, **style)
    above.set_ylabel("sea surface (°C)")
    low, high = above.get_ylim()
    above.set_ylim(low, high + 0.22 * (high - low))
    above.legend(loc="upper center", ncols=3, frameon=False)
    above.set_title("Eastern Pacific (Niño 1+2), one month ahead, in years the model has not seen", fontsize=11)
    below.set_ylabel("error (°C)")
    below.set_xlabel("year")
    below.set_xlim(month[0], month[-1])
    for axes in (above, below):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    fig.savefig(path, dpi=100)
    plt.close(fig)


def draw_learning(model: GRURegressor, path: Path) -> None:
    """Training loss and validation score of each epoch."""
    epochs = np.arange(1, model.n_iter_ + 1)
    fig, (above, below) = plt.subplots(2, 1, figsize=(7, 4.6), sharex=True, layout="constrained")
    above.plot(epochs, model.loss_curve_, color="tab:blue")
    above.set_yscale("log")
    above.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    above.yaxis.set_major_formatter("{x:g}")
    above.yaxis.set_minor_locator(NullLocator())
    above.set_ylabel("training loss\n(mean squared error,\nvariance of target = 1)")
    below.plot(epochs, model.validation_scores_, color="tab:orange")
    below.set_ylabel("validation score (R²)")
    below.set_xlabel("epoch")
    below.set_xlim(0.5, model.n_iter_ + 0.5)
    best = model.validation_scores_[model.best_epoch_ - 1]
    above.set_title(f"One month ahead: epoch {model.best_epoch_} is the best and is kept (R² {best:.3f})", fontsize=11)
    for axes in (above, below):
        axes.axvline(model.best_epoch_, color="0.6", linestyle=":")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    fig.savefig(path, dpi=100)
    plt.close(fig)


def main() -> None:
    began = time.perf_counter()
    OUTPUT.mkdir(exist_ok=True)
    near = forecast(horizon=1)
    forecast(horizon=3)
    classify()
    save_and_load(near)
    draw_forecast(near, OUTPUT / "forecast.png")
    draw_learning(near["gru"].best_estimator_["model"], OUTPUT / "learning_curve.png")
    print(f"\nPictures: {OUTPUT.name}/forecast.png, {OUTPUT.name}/learning_curve.png")
    print(f"{time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main()
