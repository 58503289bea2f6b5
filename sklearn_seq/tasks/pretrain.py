"""Pre-training without targets, bodies that go from one estimator to another, and parameters that stay as they are."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from sklearn.utils import check_random_state

from sklearn_seq.layers.masking import MaskedReconstruction, MaskedTokens
from sklearn_seq.layers.masks import lengths_of
from sklearn_seq.sequences.order import distinct_rows
from sklearn_seq.tasks.inputs import InputStatistics
from sklearn_seq.tasks.state import keep_on_failure
from sklearn_seq.training import Part, Plan, Seeds, run
from sklearn_seq.training.batches import Batch
from sklearn_seq.training.run import weights_of

__all__ = ["GENTLE", "Body", "HideSteps", "PretrainMixin", "freeze_parameters", "read_body"]

# what of a network is handed over
_HANDED = ("scaling.", "body.")
# and beside it how long the sequences were: some bodies go by it
_LONGEST = "longest"
# Share of lr for a body that was trained before: of 1, 0.3 and 0.1 the best on training rows whose labels were not used
# (benchmarks/accuracy_pretraining.py)
GENTLE = 0.3


@dataclass(frozen=True)
class HideSteps:
    """Marks stretches of steps that the body is not shown, in a feature behind the others. A plan's ``augment``.

    Stretches begin anywhere and may run into each other, as in wav2vec 2.0 (Baevski et al. 2020).

    Attributes
    ----------
    fraction : float
        Expected share of the steps.
    length : int
        Steps a stretch.
    """

    fraction: float
    length: int

    def __call__(self, batch: Batch, draw: Callable[..., torch.Tensor], network: Any) -> Batch:
        """The batch with a feature more, 1 where a step is hidden; of ids too, which are whole numbers."""
        # a step is hidden when one of the ``length`` stretches that would reach it begins
        chance = 1.0 - (1.0 - self.fraction) ** (1.0 / self.length)
        before, inside = draw(batch, _uniform, self.length - 1), draw(batch, _uniform, each_step=True)
        begins = (torch.cat([before, inside], dim=1) < chance).to(batch.x.dtype)  # (B, length - 1 + T)
        hidden = begins.unfold(1, self.length, 1).amax(dim=-1)  # (B, T)
        if batch.mask is not None:
            hidden = hidden * batch.mask
        # one step at least, so that no row is without a task
        one = (draw(batch, _uniform) * lengths_of(batch.x, batch.mask)).long()[:, None]
        hidden = torch.where(hidden.any(dim=1, keepdim=True), hidden, hidden.scatter(1, one, 1.0))
        return batch._replace(x=torch.cat([batch.x, hidden[..., None]], dim=-1))


def _uniform(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return generator.random(shape)


def _own_loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The network's output is the loss."""
    return output


@dataclass(frozen=True)
class Body:
    """A body with its input scaling, trained before.

    Attributes
    ----------
    held : dict of str to ndarray
        As ``pretrained_body_``.
    source : str
        Where it is from, for messages.
    """

    held: dict[str, np.ndarray]
    source: str

    @property
    def longest(self) -> int:
        """Steps of the longest sequence that it was trained on."""
        return int(self.held[_LONGEST])

    def put_into(self, network: torch.nn.Module, name: str, parts: tuple[str, ...] = _HANDED) -> None:
        """Give its numbers, by default with those of ``scaling``, to a network of an estimator of this name."""
        left = tuple(part for part in _HANDED if part not in parts)
        weights = {key: array for key, array in self.held.items() if key != _LONGEST and not key.startswith(left)}
        wanted = {key: tuple(t.shape) for key, t in network.state_dict().items() if key.startswith(parts)}
        given = {key: tuple(array.shape) for key, array in weights.items()}
        wrong = sorted(key for key in wanted.keys() | given.keys() if wanted.get(key) != given.get(key))
        if wrong:
            key = next((name for name in ("scaling.shift", "scaling.weight") if name in wrong), wrong[0])

            def told(found: dict[str, tuple[int, ...]]) -> str:
                return f"of shape {found[key]}" if key in found else "absent"

            raise ValueError(
                f"the body {self.source} does not fit this {name}: {key[:80]} is {told(given)} there; wanted {told(wanted)}"
                + (" (one number a feature)" if key == "scaling.shift" else "")
                + ". Give the same family, its parameters of size, missing, and data of as many features as in training it."
            )
        network.load_state_dict(
            {key: torch.from_numpy(np.array(array)) for key, array in weights.items()}, strict=False
        )


