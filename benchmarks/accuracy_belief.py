"""Deep belief networks on digits and MNIST 5k: fine-tuned, as features, with few labels; beside peers of scikit-learn.

    python benchmarks/accuracy_belief.py [--parts digits features mnist affine few] [--seeds 3] [--sizes 1000]

digits: scikit-learn's, ``StratifiedKFold(5, shuffle=True, random_state=0)``, as 64 values in [0, 1]. MNIST 5k: 4000 and 1000
images of ``SKLEARN_SEQ_DATA``. ``--judge train`` scores on a fifth of the 4000 that is held out instead, and reads no test part: by
it the parameters were chosen. In ``few`` 5 % of the labels (20 a class) are kept, drawn by the seed, and the other rows have the
label -1; the same network without pre-training learns of the labelled rows alone.
"""

import argparse
import time

import numpy as np
from _common import data_folder, markdown
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.neural_network import BernoulliRBM, MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from sklearn_seq import DBN, DBNClassifier

PARTS = ("digits", "features", "mnist", "affine", "few")
FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)


def mnist(judge):
    """Training and judged rows, pictures of 28 x 28 in [0, 1]."""
    file = np.load(data_folder() / "mnist_5k" / "mnist_5k.npz")
    X, y = (file["X_train"] / 255).astype(np.float32), file["y_train"]
    if judge == "test":
        return X, (file["X_test"] / 255).astype(np.float32), y, file["y_test"]
    return train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)


def scores(table, part, name, runs):
    """A row: mean, lowest and highest of some runs, each ``() -> score``."""
    began, found = time.perf_counter(), []
    for run in runs:
        found.append(run())
        print(f"{part}  {name}  {found[-1]:.4f}", flush=True)
    seconds = (time.perf_counter() - began) / len(found)
    table.append(
        [part, name, f"{np.mean(found):.4f}", f"{min(found):.4f} to {max(found):.4f}", len(found), f"{seconds:.0f}"]
    )
    return np.array(found)


def digits(table, seeds, more):
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    models = {"DBNClassifier": DBNClassifier(random_state=0, **more)}
    models["SVC(C=10), RBF"] = SVC(C=10)
    models["MLPClassifier((256, 256))"] = MLPClassifier((256, 256), random_state=0)
    for name, model in models.items():
        scores(table, "digits", name, [lambda model=model: cross_val_score(model, X, y, cv=FOLDS).mean()])


def features(table, seeds, more):
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    makers = {"DBN": lambda seed: DBN(random_state=seed, **more)}
    makers["BernoulliRBM(256)"] = lambda seed: BernoulliRBM(256, random_state=seed)
    makers["BernoulliRBM(256, learning_rate=0.06, n_iter=30)"] = lambda seed: BernoulliRBM(
        256, learning_rate=0.06, n_iter=30, random_state=seed
    )
    makers["the pixels"] = lambda seed: "passthrough"
    for name, make in makers.items():
        runs = [
            lambda seed=seed, make=make: cross_val_score(
                make_pipeline(make(seed), LogisticRegression(max_iter=3000)), X, y, cv=FOLDS
            ).mean()
            for seed in range(1 if name == "the pixels" else seeds)
        ]
        scores(table, "features", f"logistic regression on {name}", runs)


def whole(table, seeds, more, judge, affine, sizes):
    X, X_test, y, y_test = mnist(judge)
    part = "MNIST 5k, affine" if affine else "MNIST 5k"
    more = ({"augment": "affine", "max_epochs": 100} if affine else {}) | more

    def belief(seed):
        return DBNClassifier(hidden_layer_sizes=sizes, random_state=seed, **more).fit(X, y).score(X_test, y_test)

    scores(table, part, f"DBNClassifier(hidden_layer_sizes={sizes})", [lambda s=s: belief(s) for s in range(seeds)])
    if affine:
        return
    flat, flat_test = X.reshape(len(X), -1), X_test.reshape(len(X_test), -1)
    scores(table, part, "SVC(C=10), RBF", [lambda: SVC(C=10).fit(flat, y).score(flat_test, y_test)])
    runs = [
        lambda seed=seed: MLPClassifier(sizes, max_iter=40, random_state=seed).fit(flat, y).score(flat_test, y_test)
        for seed in range(seeds)
    ]
    scores(table, part, f"MLPClassifier({sizes}, max_iter=40)", runs)


def few(table, seeds, more, judge, sizes):
    X, X_test, y, y_test = mnist(judge)
    found = {}
    for name, pretrain in (("pre-trained on all rows", {}), ("not pre-trained", {"pretrain_epochs": 0})):

        def run(seed, pretrain=pretrain):
            rng = np.random.default_rng(seed)
            share = len(y) // 20 // 10
            kept = np.concatenate([rng.permutation(np.flatnonzero(y == label))[:share] for label in range(10)])
            target = np.full(len(y), -1)
            target[kept] = y[kept]
            model = DBNClassifier(hidden_layer_sizes=sizes, random_state=seed, **(more | pretrain))
            return model.fit(X, target).score(X_test, y_test)

        found[name] = scores(table, "5 % of the labels", name, [lambda s=s, run=run: run(s) for s in range(seeds)])
    gain = found["pre-trained on all rows"] - found["not pre-trained"]
    print(f"5 % of the labels: gain {gain.mean():+.4f}, more on {(gain > 0).sum()} of {len(gain)} seeds")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--seeds", type=int, default=3, help="of the part few: 5 at least")
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="*",
        help="hidden units of the layers; those of the package for digits, 1000 for MNIST",
    )
    parser.add_argument("--judge", choices=["test", "train"], default="test")
    parser.add_argument(
        "--set", nargs="*", default=[], help="parameters such as pretrain_epochs=0, in place of the defaults"
    )
    args = parser.parse_args()
    more = {
        name: float(value) if "." in value or "e-" in value else int(value)
        for name, value in (s.split("=") for s in args.set)
    }
    if data_folder() is None and {"mnist", "affine", "few"} & set(args.parts):
        raise SystemExit("set SKLEARN_SEQ_DATA to the folder that holds mnist_5k")
    table = []
    sizes = tuple(args.sizes or [1000])
    for part in args.parts:
        if part in ("mnist", "affine"):
            whole(table, args.seeds, more, args.judge, part == "affine", sizes)
        elif part == "few":
            few(table, max(5, args.seeds), more, args.judge, sizes)
        else:
            own = {"hidden_layer_sizes": sizes} if args.sizes else {}
            {"digits": digits, "features": features}[part](table, args.seeds, more | own)
    print(markdown(["part", "model", "accuracy", "lowest to highest", "runs", "seconds a run"], table))


if __name__ == "__main__":
    main()
