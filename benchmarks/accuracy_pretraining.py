"""A tenth of the labels, from scratch and after pre-training on the whole training part without labels.

    python benchmarks/accuracy_pretraining.py [--seeds 5] [--estimator CNNClassifier] [--judge test]

CricketZ and SwedishLeaf of the UCR archive, official split. A seed draws the labelled rows (a tenth of each class, one at
least), and is the ``random_state`` of pre-training and of both fits. ``--judge rest`` scores on the training rows whose labels
were not used, and reads no test part: by it the parameters below were chosen.
"""

import argparse
import functools
import time

import numpy as np
from _common import data_folder, markdown

import sklearn_seq

SETS = ("CricketZ", "SwedishLeaf")
PARAMS = {"CNNClassifier": {"stride": 4}}  # so that pre-training takes seconds
EPOCHS = 150
CONTROL = {"body_lr_factor": 0.3}  # what fit takes for a body that was trained before: is it this alone?


def few(y, seed, share=0.1):
    """Rows that keep their label: a share of each class, one at least."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(y == label)) for label in np.unique(y)]
    return np.sort(np.concatenate([own[: max(1, round(share * len(own)))] for own in rows]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--estimator", default="CNNClassifier")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of pre-training")
    parser.add_argument("--stride", type=int, help="of the CNN, in place of 4")
    parser.add_argument("--judge", choices=["test", "rest"], default="test")
    parser.add_argument("--control", action="store_true", help="also from scratch with the slower body of pre-training")
    args = parser.parse_args()
    if data_folder() is None:
        raise SystemExit("set SKLEARN_SEQ_DATA to the folder that holds ucr")
    params = PARAMS.get(args.estimator, {}) | ({} if args.stride is None else {"stride": args.stride})
    make = functools.partial(getattr(sklearn_seq, args.estimator), **params)
    table = []
    for name in args.sets:
        file = np.load(data_folder() / "ucr" / f"{name}.npz")
        X, y = file["X_train"], file["y_train"]
        scratch, slowly, tuned, seconds = [], [], [], []
        for seed in range(args.seeds):
            rows = few(y, seed)
            if args.judge == "test":
                judge = file["X_test"], file["y_test"]
            else:
                rest = np.setdiff1d(np.arange(len(y)), rows)
                judge = X[rest], y[rest]
            scratch.append(make(random_state=seed).fit(X[rows], y[rows]).score(*judge))
            if args.control:
                slowly.append(make(random_state=seed, **CONTROL).fit(X[rows], y[rows]).score(*judge))
            began = time.perf_counter()
            model = make(random_state=seed).pretrain(X, max_epochs=args.epochs)
            seconds.append(time.perf_counter() - began)
            tuned.append(model.fit(X[rows], y[rows]).score(*judge))
            print(f"{name}  seed {seed}  {len(rows)} labels  {scratch[-1]:.4f}  {tuned[-1]:.4f}", flush=True)
        won = sum(after > before for before, after in zip(scratch, tuned, strict=True))
        table.append(
            [
                name,
                ", ".join([args.estimator, *(f"{key}={value}" for key, value in params.items())]),
                f"{np.mean(scratch):.4f}",
                f"{np.mean(slowly):.4f}" if slowly else "",
                f"{np.mean(tuned):.4f}",
                f"{won} of {args.seeds}",
                f"{min(np.subtract(tuned, scratch)):+.4f} to {max(np.subtract(tuned, scratch)):+.4f}",
                f"{np.median(seconds):.0f}",
            ]
        )
    head = [
        "set",
        "estimator",
        "from scratch",
        "at a slower body",
        "pre-trained",
        "seeds won",
        "gain",
        "seconds of pre-training",
    ]
    print(markdown(head, table))


if __name__ == "__main__":
    main()
