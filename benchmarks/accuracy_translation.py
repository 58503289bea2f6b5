"""Multi30k, English to German: BLEU of one attention network, and what back-translation adds to a third of the pairs.

    python benchmarks/accuracy_translation.py --judge test [--seeds 1] [--also '{"hidden_size": 256}']
    python benchmarks/accuracy_translation.py --back --judge test

The official parts: 29,000 pairs to learn from, 1,014 to choose settings on (``--judge val``), 1,000 of test 2016. Plain texts in
and out, BLEU by sacrebleu with its default tokens and capitals. With ``--back`` a third of the pairs is learnt from; a model of
the other direction, of the same third, then makes English of the German of the other two thirds. One thread; processor and
wall time of the fits.
"""

import argparse
import gzip
import json
import time

import numpy as np
from _common import data_folder, markdown

from sklearn_seq import LSTMTranslator, back_translate
from sklearn_seq.metrics import bleu_score, chrf_score

SETTINGS = {
    "level": "bpe",
    "shared_vocabulary": True,
    "max_tokens": 4000,
    "hidden_size": 256,
    "embedding_size": 256,
    "dropout": 0.2,
    "batch_size": 64,
    "lr": 3e-3,
    "lr_schedule": "one-cycle",
    "max_epochs": 8,
}


def pairs(part):
    folder = data_folder() / "multi30k_en_de"
    texts = (gzip.open(folder / f"{part}.{side}.gz", "rt", encoding="utf-8").read() for side in ("en", "de"))
    return tuple(text.rstrip("\n").split("\n") for text in texts)


def fitted(X, y, settings, seed, **more):
    """A model, and the seconds of the processor and on the wall."""
    model = LSTMTranslator(**settings, n_threads=1, random_state=seed)
    used, began = time.process_time(), time.perf_counter()
    model.fit(X, y, **more)
    return model, time.process_time() - used, time.perf_counter() - began


def row(name, seed, model, X, y, used, took):
    began = time.perf_counter()
    said = model.predict(X)
    predicted = time.perf_counter() - began
    for source, answer, truth in list(zip(X, said, y, strict=True))[:3]:
        print(f"  {source}\n  {answer}\n  {truth}\n")
    scores = bleu_score(y, said), bleu_score(y, said, lowercase=True), chrf_score(y, said)
    log_likelihood = model.score_samples(X, y).sum() / sum(map(len, y))
    cells = [name, seed, *(f"{score:.2f}" for score in scores), f"{log_likelihood:.4f}"]
    cells += [f"{used:.0f}", f"{took:.0f}", f"{predicted:.0f}"]
    print(cells, flush=True)
    return cells


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--judge", choices=("val", "test"), default="val")
    parser.add_argument("--also", default="{}", help="parameters to change, as JSON")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--back", action="store_true", help="a third of the pairs, without and with back-translation")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    X, y = pairs("train")
    X_test, y_test = pairs("val" if args.judge == "val" else "test_2016_flickr")
    settings = SETTINGS | json.loads(args.also)
    if args.verbose:
        settings["verbose"] = 1
    rows = []
    for seed in args.seeds:
        if not args.back:
            model, used, took = fitted(X, y, settings, seed)
            rows.append(row("all pairs", seed, model, X_test, y_test, used, took))
            continue
        few = np.random.default_rng(seed).permutation(len(X)) < len(X) // 3
        X_few, y_few = ([text for text, chosen in zip(side, few, strict=True) if chosen] for side in (X, y))
        y_more = [text for text, chosen in zip(y, few, strict=True) if not chosen]
        model, used, took = fitted(X_few, y_few, settings, seed)
        rows.append(row("a third", seed, model, X_test, y_test, used, took))
        reverse, used, took = fitted(y_few, X_few, settings, seed)
        rows.append(row("the other direction", seed, reverse, y_test, X_test, used, took))
        X_all, y_all, weight = back_translate(reverse, X_few, y_few, y_more)
        model, used, took = fitted(X_all, y_all, settings, seed, sample_weight=weight)
        rows.append(row("a third, and back-translations", seed, model, X_test, y_test, used, took))
    columns = ["learns from", "seed", "BLEU", "lower-cased", "chrF", "log-likelihood a character"]
    print(markdown([*columns, "processor seconds", "wall seconds", "to predict"], rows))
    print(json.dumps(settings), f"{model.n_parameters_} weights, {model.n_target_tokens_} tokens")


if __name__ == "__main__":
    main()
