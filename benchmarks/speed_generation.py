"""Language models: a fit against the loop that a user would write around the same layers of torch, and writing with a cache.

    python benchmarks/speed_generation.py [--rounds 5] [--what train generate]

One thread, processor time, the cases take turns; ratios are medians over rounds (lowest to highest). The hand-written loop has
the same embedding, recurrent layer, dropout and linear head, streams of the same length with the state carried, cross-entropy,
AdamW, the norm of the gradient clipped, and a cosine schedule. Writing: greedily, from one token, one text or 16 at once,
with the state or cache of keys and values, or reading all that is there for each token.
"""

import argparse
import itertools
import math

import numpy as np
import torch
from _common import interleave, markdown, ratios, spread
from torch import nn

from sklearn_seq import GRUGenerator, LSTMGenerator, TransformerGenerator

N_CHARACTERS, N_STREAMS, N_STEPS, EPOCHS = 40_000, 32, 64, 1
SIZES = {
    "LSTM h256": (LSTMGenerator, nn.LSTM, 256),
    "LSTM h128": (LSTMGenerator, nn.LSTM, 128),
    "GRU h128": (GRUGenerator, nn.GRU, 128),
}
WRITERS = {
    "Transformer h128, 4 layers": TransformerGenerator(hidden_size=128, n_layers=4, n_steps=256, max_epochs=1),
    "Transformer h64, 2 layers": TransformerGenerator(n_steps=256, max_epochs=1),
    "LSTM h256": LSTMGenerator(hidden_size=256, max_epochs=1),
}
LENGTH = 256


class Bare(nn.Module):
    """What a user writes."""

    def __init__(self, layer, n_tokens, size, hidden):
        super().__init__()
        self.embedding, self.layer = nn.Embedding(n_tokens, size), layer(size, hidden, batch_first=True)
        self.dropout, self.head = nn.Dropout(0.1), nn.Linear(hidden, n_tokens)

    def forward(self, x, state):
        hidden, state = self.layer(self.dropout(self.embedding(x)), state)
        return self.head(self.dropout(hidden)), state


def hand_written(layer, ids, n_tokens, hidden):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = Bare(layer, n_tokens, 64, hidden)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    length = (len(ids) - 1) // N_STREAMS
    x = torch.from_numpy(ids[: N_STREAMS * length].reshape(N_STREAMS, length))
    y = torch.from_numpy(ids[1 : N_STREAMS * length + 1].reshape(N_STREAMS, length))
    n_steps = EPOCHS * (length // N_STEPS)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: 0.5 * (1 + math.cos(math.pi * k / n_steps)))
    for _ in range(EPOCHS):
        state = None
        for begin in range(0, length - N_STEPS + 1, N_STEPS):
            logits, state = model(x[:, begin : begin + N_STEPS], state)
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), y[:, begin : begin + N_STEPS].flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            loss.item()


def train(rounds):
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz ,.\n"), N_CHARACTERS))
    ids = np.unique(list(text), return_inverse=True)[1]
    rows = []
    for name, (cls, layer, hidden) in SIZES.items():
        model = cls(
            hidden_size=hidden,
            embedding_size=64,
            n_grams=1,
            tie_weights=False,
            dropout=0.1,
            batch_size=N_STREAMS,
            n_steps=N_STEPS,
            max_epochs=EPOCHS,
            n_threads=1,
            random_state=0,
        )
        cases = {
            "loop": lambda layer=layer, hidden=hidden: hand_written(layer, ids, 31, hidden),
            "ours": lambda model=model: model.fit([text]),
        }
        seconds = interleave(cases, rounds)
        rows.append(
            [
                name,
                f"{min(seconds['loop']):.2f}",
                f"{min(seconds['ours']):.2f}",
                *spread(ratios(seconds, "loop")["ours"]),
            ]
        )
        print(rows[-1], flush=True)
    print(markdown(["fit", "loop, s", "ours, s", "ours to the loop", "lowest to highest"], rows))


def generate(rounds):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 60, size=(4, 300))
    rows = []
    for name, n_texts in itertools.product(WRITERS, (1, 16)):
        model = WRITERS[name]
        network = model.set_params(n_threads=1, random_state=0).fit(ids).module_
        # the mark is made improbable, so that all texts are equally long
        bias = network.bias if network.head is None else network.head.bias
        bias.data[model.n_tokens_] = -1e9

        def whole(network=network, mark=model.n_tokens_, n=n_texts):
            torch.set_num_threads(1)
            known = torch.tensor([[mark, 1]]).repeat(n, 1)
            with torch.inference_mode():
                for _ in range(LENGTH):
                    known = torch.cat([known, network.read(known, last=True)[0].argmax(dim=1, keepdim=True)], dim=1)
            return known[0, 1:]

        def cached(model=model, n=n_texts):
            return model.generate([np.array([1])] * n, max_length=LENGTH, temperature=0)[0]

        assert whole().tolist() == cached().tolist()
        seconds = interleave({"cached": cached, "whole": whole}, rounds)
        rows.append(
            [
                name,
                n_texts,
                f"{min(seconds['cached']):.3f}",
                f"{min(seconds['whole']):.3f}",
                *spread(ratios(seconds, "cached")["whole"]),
            ]
        )
        print(rows[-1], flush=True)
    print(
        markdown(
            ["256 tokens", "texts at once", "with cache, s", "without, s", "without to with", "lowest to highest"], rows
        )
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--what", nargs="+", choices=["train", "generate"], default=["train", "generate"])
    args = parser.parse_args()
    for what in args.what:
        {"train": train, "generate": generate}[what](args.rounds)


if __name__ == "__main__":
    main()