class PretrainMixin:
    """Learning a body from sequences without targets, and handing it on.

    Attributes
    ----------
    pretrained_body_ : dict of str to ndarray
        After ``pretrain``: weights of the body, its input scaling, and how long the longest sequence was. It stays when
        ``fit`` is called; ``clone`` drops it.
    pretrain_loss_curve_ : list of float
        After ``pretrain``: loss of each epoch; 1 is what the mean of each feature would reach. Of token ids, the
        cross-entropy of hidden ones.
    """

    @keep_on_failure
    def pretrain(
        self,
        X: Any,
        *,
        max_epochs: int = 100,
        mask_fraction: float = 0.4,
        mask_length: int | str = "auto",
        lr: float | None = None,
        batch_size: int | str = "auto",
    ) -> Any:
        """Train the body to fill in stretches of the sequences that it is not shown; no targets are needed.

        The next ``fit`` begins with what was learnt here, its input scaling included. What an earlier fit learnt is
        dropped.

        Parameters
        ----------
        X : as in fit
            Sequences, of as many features as those of ``fit``; lengths and kind may differ. Of text, the ids that one
            `TextEncoder` makes for this and for ``fit``.
        max_epochs : int
            Passes over the sequences.
        mask_fraction : float
            Expected share of the steps that are hidden, in (0, 1).
        mask_length : int or "auto"
            Steps a hidden stretch; "auto" is a sixteenth of the mean length, 3 at least.
        lr : float, optional
            Step size; by default the estimator's.
        batch_size : int or "auto"
            Sequences a step, as the parameter of that name.

        Returns
        -------
        self
            With ``pretrained_body_``.

        Raises
        ------
        ValueError, TypeError
            For data that cannot be read or numbers that are out of range; the estimator stays as it was.
        """
        self._validate_params()  # type: ignore[attr-defined]
        _check_numbers(max_epochs, mask_fraction, mask_length, lr, batch_size)
        params = self.get_params(deep=False)  # type: ignore[attr-defined]
        # a copy reads and builds, so that this one is no more fitted than before
        changed: dict[str, Any] = {
            "early_stopping": False,
            "callbacks": None,
            "max_epochs": max_epochs,
        }
        changed |= {"batch_size": batch_size} | ({} if lr is None else {"lr": lr})
        maker: Any = type(self)(**params | changed)
        data = maker._pass_gate(X, reset=True)
        if "encoder_" in maker.__dict__:
            raise ValueError(
                "pretrain got text; wanted ids, so that fit reads the same vocabulary. Fit one TextEncoder on all texts, and give "
                "encoder.transform(texts) to pretrain and fit."
            )
        if maker._n_tokens is not None and data.n_features > 1:
            raise ValueError(
                f"pretrain got {data.n_features} ids a step; wanted one, which it can hide and ask for. Use TextEncoder."
            )
        rows, weight = distinct_rows(data, np.ones(len(data)))
        data = data[rows] if data.overlapping else data[rows].to_block()
        weight = weight / weight.mean()
        start = self._body_to_begin_with()
        maker._longest = int(data.lengths.max()) if start is None else start.longest
        n_tokens = maker._n_tokens
        own = InputStatistics(data, weight, maker.standardize) if start is None and n_tokens is None else None
        length = max(3, round(data.lengths.mean() / 16)) if mask_length == "auto" else int(mask_length)

        def build() -> torch.nn.Module:
            scaling: Any = maker._make_input(maker)
            body = maker.make_body(scaling.out_features)
            network = (
                MaskedReconstruction(scaling, body, data.n_features)
                if n_tokens is None
                else MaskedTokens(scaling, body)
            )
            if own is not None:
                own.put_into(network)
            if start is not None:
                start.put_into(network, type(self).__name__)
            return network

        plan = Plan(
            build=build,
            train=Part(data, np.zeros(len(data)), weight),
            valid=None,
            loss=_own_loss,
            score=lambda found, part: 0.0,
            settings=maker,
            seeds=Seeds.draw(check_random_state(self.random_state)),  # type: ignore[attr-defined]
            n_epochs=max_epochs,
            batch_size=maker._batch_rows(len(data)),
            augment=HideSteps(float(mask_fraction), length),
        )
        result = run([plan])[0]
        self._forget()  # type: ignore[attr-defined]
        self.pretrained_body_ = _handed(result.module) | {_LONGEST: np.array(maker._longest)}
        self.pretrain_loss_curve_ = [entry["train_loss"] for entry in result.history]
        return self

    def save_body(self, path: str | os.PathLike) -> None:
        """Write the body and its input scaling to a file, which another estimator begins with by ``body=path``.

        Parameters
        ----------
        path : str or path
            A file of safetensors: numbers and names only, nothing in it is executed.

        Raises
        ------
        NotFittedError
            When there was neither ``pretrain`` nor ``fit``; the later of both is what is written.
        """
        if self._is_fitted():  # type: ignore[attr-defined]
            held = _handed(self.module_) | {_LONGEST: np.array(self._longest)}  # type: ignore[attr-defined]
        else:
            if "pretrained_body_" not in self.__dict__:
                self._require_fitted()  # type: ignore[attr-defined]
            held = self.pretrained_body_
        save_file({name: np.asarray(array, order="C") for name, array in held.items()}, os.fspath(path))

    def _share_of_rate(self) -> float:
        """Of the body's steps in those of the other layers."""
        factor = self.body_lr_factor  # type: ignore[attr-defined]
        if factor != "auto":
            return float(factor)
        trained_before = "pretrained_body_" in self.__dict__ or self.body is not None  # type: ignore[attr-defined]
        return GENTLE if trained_before else 1.0

    def _body_to_begin_with(self) -> Body | None:
        """What ``pretrain`` learnt, before what the parameter ``body`` names."""
        own = self.__dict__.get("pretrained_body_")
        if own is not None:
            return Body(own, "from pretrain")
        path = self.body  # type: ignore[attr-defined]
        return None if path is None else Body(read_body(path), f"from body={path!r}")


