"""Forecasters on ETTh1: mean squared error of all seven columns, and of every window of the test part.

    python benchmarks/accuracy_etth1.py [--horizons 96 192 336 720] [--on-validation]
    python benchmarks/accuracy_etth1.py --also LSTMForecaster '{"lookback": 336}' --also TCNForecaster '{}'

8640 rows to train on, 2880 of validation, 2880 of test, standardised on the first. No window is dropped, and each stands on
the true rows before it. ``LinearForecaster`` stands in the table twice: as it is constructed, when it chooses by the last
windows of the train part, and with look-back, shift and penalties chosen by the windows of the validation part. Each
forecaster is fitted on the train part, and with the same choices once more on train and validation. "best of ours" is, horizon
by horizon, the one with the least error on the validation part. With ``--on-validation`` the test part is not read.
"""

import argparse
import json
import time

import numpy as np
import pandas as pd
from _common import data_folder, markdown

import sklearn_seq

TRAIN, VALIDATION, TEST = 8640, 2880, 2880


def table():
    frame = pd.read_csv(data_folder() / "ett_etth1" / "ETTh1.csv.gz", index_col=0, parse_dates=True)
    frame = frame.iloc[: TRAIN + VALIDATION + TEST].astype(float)
    train = frame.iloc[:TRAIN]
    return (frame - train.mean()) / train.std(ddof=0)


def error(model, X, first, last, horizon):
    """Of all windows whose targets lie in these rows."""
    lookback = model.lookback_
    found = model.rolling_forecast(X.iloc[first - lookback : last])
    every = np.lib.stride_tricks.sliding_window_view(X.to_numpy()[first:last], horizon, axis=0)  # (n, columns, horizon)
    assert len(found) == last - first - horizon + 1 == len(every)
    return float(np.mean((found - np.moveaxis(every, 1, 2)) ** 2))


def linear_chosen_on_validation(X, horizon):
    """The parameters of a LinearForecaster whose choices are those that the validation rows like best."""
    model = sklearn_seq.LinearForecaster(horizon=horizon, tail=VALIDATION).fit(X.iloc[: TRAIN + VALIDATION])
    return {name: model.choice_[name] for name in ("lookback", "shift", "channels", "alpha")}


def candidates(also):
    """Name in the table, name of the class, and what gives its parameters."""
    yield "LinearForecaster, as constructed", "LinearForecaster", lambda X, horizon: {}
    yield "LinearForecaster, chosen on validation", "LinearForecaster", linear_chosen_on_validation
    for name, params in also:
        read = json.loads(params)
        yield f"{name} {params}", name, lambda X, horizon, read=read: read


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--horizons", type=int, nargs="*", default=[96, 192, 336, 720])
    parser.add_argument("--also", nargs=2, action="append", default=[], metavar=("NAME", "PARAMS"))
    parser.add_argument("--on-validation", action="store_true")
    args = parser.parse_args()
    if data_folder() is None:
        raise SystemExit("set SKLEARN_SEQ_DATA to the folder that holds ett_etth1")
    X, behind = table(), TRAIN + VALIDATION
    results: dict[str, list[list[float]]] = {}
    for horizon in args.horizons:
        for label, name, make in candidates(args.also):
            began = time.process_time()
            params = make(X, horizon)
            model = getattr(sklearn_seq, name)(horizon=horizon, **params)
            if "random_state" in model.get_params():
                model.set_params(random_state=0)
            model.fit(X.iloc[:TRAIN])
            seconds = time.process_time() - began
            scores = [error(model, X, TRAIN, behind, horizon)]
            if not args.on_validation:
                scores.append(error(model, X, behind, behind + TEST, horizon))
                model.fit(X.iloc[:behind])
                scores.append(error(model, X, behind, behind + TEST, horizon))
            results.setdefault(label, []).append([*scores, seconds])
            print(horizon, label, *(f"{one:.4f}" for one in scores), f"{seconds:.1f} s", sep="  ", flush=True)
            if hasattr(model, "choice_"):
                print("   ", {key: value for key, value in model.choice_.items() if key not in ("alpha", "score")})
    best = [min(row, key=lambda one: one[0]) for row in zip(*results.values(), strict=True)]
    results["best of ours on validation"] = best
    rows = []
    for label, found in results.items():
        scores, seconds = np.array(found)[:, :-1], [one[-1] for one in found]
        by_horizon = " / ".join(f"{one:.3f}" for one in scores[:, min(1, scores.shape[1] - 1)])
        cells = [f"{one:.4f}" for one in scores.mean(axis=0)]
        rows.append([label, *cells, by_horizon, f"{max(seconds):.0f}"])
    head = ["validation"] if args.on_validation else ["validation", "test", "test, refitted on train and validation"]
    print(markdown(["forecaster", *head, "by horizon", "seconds of the processor, longest"], rows))


if __name__ == "__main__":
    main()
