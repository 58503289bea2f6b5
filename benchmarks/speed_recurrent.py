"""``fit`` and one-sample ``predict`` of recurrent networks against a loop that a user would write around the same network.

    python benchmarks/speed_recurrent.py [--rounds 7] [--epochs 3]

One thread. ``fit``: processor time of the same number of epochs over the same rows with the same batch size; the hand-written
loop slices tensors by a permutation and steps Adam. ``predict``: one sample, wall time, against the bare network under
``inference_mode`` with a tensor that is ready. Ratios are medians over rounds (lowest to highest).
"""

import argparse
import time

import numpy as np
import torch
from _common import hand_written, interleave, markdown, ratios

from sklearn_seq import GRUClassifier, LSTMClassifier, RNNClassifier

CASES = {
    "LSTM h64 T100 F3 N2000 b32": (LSTMClassifier, torch.nn.LSTM, 2000, 100, 3, 64, 32),
    "LSTM h16 T24 F1 N5000 b64": (LSTMClassifier, torch.nn.LSTM, 5000, 24, 1, 16, 64),
    "GRU h64 T100 F3 N2000 b32": (GRUClassifier, torch.nn.GRU, 2000, 100, 3, 64, 32),
    "GRU h16 T24 F1 N5000 b64": (GRUClassifier, torch.nn.GRU, 5000, 24, 1, 16, 64),
    "RNN h64 T100 F3 N2000 b32": (RNNClassifier, torch.nn.RNN, 2000, 100, 3, 64, 32),
    "RNN h16 T24 F1 N5000 b64": (RNNClassifier, torch.nn.RNN, 5000, 24, 1, 16, 64),
}
CALLS = 200


def measure_fit(case, rounds, epochs):
    """Rows of the table for fit."""
    estimator, layer, n, t, f, hidden, batch = CASES[case]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, t, f)).astype(np.float32)
    y = rng.integers(0, 3, n)
    Xt, yt = torch.from_numpy(X), torch.from_numpy(y)
    ours = make(estimator, hidden, batch, epochs)
    cases = {
        "hand-written": lambda: hand_written(layer, Xt, yt, hidden, batch, epochs, False),
        "hand-written, fused Adam": lambda: hand_written(layer, Xt, yt, hidden, batch, epochs, True),
        "sklearn_seq": lambda: ours.fit(X, y),
    }
    seconds = interleave(cases, rounds)
    steps = epochs * -(-n // batch)
    return [
        [case, name, f"{1e3 * np.median(seconds[name]) / steps:.2f}", f"{mid:.2f}", f"{low:.2f} to {high:.2f}"]
        for name, (mid, low, high) in ratios(seconds, "hand-written").items()
    ]


def measure_predict(case, rounds):
    """Rows of the table for one sample."""
    estimator, layer, _, t, f, hidden, batch = CASES[case]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, t, f)).astype(np.float32)
    y = rng.integers(0, 3, 64)
    one, one_t = X[:1], torch.from_numpy(X[:1])
    ours = make(estimator, hidden, batch, 1).fit(X, y)
    bare = hand_written(layer, torch.from_numpy(X), torch.from_numpy(y), hidden, batch, 1, True).eval()

    def bare_one():
        with torch.inference_mode():
            for _ in range(CALLS):
                bare(one_t)

    def ours_one():
        for _ in range(CALLS):
            ours.predict(one)

    def module_one():
        with torch.inference_mode():
            for _ in range(CALLS):
                ours.module_(one_t)

    cases = {"bare network": bare_one, "its own module_": module_one, "sklearn_seq": ours_one}
    seconds = interleave(cases, rounds, time.perf_counter)
    return [
        [case, name, f"{1e6 * np.median(seconds[name]) / CALLS:.0f}", f"{mid:.2f}", f"{low:.2f} to {high:.2f}"]
        for name, (mid, low, high) in ratios(seconds, "bare network").items()
    ]


def make(estimator, hidden, batch, epochs):
    """The estimator that computes what the hand-written network does."""
    return estimator(
        hidden_size=hidden,
        batch_size=batch,
        max_epochs=epochs,
        pooling="mean",
        dropout=0.0,
        n_threads=1,
        random_state=0,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    torch.set_num_threads(1)
    names = [name for name in CASES if args.only in name]
    rows = [row for name in names for row in measure_fit(name, args.rounds, args.epochs)]
    print(markdown(["fit", "loop", "ms a batch", "ratio", "spread"], rows), end="\n\n")
    rows = [row for name in names for row in measure_predict(name, 3 * args.rounds)]
    print(markdown(["predict, one sample", "", "us", "ratio", "spread"], rows))


if __name__ == "__main__":
    main()
