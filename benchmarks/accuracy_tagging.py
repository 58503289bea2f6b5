"""Labels of steps: parts of speech (UD English LinES), and secondary structure of proteins from one sequence (FLIP, CB513).

    python benchmarks/accuracy_tagging.py speech [--seeds 0 1 2] [--judge dev] [--set lr=0.003 ...]
    python benchmarks/accuracy_tagging.py protein --seeds 0 1 2 3 [--epochs 3] [--refit]

Parts of speech: trained on the official training part, settings chosen by its development part (``--judge dev``), no vectors
from elsewhere. Proteins: trained on the training part of FLIP, settings chosen by its validation part, which ``--refit`` trains
on too; residues that are not resolved have no label, in training and in scores. NEW364 is FLIP's test part, CB513 another set. A
tagger of each seed is trained, two at a time, one a core, and the probabilities of the first two and of all are averaged.
"""

import argparse
import ast
import csv
import gzip
import time

import numpy as np
from _common import data_folder, markdown
from joblib import Parallel, delayed

from sklearn_seq import CNNTagger, LSTMTagger

SPEECH = {
    "bidirectional": True,
    "max_epochs": 8,
    "batch_size": 16,
    "token_dropout": 0.2,
    "embedding_size": 64,
}
PROTEIN = {
    "n_filters": 160,
    "block": "single",
    "dilations": (1, 1, 2, 2, 4, 4, 8, 16, 1),
    "kernel_size": 7,
    "stem": "linear",
    "squeeze_excitation": True,
    "norm": "layer",
    "activation": "gelu",
    "dropout": 0.1,
    "optimizer": "muon",
    "lr": 6e-3,
    "batch_size": 16,
    "label_smoothing": 0.05,
    "token_dropout": 0.0,
    "precision": "bf16",
}


def sentences(part):
    """Words and parts of speech."""
    X, y = [[]], [[]]
    with gzip.open(data_folder() / "ud_english_lines" / f"{part}.tsv.gz", "rt", encoding="utf-8") as file:
        for line in map(str.rstrip, file):
            if line:
                word, tag, *_ = line.split("\t")
                X[-1].append(word)
                y[-1].append(tag)
            elif X[-1]:
                X.append([])
                y.append([])
    return [row for row in X if row], [row for row in y if row]


def masked(labels, mask):
    return "".join(label if there == "1" else "-" for label, there in zip(labels, mask, strict=True))


def proteins():
    """Parts of FLIP and CB513: sequences and structures, "-" where a residue does not count."""
    parts = {}
    with gzip.open(data_folder() / "protein_ss_flip" / "protein_ss.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            X, y = parts.setdefault(row["split"], ([], []))
            X.append(row["sequence"])
            y.append(masked(row["ss3"], row["mask"]))
    X, y = parts.setdefault("CB513", ([], []))
    with gzip.open(data_folder() / "protein_ss_cb513" / "cb513.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            X.append(row["sequence"])
            y.append(masked(row["ss3"], row["eval_mask"]))
    return parts


def crops(X, y, longest=600):
    """Stretches of long chains, so that batches need little padding."""
    places = [(i, begin) for i, x in enumerate(X) for begin in range(0, len(x), longest)]
    stretches = [(X[i][begin : begin + longest], y[i][begin : begin + longest]) for i, begin in places]
    return [x for x, _ in stretches], [labels for _, labels in stretches]


def speech(args):
    (X, y), judge = sentences("train"), sentences(args.judge)
    table = []
    for decoder in args.decoders:
        scores, seconds = [], []
        for seed in args.seeds:
            began = time.process_time()
            model = LSTMTagger(decoder=decoder, random_state=seed, **SPEECH | dict(args.set)).fit(X, y)
            seconds.append(time.process_time() - began)
            scores.append(model.score(*judge))
            print(f"LinES {args.judge}  {decoder}  seed {seed}  {scores[-1]:.4f}  {seconds[-1]:.0f} s", flush=True)
        each = " ".join(f"{score:.4f}" for score in scores)
        table.append([f"LinES {args.judge}, {decoder}", f"{np.mean(scores):.4f}", each, f"{np.mean(seconds):.0f}"])
    return table


def fit_protein(X, y, args, seed):
    """A tagger, and the seconds of the processor that its fit took."""
    settings = PROTEIN | {"max_epochs": args.epochs, "random_state": seed} | dict(args.set)
    began = time.process_time()
    model = CNNTagger(ignore_label="-", n_threads=1, **settings).fit(X, y)
    return model, time.process_time() - began


def protein(args):
    """Several taggers, one after another of the seeds, trained side by side; their mean probabilities are scored too."""
    parts, table = proteins(), []
    X, y = crops(*parts["train"])
    if args.refit:
        more, labels = crops(*parts.pop("valid"))
        X, y = X + more, y + labels
    began = time.time()
    fitted = Parallel(n_jobs=2)(delayed(fit_protein)(X, y, args, seed) for seed in args.seeds)
    print(f"fitted in {(time.time() - began) / 60:.1f} minutes", flush=True)
    for name in [name for name in ("valid", "test", "CB513") if name in parts]:
        named = {"test": "NEW364", "valid": "FLIP valid"}.get(name, name)
        sequences, labels = parts[name]
        truth = np.array(list("".join(labels)))
        proba = [np.concatenate(model.predict_proba(sequences)) for model, _ in fitted]
        counts, labels_of = truth != "-", fitted[0][0].classes_
        each = [np.mean(labels_of[one.argmax(axis=1)][counts] == truth[counts]) for one in proba]
        for n in sorted({min(2, len(proba)), len(proba)}):
            answers = labels_of[np.mean(proba[:n], axis=0).argmax(axis=1)]
            score = np.mean(answers[counts] == truth[counts])
            seconds = max(seconds for _, seconds in fitted[:n])
            row = [f"{named}, {n}", f"{score:.4f}", " ".join(f"{one:.4f}" for one in each[:n]), f"{seconds:.0f}"]
            table.append(row)
            print(*row, flush=True)
    return table


def setting(text):
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("on", choices=["speech", "protein"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--judge", choices=["dev", "test"], default="test")
    parser.add_argument("--decoders", nargs="*", default=["softmax", "crf"])
    parser.add_argument("--epochs", type=int, default=3, help="of proteins")
    parser.add_argument("--refit", action="store_true", help="proteins: train on the validation part too")
    parser.add_argument(
        "--set", nargs="*", type=setting, default=[], help="parameters in place of those here, name=value"
    )
    args = parser.parse_args()
    if data_folder() is None:
        raise SystemExit("set SKLEARN_SEQ_DATA to the folder that holds ud_english_lines and protein_ss_flip")
    table = speech(args) if args.on == "speech" else protein(args)
    print(markdown(["set", "share of steps that are right", "each seed", "CPU seconds a fit"], table))


if __name__ == "__main__":
    main()
