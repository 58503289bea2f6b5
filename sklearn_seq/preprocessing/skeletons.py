"""Joints that move: positions, bones and velocities that do not depend on where the body stands and how large it is."""

from typing import Annotated, Any, Literal

import numpy as np

from sklearn_seq.params import AtLeast, estimator
from sklearn_seq.preprocessing._base import _Transformer
from sklearn_seq.preprocessing._blocks import flat, positions
from sklearn_seq.preprocessing._planes import read_planes
from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.sequences.reading import float_dtype

__all__ = ["SkeletonFeatures"]


@estimator
class SkeletonFeatures(_Transformer):
    """Features of joints that were tracked over time: where they are, how they lie to each other, how fast they move.

    Movements are an array ``(n_samples, n_frames, n_joints, n_coordinates)``, or a list of arrays ``(n_frames, n_joints,
    n_coordinates)``, or have the coordinates of all joints side by side, those of a joint together, with ``n_joints``. One
    point on its way, such as a pen, is one joint.

    Each movement is treated on its own: its origin is taken off, and it is divided by the size of the body, which is the mean
    distance (root mean square) of the joints from their centre; of one joint, from its centre over time. So positions are
    in body sizes, velocities in body sizes a frame, and a bone is a vector of length 1 from its first to its second joint.

    Attributes
    ----------
    n_joints_ : int
        Joints of a frame.

    See Also
    --------
    FrameEncoder : For videos.

    References
    ----------
    .. [1] Y. Du, W. Wang, L. Wang. Hierarchical recurrent neural network for skeleton based action recognition. CVPR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import SkeletonFeatures
    >>> walk = np.random.default_rng(0).normal(size=(30, 20, 3))  # 30 frames, 20 joints in space
    >>> SkeletonFeatures().fit_transform([walk])
    Sequences(1 sequences, 30 timesteps, 120 features, float64)
    >>> SkeletonFeatures(bones=[(0, 1), (1, 2)], velocities=False).fit_transform([walk])
    Sequences(1 sequences, 30 timesteps, 66 features, float64)
    """

    n_joints: Annotated[
        int | None,
        AtLeast(1),
        "Joints of a frame, where their coordinates stand side by side; None is the axis of joints, or else one joint.",
    ] = None
    root: Annotated[int | None, AtLeast(0), "The joint that is the origin; None takes the mean of all joints."] = None
    center: Annotated[
        Literal["sequence", "frame"],
        "Whether the origin is taken off once, as its mean over the movement, or in each frame, which takes the way of the body "
        "out.",
    ] = "sequence"
    scale: Annotated[bool, "Divide by the size of the body."] = True
    bones: Annotated[tuple | list | None, "Pairs of joints, by number, whose direction is told; None for no bones."] = (
        None
    )
    velocities: Annotated[bool, "Tell the change from frame to frame, 0 in the first one, beside the positions."] = True

    def _read(self, X: Any, *, reset: bool) -> tuple[Sequences, str]:
        joined, inside = read_planes(X, "n_samples, n_frames, n_joints, n_coordinates")
        reading = read_X(self, joined, reset=reset, dtype=float_dtype(joined))
        n_features = reading.sequences.n_features
        n_joints = self.n_joints or (inside[0] if inside else 1)
        if inside and inside[0] != n_joints:
            raise ValueError(f"X has {inside[0]} joints in a frame; wanted n_joints={n_joints}. Use n_joints=None.")
        if n_features % n_joints or (n_joints == 1 and n_features > 3):
            raise ValueError(
                f"X has {n_features} features a frame and n_joints={self.n_joints!r}; wanted as many coordinates for each joint, "
                "one to three of a single one. Use n_joints, or an axis of joints."
            )
        if reset:
            self.n_joints_ = int(n_joints)
        elif n_joints != self.n_joints_:
            raise ValueError(f"X has {n_joints} joints; wanted {self.n_joints_}, as in fit. Use the same skeleton.")
        return reading.sequences, reading.kind

    def _learn(self, X: Sequences) -> None:
        if self.root is not None and self.root >= self.n_joints_:
            raise ValueError(
                f"root={self.root}, and there are {self.n_joints_} joints; wanted a number below. Use None."
            )
        for bone in self.bones or ():
            pair = isinstance(bone, tuple | list | np.ndarray) and len(bone) == 2
            if not pair or not all(isinstance(j, int | np.integer) and 0 <= j < self.n_joints_ for j in bone):
                raise ValueError(
                    f"bones holds {bone!r}; wanted pairs of joints, numbers from 0 to {self.n_joints_ - 1}. Use None for none."
                )

    def _apply(self, X: Sequences) -> Sequences:
        X = flat(X)
        joints = X.values.reshape(len(X.values), self.n_joints_, -1).astype(np.float64)  # (total, joints, coordinates)
        # seen from where the first joint began, what stands still is 0, not what rounding makes of its mean
        joints -= np.repeat(joints[X.starts, :1], X.lengths, axis=0)
        places = joints - self._origin(X, joints)
        if self.scale:
            places /= self._sizes(X, joints)
        parts = [places]
        if self.bones:
            first, second = np.asarray(self.bones, dtype=np.int64).T
            bones = joints[:, second] - joints[:, first]
            length = np.linalg.norm(bones, axis=2, keepdims=True)
            parts.append(bones / np.where(length > 0, length, 1.0))
        if self.velocities:
            change = np.diff(places, axis=0, prepend=places[:1])
            change[positions(X) == 0] = 0.0
            parts.append(change)
        values = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        return X.map_values(values.astype(X.dtype, copy=False))

    def _origin(self, X: Sequences, joints: np.ndarray) -> np.ndarray:
        """What is taken off each joint, (total, 1, coordinates)."""
        origin = joints.mean(axis=1) if self.root is None else joints[:, self.root]
        if self.center == "sequence":
            origin = np.repeat(_means(X, origin), X.lengths, axis=0)
        return origin[:, None]

    def _sizes(self, X: Sequences, joints: np.ndarray) -> np.ndarray:
        """The size of the body in each movement, (total, 1, 1)."""
        if self.n_joints_ > 1:
            centre = joints.mean(axis=1, keepdims=True)
        else:
            centre = np.repeat(_means(X, joints[:, 0]), X.lengths, axis=0)[:, None]
        square = np.square(joints - centre).sum(axis=2).mean(axis=1, keepdims=True)
        size = np.sqrt(_means(X, square))
        return np.repeat(np.where(size > 0, size, 1.0), X.lengths, axis=0)[:, None]

    def _gives_columns(self) -> bool:
        return super()._gives_columns() and not self.velocities


def _means(X: Sequences, values: np.ndarray) -> np.ndarray:
    """Means over the rows of each sequence of a flat block."""
    return np.stack([values[start:stop].mean(axis=0) for start, stop in zip(X.starts, X.stops, strict=True)])
