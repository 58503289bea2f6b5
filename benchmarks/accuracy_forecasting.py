"""AutoForecaster and what repeats: M4 hourly, subsets of the Monash archive, and exchange rates.

    python benchmarks/accuracy_forecasting.py [--only hospital] [--held-out 1] [--horizons 96 192 336 720]

M4 hourly and Monash: the last horizon of each series is the test part, forecast once from the end of training; errors are
means over series. MASE has the seasonal naive error inside the training rows as its unit (of season 1 where training rows
are fewer than a season). Exchange: a table of 8 columns, 70 % of the rows to fit, the last 20 % to test; standardised, mean
squared error of every window. The forecaster is told the season and the columns and is otherwise as it is constructed. With
``--held-out`` that many horizons at the end of the training rows are the test part, and the true one is not read; of Exchange the last
30 % of the first 70 %.
"""

import argparse
import gzip
import time

import numpy as np
from _common import data_folder, markdown

from sklearn_seq import AutoForecaster, NaiveForecaster
from sklearn_seq.metrics import mean_absolute_scaled_error, symmetric_mean_absolute_percentage_error

# horizon and season
SETS = {
    "M4 hourly": (48, 24),
    "tourism_yearly": (4, 1),
    "tourism_quarterly": (8, 4),
    "tourism_monthly": (24, 12),
    "us_births": (30, 7),
    "hospital": (12, 12),
    "saugeenday": (30, 365),
    "solar_weekly": (5, 52),
}


def read_m4(part):
    with gzip.open(data_folder() / "m4_hourly" / f"Hourly-{part}.csv.gz", "rt") as file:
        rows = [line.strip().replace('"', "").split(",")[1:] for line in file][1:]
    return [np.array([float(cell) for cell in row if cell not in ("", "NA")]) for row in rows]


def read_monash(name):
    with gzip.open(data_folder() / "monash" / f"{name}_dataset.tsf.gz", "rt", encoding="cp1252") as file:
        lines = file.read().split("@data\n", 1)[1].split()
    return [np.array(line.rsplit(":", 1)[1].split(","), dtype=np.float64) for line in lines if line.count(",") > 1]


def split(name, horizon, n_held_out):
    if name == "M4 hourly":
        train, test = read_m4("train"), read_m4("test")
    else:
        series = read_monash(name)
        train, test = [x[:-horizon] for x in series], [x[-horizon:] for x in series]
    for _ in range(n_held_out):
        pairs = [(x[:-horizon], x[-horizon:]) for x in train if len(x) >= horizon + 3]
        train, test = [list(part) for part in zip(*pairs, strict=True)]
    return train, np.array(test)


def long_table(series):
    number = np.repeat(np.arange(len(series)), [len(x) for x in series])
    return np.column_stack([number, np.concatenate(series)])


def judge(train, test, found, season):
    scale = [season if len(x) > season else 1 for x in train]
    mase = [
        mean_absolute_scaled_error(y, f, y_train=x, seasonality=m)
        for y, f, x, m in zip(test, found, train, scale, strict=True)
        if np.any(x[m:] != x[:-m])
    ]
    # rows are series here, as in the metric of M4
    return np.mean(mase), symmetric_mean_absolute_percentage_error(test.T, found.T)


def panels(only, n_held_out):
    rows, ratios = [], []
    for name, (horizon, season) in SETS.items():
        if only not in name:
            continue
        train, test = split(name, horizon, n_held_out)
        table, how = long_table(train), {"horizon": horizon, "series_id": 0, "target": 1}
        told = season if max(map(len, train)) > season else 1
        models = {
            "auto": AutoForecaster(season=season, **how),
            "seasonal": NaiveForecaster(method="seasonal", season=told, **how),
            "last": NaiveForecaster(**how),
        }
        found, seconds = {}, {}
        for key, model in models.items():
            began = time.perf_counter()
            found[key] = judge(train, test, model.fit(table).forecast(), season)
            seconds[key] = time.perf_counter() - began
        ratio = found["auto"][0] / found["seasonal"][0]
        if name != "M4 hourly":
            ratios.append(ratio)
        auto = models["auto"]
        most = sorted(auto.weights_.items(), key=lambda pair: -pair[1])[:5]
        print("   ", auto.seasons_, {member: round(weight, 2) for member, weight in most})
        errors = [f"{found[key][i]:.3f}" for i in (0, 1) for key in models]
        rows.append([name, len(train), horizon, *errors, f"{ratio:.3f}", f"{seconds['auto']:.0f}"])
        print(*rows[-1], sep="  ", flush=True)
    head = [
        "set",
        "series",
        "horizon",
        *(f"{score}, {key}" for score in ("MASE", "sMAPE") for key in ("auto", "season", "last")),
    ]
    if rows:
        print(markdown([*head, "MASE ratio to season", "seconds"], rows))
    if ratios:
        print(f"geometric mean of the ratios of Monash sets: {np.exp(np.mean(np.log(ratios))):.3f}")


def exchange(horizons, n_held_out):
    table = np.loadtxt(gzip.open(data_folder() / "exchange_rate" / "exchange_rate.txt.gz"), delimiter=",")
    n_train, first = int(0.7 * len(table)), len(table) - int(0.2 * len(table))
    if n_held_out:
        table = table[:n_train]
        n_train = first = int(0.7 * n_train)
    table = (table - table[:n_train].mean(axis=0)) / table[:n_train].std(axis=0)
    rows = []
    for horizon in horizons:
        errors, seconds = {}, {}
        for key, model in {"auto": AutoForecaster(horizon=horizon), "last": NaiveForecaster(horizon=horizon)}.items():
            began = time.perf_counter()
            model.fit(table[:n_train])
            found = model.rolling_forecast(table[first - model.lookback_ :])
            seconds[key] = time.perf_counter() - began
            truth = np.lib.stride_tricks.sliding_window_view(table[first:], horizon, axis=0).swapaxes(1, 2)
            errors[key] = np.mean((found - truth) ** 2)
            if key == "auto":
                print("   ", {member: round(weight, 2) for member, weight in model.weights_.items()})
        rows.append([horizon, *(f"{error:.4f}" for error in errors.values()), f"{seconds['auto']:.0f}"])
        print("Exchange", *rows[-1], sep="  ", flush=True)
    means = [f"{np.mean([float(row[i]) for row in rows]):.4f}" for i in (1, 2)]
    print(markdown(["Exchange, horizon", "MSE, auto", "MSE, last", "seconds"], [*rows, ["mean", *means, ""]]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of the name of a set, or Exchange")
    parser.add_argument("--held-out", type=int, default=0)
    parser.add_argument("--horizons", type=int, nargs="*", default=[96, 192, 336, 720])
    args = parser.parse_args()
    if data_folder() is None:
        raise SystemExit("set SKLEARN_SEQ_DATA to the folder that holds m4_hourly, monash and exchange_rate")
    panels(args.only, args.held_out)
    if args.only in "Exchange":
        exchange(args.horizons, args.held_out)


if __name__ == "__main__":
    main()