def _check_numbers(max_epochs: Any, mask_fraction: Any, mask_length: Any, lr: Any, batch_size: Any) -> None:
    """Of ``pretrain``."""

    def whole(value: Any) -> bool:
        return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= 1

    def real(value: Any) -> bool:
        return isinstance(value, int | float | np.number) and not isinstance(value, bool)

    rules = [
        ("max_epochs", max_epochs, whole(max_epochs), "a whole number, 1 or more"),
        ("mask_fraction", mask_fraction, real(mask_fraction) and 0 < mask_fraction < 1, "a number between 0 and 1"),
        (
            "mask_length",
            mask_length,
            mask_length == "auto" or whole(mask_length),
            "'auto', or a whole number, 1 or more",
        ),
        ("lr", lr, lr is None or (real(lr) and 0 < lr < np.inf), "a number above 0, or None for that of the estimator"),
        ("batch_size", batch_size, batch_size == "auto" or whole(batch_size), "'auto', or a whole number, 1 or more"),
    ]
    for name, given, legal, wanted in rules:
        if not legal:
            raise ValueError(f"pretrain got {name}={given!r}; wanted {wanted}")


def _handed(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """Body and scaling of a network, as arrays of their own."""
    return {name: array.copy() for name, array in weights_of(module).items() if name.startswith(_HANDED)}


def read_body(path: str) -> dict[str, np.ndarray]:
    """What `PretrainMixin.save_body` wrote.

    Parameters
    ----------
    path : str

    Returns
    -------
    dict of str to ndarray
        As ``pretrained_body_``.
    """
    try:
        held = load_file(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"body={path!r} is no file; wanted one that save_body wrote") from error
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"body={path!r} cannot be read ({error}); wanted a file that save_body wrote") from error
    for name, array in held.items():
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise ValueError(
                f"body={path!r} holds {name[:80]!r}, which are no finite numbers; wanted what save_body wrote. Write it anew."
            )
    longest, n_numbers = held.get(_LONGEST), sum(array.size for array in held.values())
    # bodies may grow with it, and a file must not ask for more memory than it holds
    if longest is None or longest.shape or longest.dtype.kind != "i" or not 1 <= longest <= 100 * (n_numbers + 10_000):
        raise ValueError(f"body={path!r} does not say how long its sequences were; wanted a file that save_body wrote")
    return held


def freeze_parameters(network: torch.nn.Module, patterns: Any) -> None:
    """Take parameters out of training.

    Parameters
    ----------
    network : torch.nn.Module
    patterns : None, str or sequence of str
        As ``fnmatch`` reads them; each must match a name.
    """
    if patterns is None:
        return
    parameters = dict(network.named_parameters())
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        found = [name for name in parameters if isinstance(pattern, str) and fnmatchcase(name, pattern)]
        if not found:
            near = difflib.get_close_matches(str(pattern), parameters, n=1, cutoff=0.0)
            raise ValueError(
                f"freeze={patterns!r} has the pattern {pattern!r}, which is no name of a parameter here; wanted some such as "
                f"'body.*' or {near[0]!r} (all of them: module_.named_parameters() of a fitted estimator)"
            )
        for name in found:
            parameters[name].requires_grad_(False)
    if not any(p.requires_grad for p in parameters.values()):
        raise ValueError(f"freeze={patterns!r} leaves nothing to train; wanted a part of the names, such as 'body.*'")
