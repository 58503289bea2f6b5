"""The parameters that every trained estimator shares."""

from typing import Annotated, Literal

from sklearn.base import BaseEstimator

from sklearn_seq.params import AtLeast, Between, Positive, RandomState, estimator

__all__ = ["Rate", "Schedule", "TrainingParams"]

# families have defaults of their own
Rate = Annotated[float, Positive, "Step size, the largest one where a schedule changes it."]
Schedule = Annotated[
    Literal["constant", "cosine", "one-cycle", "exponential", "plateau"],
    "Not at all; to 0 along a cosine; up, then down to 0; to a hundredth; halved after 5 epochs without a better loss.",
]


@estimator
class TrainingParams(BaseEstimator):
    """How a network is trained."""

    max_epochs: Annotated[int, AtLeast(1), "Passes over the (distinct) training rows."] = 50
    batch_size: Annotated[
        int | Literal["auto"], AtLeast(1), 'Rows a step; "auto" is a sixteenth of the rows, from 4 to 32.'
    ] = "auto"
    lr: Rate = 1e-2
    optimizer: Annotated[
        str,
        'Name of an optimiser of torch.optim in lower case, such as "adam", "adamw", "sgd" (with Nesterov momentum 0.9) or "muon" (for the '
        "matrices of the body; AdamW for the rest), with which networks need fewer epochs, and may overfit sooner.",
    ] = "adamw"
    lr_schedule: Schedule = "cosine"
    weight_decay: Annotated[float, AtLeast(0), "Strength of weight decay, as the optimiser defines it."] = 1e-2
    gradient_clip: Annotated[float | None, Positive, "Largest norm of a step's gradient; None does not clip."] = 1.0
    standardize: Annotated[
        bool, "Bring every feature to mean 0 and deviation 1 inside, by the statistics of the rows trained on."
    ] = True
    early_stopping: Annotated[
        bool, "Hold out a validation part (or take X_val), stop when it no longer improves, restore the best epoch."
    ] = False
    validation_fraction: Annotated[
        float, Between(0, 1, "neither"), "Share of the rows held out for early stopping when no X_val is given."
    ] = 0.1
    n_iter_no_change: Annotated[int, AtLeast(1), "Epochs without improvement before early stopping."] = 10
    tol: Annotated[float, AtLeast(0), "By how much the validation score must rise to count as improved."] = 1e-4
    augment: Annotated[
        str | list | tuple | dict | None,
        'What changes the batches by chance in training: some of "jitter", "scaling", "filter", "warp", "tempo", '
        '"band_warp", "crop", "mask", "reverse_complement", "affine" and "mixup", or a dict of them with strengths; never at predict.',
    ] = None
    body: Annotated[
        str | None,
        "File that save_body wrote: weights and input scaling that the body begins with; unless pretrain was called.",
    ] = None
    freeze: Annotated[
        str | list | tuple | None,
        'Patterns of names of parameters that stay as they are, as of module_.named_parameters(), such as "body.*".',
    ] = None
    body_lr_factor: Annotated[
        float | Literal["auto"],
        Between(0, 1, "right"),
        'Step size of the body as a share of lr; "auto" is 0.3 for a body that was trained before, else 1.',
    ] = "auto"
    warm_start: Annotated[bool, "Let fit go on from the weights of the last fit."] = False
    missing: Annotated[
        Literal["error", "mask"], "What NaN in X is: refused, or read as missing with an indicator feature each."
    ] = "error"
    callbacks: Annotated[
        list | tuple | None, "Callbacks of skorch; those of scikit-learn are given by set_callbacks."
    ] = None
    device: Annotated[
        str, '"auto" takes a GPU when there is one; else a name of torch such as "cpu", "cuda:1", "mps".'
    ] = "auto"
    dtype: Annotated[Literal["float32", "float64"], "Precision of weights and data."] = "float32"
    precision: Annotated[Literal["full", "bf16"], "Whether training computes products in bfloat16 (autocast)."] = "full"
    n_threads: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Threads of torch while fitting and predicting; "auto" depends on model and data only.',
    ] = "auto"
    random_state: Annotated[
        RandomState, "Decides initialisation, order of the batches, dropout, augmentation and the validation split."
    ] = None
    verbose: Annotated[int, AtLeast(0), "1 prints a line an epoch."] = 0
