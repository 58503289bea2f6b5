"""An ensemble of ten against ten fits by hand, one after another.

    scripts/bench speed_ensembles [-- --rounds 7 --epochs 5]

One thread, processor time. ``DeepEnsembleClassifier`` of ten networks of 16 units with the same epochs, rows and batches as ten
loops written by hand around torch's layer (plain Adam, tensors sliced by a permutation). 1000 sequences of 24 steps.
"""

import argparse

import numpy as np
import torch
from _common import hand_written, interleave, markdown, ratios, spread

import sklearn_seq

MEMBERS = 10
LAYERS = {"GRU": torch.nn.GRU, "LSTM": torch.nn.LSTM, "RNN": torch.nn.RNN}


def measure(name, batch, rounds, epochs):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 24, 1)).astype(np.float32)
    y = rng.integers(0, 3, len(X))
    Xt, yt = torch.from_numpy(X), torch.from_numpy(y)
    member = getattr(sklearn_seq, f"{name}Classifier")(
        hidden_size=16, batch_size=batch, max_epochs=epochs, pooling="mean", dropout=0.0, n_threads=1
    )
    model = sklearn_seq.DeepEnsembleClassifier(member, n_estimators=MEMBERS, random_state=0)
    cases = {
        "by hand": lambda: [hand_written(LAYERS[name], Xt, yt, 16, batch, epochs) for _ in range(MEMBERS)],
        "one fit": lambda: member.set_params(random_state=0).fit(X, y),
        "ensemble": lambda: model.fit(X, y),
    }
    seconds = interleave(cases, rounds)
    seconds["ten fits"] = [MEMBERS * value for value in seconds["one fit"]]
    found = ratios(seconds, "by hand")
    return [f"{name} h16 T24 b{batch}", *spread(found["ensemble"]), *spread(found["ten fits"])]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for batch in (32, 64):
        for name in LAYERS:
            rows.append(measure(name, batch, args.rounds, args.epochs))
            print(*rows[-1], flush=True)
    print(
        markdown(["ten networks", "ensemble / ten by hand", "spread", "ten of our fits / ten by hand", "spread"], rows)
    )


if __name__ == "__main__":
    main()
