"""Random dilated shapelets: features that tell which short patterns occur in a sequence, where and how often."""

from typing import Annotated

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.utils import check_random_state

from sklearn_seq.layers.shapelets import Shapelets, draw_shapelets, match, moments_of
from sklearn_seq.params import AtLeast, Between, RandomState, estimator
from sklearn_seq.preprocessing._base import _FeatureTransformer
from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.order import content_order
from sklearn_seq.training.threads import hold_threads

__all__ = ["RandomShapelets"]


@estimator
class RandomShapelets(_FeatureTransformer):
    """Features of sequences: how near they come to random short patterns, where and how often.

    Shapelets are cut out of the training sequences at random places, with gaps (dilations) between their steps, so that
    they span anything from their own length to a whole sequence. Most are normalised, so that they match by shape at
    any level and scale. Each gives three features: its least distance to any window of the sequence; the place of that
    window, as the share of places before it; and the share of windows that are nearer than a threshold, which lies
    between the 5th and the 10th percentile of the distances to another training sequence. No labels are used.

    With several channels a shapelet uses a random few of them, at most 9, and its squared distance is the sum of
    theirs. Channels are brought to the deviation 1 over the training data.

    Windows lie within a sequence's own steps. One that is shorter than the span of a shapelet goes on with its last
    step until it is as long.

    Attributes
    ----------
    length_ : int
        Steps of a shapelet: ``length``, or half the median length of the training sequences if that is less.
    shapelets_ : ndarray of float32 of shape (n_shapelets, n_used, length_)
        The patterns, as they are matched.
    channels_ : ndarray of int of shape (n_shapelets, n_used)
        The channels that a shapelet uses; -1 stands behind the last.
    dilations_ : ndarray of int of shape (n_shapelets,)
        From one step of a shapelet to the next.
    normalized_ : ndarray of bool of shape (n_shapelets,)
        Whether windows are normalised.
    thresholds_ : ndarray of float32 of shape (n_shapelets,)
        Distances up to which a window counts as an occurrence.
    bounds_ : ndarray of int of shape (n_parts + 1,)
        Which shapelets are matched together.
    center_, scale_ : ndarray of shape (n_channels,)
        Mean and deviation of each channel.

    See Also
    --------
    IntervalQuantiles : Features that tell how values are spread over parts of a sequence.

    Notes
    -----
    The three kinds of features are of different size: scale them before a linear model.

    References
    ----------
    .. [1] A. Guillaume, C. Vrain, W. Elloumi. Random dilated shapelet transform: a new approach for time series shapelets.
       Pattern Recognition and Artificial Intelligence (ICPRAI), 653-664, 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import RandomShapelets
    >>> X = np.sin(np.arange(40.0) / np.array([[1.0], [2.0], [3.0]]))
    >>> shapelets = RandomShapelets(n_shapelets=100, random_state=0).fit(X)
    >>> shapelets.transform(X).shape
    (3, 300)
    >>> shapelets.get_feature_names_out()[:3].tolist()
    ['shapelet0_distance', 'shapelet0_place', 'shapelet0_share']
    """

    n_shapelets: Annotated[int, AtLeast(1), "How many to cut; each gives three features."] = 10_000
    length: Annotated[int, AtLeast(1), "Steps of a shapelet; fewer where sequences are not twice as long."] = 11
    p_normalized: Annotated[float, Between(0, 1), "Share of shapelets that match by shape, at any level and scale."] = (
        0.8
    )
    n_jobs: Annotated[int | None, "Threads of `transform`; None is 1, -1 all processors. No number depends on it."] = (
        None
    )
    random_state: Annotated[RandomState, "Where and how shapelets are cut."] = None

    def _learn(self, X: Sequences) -> None:
        lengths = np.sort(X.lengths)
        n_steps = int(lengths[(len(lengths) - 1) // 2])
        ordered = X[content_order(X)[0]]
        self.length_ = min(self.length, (n_steps + 1) // 2)
        self.center_, self.scale_ = moments_of(ordered)
        drawn = draw_shapelets(
            ordered,
            self.center_,
            self.scale_,
            n_shapelets=self.n_shapelets,
            length=self.length_,
            n_steps=n_steps,
            p_normalized=self.p_normalized,
            random=check_random_state(self.random_state),
        )
        self.shapelets_, self.channels_, self.dilations_, self.normalized_, self.thresholds_, self.bounds_ = drawn

    def _features(self, X: Sequences) -> np.ndarray:
        shapelets = Shapelets(
            self.shapelets_, self.channels_, self.dilations_, self.normalized_, self.thresholds_, self.bounds_
        )
        out = np.empty((len(X), len(self.dilations_), 3), dtype=np.float32)

        def fill(rows: slice) -> None:
            # products of matrices round by the number of threads
            with hold_threads(1):
                match(shapelets, X[rows], self.center_, self.scale_, out[rows])

        n_workers = min(len(X), effective_n_jobs(self.n_jobs))
        if n_workers == 1:
            fill(slice(0, len(X)))
        else:
            ends = np.arange(n_workers + 1) * len(X) // n_workers
            Parallel(n_jobs=n_workers, prefer="threads", require="sharedmem")(
                delayed(fill)(slice(start, stop)) for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist())
            )
        return out.reshape(len(X), -1)

    def _names(self, names: list[str]) -> list[str]:
        return [f"shapelet{i}_{kind}" for i in range(len(self.dilations_)) for kind in ("distance", "place", "share")]
