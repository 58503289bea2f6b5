"""A character language model of tiny Shakespeare: mean negative log-likelihood of the last tenth of the text, in nats.

    python benchmarks/accuracy_language.py [--settings short] [--seeds 1]
    python benchmarks/accuracy_language.py --on-train --settings short --also '{"n_grams": 1}'

The first 90 % of the characters are the train part, the rest is scored once after the fit, in 20 pieces of which each is read
from its beginning. With ``--on-train`` the last tenth of the train part takes its place and the rest is not read: settings were
chosen so. One thread; processor and wall time of the fit.
"""

import argparse
import gzip
import itertools
import json
import time

import numpy as np
import torch
from _common import data_folder, markdown

from sklearn_seq import LSTMGenerator

COMMON = {"hidden_size": 256, "embedding_size": 64, "tie_weights": False, "n_grams": 4, "batch_size": 32, "lr": 4e-3}
SETTINGS = {
    "short": COMMON | {"dropout": 0.1, "max_epochs": 3},
    "long": COMMON | {"dropout": 0.25, "max_epochs": 12},
    "large": COMMON | {"hidden_size": 512, "dropout": 0.35, "max_epochs": 12},
}
PIECES = 20


def parts(on_train):
    text = gzip.open(data_folder() / "tiny_shakespeare" / "input.txt.gz", "rt", encoding="utf-8").read()
    text, held = text[: int(0.9 * len(text))], text[int(0.9 * len(text)) :]
    if on_train:
        text, held = text[: int(0.9 * len(text))], text[int(0.9 * len(text)) :]
    ends = np.linspace(0, len(held), PIECES + 1).astype(int)
    return text, [held[a:b] for a, b in itertools.pairwise(ends)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settings", choices=SETTINGS, default="short")
    parser.add_argument("--also", default="{}", help="parameters to change, as JSON")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--on-train", action="store_true")
    args = parser.parse_args()
    text, pieces = parts(args.on_train)
    changed = json.loads(args.also)
    rows = []
    for seed in range(args.seeds):
        model = LSTMGenerator(**SETTINGS[args.settings] | changed, n_threads=1, random_state=seed)
        used, began = time.process_time(), time.perf_counter()
        model.fit([text])
        used, took = time.process_time() - used, time.perf_counter() - began
        # the end of a piece is no end of a text, so the mark is left out
        each = model.score_samples(pieces)
        mark = _of_the_mark(model, pieces)
        nats = -(each - mark).sum() / sum(map(len, pieces))
        rows.append([args.settings, seed, f"{nats:.4f}", f"{-model.score(pieces):.4f}", f"{used:.0f}", f"{took:.0f}"])
        print(rows[-1], flush=True)
    print(
        markdown(["settings", "seed", "nats a character", "with the mark", "processor seconds", "wall seconds"], rows)
    )
    print(json.dumps(SETTINGS[args.settings] | changed), model.n_parameters_, "weights")
    print(model.generate(["ROMEO:\n"], max_length=300, temperature=0.8, random_state=0)[0])


def _of_the_mark(model, pieces):
    """Log-likelihood of ending behind each piece: that of the piece less that of its characters."""

    found = []
    places = {character: i + 1 for i, character in enumerate(model.vocabulary_)}
    for piece in pieces:
        ids = torch.tensor([[model.n_tokens_, *(places.get(character, 0) for character in piece)]])
        with torch.inference_mode():
            logits = model.module_.read(ids, last=True)[0]
        found.append(float(logits.double().log_softmax(dim=1)[0, model.n_tokens_]))
    return np.array(found)


if __name__ == "__main__":
    main()
