"""Muon: against torch's own, and against the polynomial that its steps are of."""

import numpy as np
import pytest
import torch

from sklearn_seq import CNNClassifier, CNNTagger, LITEClassifier, TCNClassifier
from sklearn_seq.testing import make_problem
from sklearn_seq.training.flat import Flat
from sklearn_seq.training.optimizers import Adam, _evened, make_optimizer

DATA = make_problem("classify", "3-D")


def by_singular_values(matrix, *_):
    """What five steps of the polynomial make of each singular value, in float64."""
    u, s, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / torch.linalg.vector_norm(s)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (u * s) @ v


class Network(torch.nn.Module):
    """A body of two matrices, with biases, and a head."""

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.body = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 6))
        self.head = torch.nn.Linear(6, 3)


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (6, 6)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_step_has_the_directions_of_the_gradient_and_sizes_by_the_polynomial(shape, dtype):
    matrices = torch.randn(3, *shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    matrices[1] *= 1e-6
    found = _evened(matrices)
    for one, matrix in zip(found, matrices, strict=True):
        torch.testing.assert_close(one, by_singular_values(matrix).to(dtype), atol=2e-5, rtol=2e-5)
    sizes = torch.linalg.svdvals(found)
    assert 0.6 < sizes.min() < sizes.max() < 1.25
    assert (_evened(torch.zeros(1, *shape, dtype=dtype)) == 0).all()


@pytest.mark.parametrize("by_rows", [True, False])
def test_it_is_torchs_for_hidden_matrices_and_adamw_for_all_else(by_rows, monkeypatch):
    monkeypatch.setattr(Adam.__base__, "_goes_by_rows", lambda self: by_rows)  # as on a CPU, and as on other devices
    muon = pytest.importorskip("torch.optim._muon")
    monkeypatch.setattr(muon, "_zeropower_via_newtonschulz", by_singular_values)  # torch's rounds to bfloat16
    rates, modules = [1e-2, 3e-2], [Network(0), Network(1)]
    twins, theirs = [Network(0), Network(1)], []
    for twin, rate in zip(twins, rates, strict=True):
        hidden = [layer.weight for layer in (twin.body[0], twin.body[2])]
        others = [p for p in twin.parameters() if all(p is not matrix for matrix in hidden)]
        options = {"lr": rate, "weight_decay": 0.1}
        theirs.append(
            [
                torch.optim.Muon(hidden, adjust_lr_fn="match_rms_adamw", **options),
                torch.optim.AdamW(others, **options),
            ]
        )
    flat = Flat(modules)
    ours = make_optimizer("muon", flat, rates=rates, decays=[0.1, 0.1])
    active = np.ones((4, 2), dtype=bool)
    active[2, 1] = False  # a replica with fewer batches
    ours.prepare(np.tile(rates, (4, 1)), active)
    chance = torch.Generator().manual_seed(2)
    for i in range(4):
        for r, (twin, module) in enumerate(zip(twins, modules, strict=True)):
            for own, other in zip(twin.parameters(), module.parameters(), strict=True):
                own.grad = torch.randn(own.shape, generator=chance)
                other.grad.copy_(own.grad)
            if active[i, r]:
                for part in theirs[r]:
                    part.step()
            else:
                flat.gradient[r] = 0.0
        ours.update(i)
    for twin, module in zip(twins, modules, strict=True):
        for own, other in zip(twin.parameters(), module.parameters(), strict=True):
            torch.testing.assert_close(other, own, atol=2e-5, rtol=2e-5)


def test_it_goes_on_from_a_packed_state():
    def steps(flat, optimizer, n, seed):
        chance = torch.Generator().manual_seed(seed)
        for _ in range(n):
            flat.gradient.copy_(torch.randn(flat.gradient.shape, generator=chance))
            optimizer.prepare(np.full((1, 1), 1e-2), np.ones((1, 1), dtype=bool))
            optimizer.update(0)

    flat, twin = Flat([Network(0)]), Flat([Network(0)])
    optimizer, other = (make_optimizer("muon", one, rates=[1e-2], decays=[0.1]) for one in (flat, twin))
    steps(flat, optimizer, 3, 1)
    twin.values.copy_(flat.values)
    other.unpack(0, optimizer.pack(0))
    for one, its in ((flat, optimizer), (twin, other)):
        steps(one, its, 2, 2)
    torch.testing.assert_close(twin.values, flat.values, rtol=0, atol=0)


def names_of_hidden(model):
    module = model.module_
    flat = Flat([module])
    begins = {begin for every in flat.matrices("body.").values() for begin in every}
    trained = [name for name, p in module.named_parameters() if p.requires_grad]
    return {name for name, (begin, _) in zip(trained, flat._places, strict=True) if begin in begins}


def test_embeddings_heads_biases_gains_and_depthwise_kernels_are_not_hidden():
    tagger = CNNTagger(n_blocks=1, n_filters=4, max_epochs=1, kernel_size=3, random_state=0)
    tagger.fit(["abba", "bab"] * 4, ["0110", "101"] * 4)
    assert names_of_hidden(tagger) == {f"body.convs.{i}.weight" for i in (0, 1)} | {"body.stem.0.weight"}
    lite = LITEClassifier(max_epochs=1, random_state=0, n_filters=4).fit(DATA.X, DATA.y)
    names = names_of_hidden(lite)
    assert any("pointwise" in name for name in names)
    assert not any("depthwise" in name or "head" in name for name in names)
    tcn = names_of_hidden(TCNClassifier(max_epochs=1, random_state=0).fit(DATA.X, DATA.y))
    assert tcn
    assert not any("gain" in name or "bias" in name for name in tcn)


def test_an_estimator_learns_with_it_and_goes_on():
    model = CNNClassifier(optimizer="muon", max_epochs=8, random_state=0, warm_start=True).fit(DATA.X, DATA.y)
    first = model.history_[-1]["train_loss"]
    assert first < 0.5 * model.history_[0]["train_loss"]
    model.set_params(max_epochs=4).fit(DATA.X, DATA.y)
    assert model.history_[-1]["train_loss"] < first
