"""A small fit with default settings while another process keeps a core busy.

    scripts/bench speed_neighbour [-- --rounds 5]

Wall time. The default (``n_threads="auto"``) against ``n_threads=1``, on an idle machine and beside a process that multiplies
matrices on one core.
"""

import argparse
import multiprocessing
import time

import numpy as np
from _common import interleave, markdown, ratios, spread

from sklearn_seq import LSTMClassifier


def busy():
    """Keeps one core busy."""
    a = np.random.default_rng(0).normal(size=(300, 300))
    while True:
        a = np.tanh(a @ a * 0.01)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 24, 1)).astype(np.float32)
    y = rng.integers(0, 3, len(X))
    models = {
        "n_threads=1": LSTMClassifier(max_epochs=2, n_threads=1, random_state=0),
        'n_threads="auto"': LSTMClassifier(max_epochs=2, random_state=0),
    }
    cases = {name: lambda model=model: model.fit(X, y) for name, model in models.items()}
    rows = []
    for where, n_neighbours in (("idle", 0), ("one busy neighbour", 1)):
        neighbours = [
            multiprocessing.get_context("spawn").Process(target=busy, daemon=True) for _ in range(n_neighbours)
        ]
        for neighbour in neighbours:
            neighbour.start()
        time.sleep(3 * n_neighbours)
        seconds = interleave(cases, args.rounds, time.perf_counter)
        for neighbour in neighbours:
            neighbour.terminate()
        for name, found in ratios(seconds, "n_threads=1").items():
            rows.append([where, name, f"{np.median(seconds[name]):.2f}", *spread(found)])
    print(markdown(["machine", "LSTM h64 T24 N500", "seconds", "ratio", "spread"], rows))


if __name__ == "__main__":
    main()
