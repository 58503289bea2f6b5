"""RBM.fit against scikit-learn's BernoulliRBM at equal settings: processor time of an epoch, interleaved, and what is learnt.

    python benchmarks/speed_rbm.py [--rounds 5] [--epochs 5]

Both: persistent contrastive divergence with one step, 10 rows a step, 10 chains, float32, one thread. RBM has its momentum of 0.9 and
a tenth of the step size, so that both move alike; it also writes down the error of a reconstruction, which BernoulliRBM does not. The
pseudo-likelihood of both is that of the parameters by ``RBM``'s exact sum, on rows that neither has seen.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from _common import data_folder, interleave, markdown, ratios, spread
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import BernoulliRBM

from sklearn_seq import RBM

RATE = 0.05


def cells():
    """Name, rows in [0, 1], hidden units."""
    X = (load_digits().data / 16).astype(np.float32)
    yield "digits, 64 x 256", X, 256
    if data_folder() is not None:
        X = np.load(data_folder() / "mnist_5k" / "mnist_5k.npz")["X_train"].reshape(4000, -1)[:2000]
        yield "MNIST, 784 x 256", (X / 255).astype(np.float32), 256


def exact(model, other, X):
    """Pseudo-likelihood of scikit-learn's parameters, by the sum over all units."""
    machine = model.module_.machines[0]
    with torch.no_grad():
        for parameter, array in (
            (machine.weight, other.components_),
            (machine.visible_bias, other.intercept_visible_),
            (machine.hidden_bias, other.intercept_hidden_),
        ):
            parameter.copy_(torch.from_numpy(np.asarray(array)))
    return model.score(X)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    table = []
    for name, X, n_hidden in cells():
        train, rest = train_test_split(X, test_size=200, random_state=0)
        common = {"n_components": n_hidden, "batch_size": 10, "random_state": 0}
        ours = RBM(
            **common,
            max_epochs=args.epochs,
            persistent=True,
            n_chains=10,
            lr=RATE / 10,
            lr_schedule="constant",
            weight_decay=0.0,
            centred=False,
            n_threads=1,
        )
        centred = RBM(**ours.get_params() | {"centred": True})
        theirs = BernoulliRBM(**common, n_iter=args.epochs, learning_rate=RATE)
        cases = {
            "BernoulliRBM": lambda m=theirs, X=train: m.fit(X),
            "RBM(centred=False)": lambda m=ours, X=train: m.fit(X),
            "RBM": lambda m=centred, X=train: m.fit(X),
        }
        seconds = interleave(cases, args.rounds)
        found = ratios(seconds, "BernoulliRBM")
        said = {
            "RBM(centred=False)": ours.score(rest),
            "RBM": centred.score(rest),
            "BernoulliRBM": exact(ours, theirs, rest),
        }
        for case in cases:
            an_epoch = 1000 * np.median(seconds[case]) / args.epochs
            table.append([name, case, f"{an_epoch:.0f}", *spread(found[case]), f"{said[case]:.2f}"])
    print(markdown(["data", "model", "ms an epoch", "ratio", "spread", "pseudo-log-likelihood, held out"], table))


if __name__ == "__main__":
    main()
