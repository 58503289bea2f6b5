"""Images as sequences: sign-language digits.

    python benchmarks/accuracy_vision.py [--seeds 3]
    python benchmarks/accuracy_vision.py --choose

Data: sign_language_digits (see the README beside it). The settings were chosen on the training part alone; ``--choose`` prints one
fold of five of it, with and without the augmentation.
"""

import argparse
import time

import numpy as np
from _common import data_folder, markdown
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from sklearn_seq import FrameEncoder, SpectrogramCNNClassifier


def digits():
    """64 x 64 grey images, each row of 32 means of 2 x 2 pixels a step."""
    with np.load(data_folder() / "sign_language_digits" / "sign_language_digits.npz") as found:
        return tuple(found[name] for name in ("X_train", "y_train", "X_test", "y_test"))


def digits_model(seed, **params):
    settings = {"n_blocks": 4, "batch_size": 32, "max_epochs": 25, "augment": {"mask": 0.15, "crop": 0.85}, **params}
    return make_pipeline(FrameEncoder(downsample=2), SpectrogramCNNClassifier(random_state=seed, **settings))


def run(name, model, X, y, X_test, y_test, seeds):
    """One line of the table."""
    scores, began = [], time.process_time()
    for seed in range(seeds):
        scores.append(model(seed).fit(X, y).score(X_test, y_test))
        print(name, seed, f"{scores[-1]:.4f}", flush=True)
    seconds = (time.process_time() - began) / seeds
    return [name, f"{len(y)} / {len(y_test)}", f"{np.mean(scores):.4f}", f"{min(scores):.4f}", f"{seconds:.0f}"]


def choose():
    """One fold of the training part."""
    X, y, *_ = digits()
    cv = list(StratifiedKFold(5, shuffle=True, random_state=7).split(X, y))[:1]  # one fold: a fit takes a minute
    for params in ({}, {"augment": None}):
        print("digits", params, f"{cross_val_score(digits_model(0, **params), X, y, cv=cv).mean():.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="*", choices=["digits"], default=["digits"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--choose", action="store_true")
    options = parser.parse_args()
    if data_folder() is None:
        raise SystemExit("the data do not ship: set SKLEARN_SEQ_DATA")
    if options.choose:
        choose()
        return
    lines = [run("sign-language digits", digits_model, *digits(), options.seeds)]
    print(markdown(["set", "train / test", "accuracy, mean of seeds", "worst seed", "CPU seconds a seed"], lines))


if __name__ == "__main__":
    main()
