"""Two language models that read the licence and the topics of Python's own help, and then write in that style.

    python examples/write_text.py [picture.png]

Nothing is downloaded: the texts come with every Python. What is printed: how probable a character of the last tenth, which was
not learnt from, is to each model, and what they write at three temperatures. The picture shows how surprised a model is by each
character of a paragraph.
"""

import inspect
import pydoc
import sys
import time
from pydoc_data.topics import topics

import numpy as np

from sklearn_seq import LSTMGenerator, TransformerGenerator

N_CHARACTERS = 60_000


def main(picture: str | None = None) -> None:
    text = "\n\n".join(inspect.cleandoc(topics[name]) for name in sorted(topics))[:N_CHARACTERS]
    text = pydoc.plain(text)
    learnt, held = text[: int(0.9 * len(text))], text[int(0.9 * len(text)) :]
    print(f"{len(learnt)} characters to learn from, {len(set(learnt))} different ones")
    models = [
        LSTMGenerator(hidden_size=128, max_epochs=8, random_state=0),
        TransformerGenerator(hidden_size=128, max_epochs=8, random_state=0),
    ]
    for model in models:
        began = time.perf_counter()
        model.fit([learnt])
        print(
            f"{type(model).__name__}: {time.perf_counter() - began:.0f} s, "
            f"{-model.score([held]) / np.log(2):.2f} bits a character, perplexity {model.perplexity([held]):.1f}"
        )
    for temperature in (0.0, 0.7, 1.0):
        print(f"--- temperature {temperature}")
        print(models[0].generate(["The "], max_length=250, temperature=temperature, random_state=0)[0])
    if picture:
        draw(picture, models[0], held[:240])


def draw(picture: str, model: LSTMGenerator, text: str) -> None:
    """Each character on a ground that is the darker the less it was expected."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    # the probability of each character is that of the text up to it, over that of the text before it
    network, mark = model.module_, model.n_tokens_
    import torch

    ids = [model.vocabulary_.find(character) + 1 for character in text]
    with torch.inference_mode():
        logits = network.read(torch.tensor([[mark, *ids[:-1]]]))[0][0].log_softmax(dim=1)
    bits = -logits[range(len(ids)), ids].numpy() / np.log(2)
    columns = 60
    figure, axes = plt.subplots(figsize=(9, 2.2))
    grid = np.full((-(-len(text) // columns), columns), np.nan)
    grid.ravel()[: len(bits)] = bits
    image = axes.imshow(grid, cmap="Oranges", vmin=0, vmax=8, aspect="auto")
    for i, character in enumerate(text):
        shown = "\N{RETURN SYMBOL}" if character == "\n" else character
        axes.text(i % columns, i // columns, shown, ha="center", va="center", family="monospace")
    axes.set_axis_off()
    axes.set_title("bits of surprise by each character of a text that was not learnt from")
    figure.colorbar(image, ax=axes, label="bits")
    figure.savefig(picture, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main(*sys.argv[1:])
