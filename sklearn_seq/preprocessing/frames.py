"""Images and videos as sequences: rows, columns, patches or frames become steps."""

from typing import Annotated, Any, Literal

import numpy as np

from sklearn_seq.params import AtLeast, estimator
from sklearn_seq.preprocessing._base import _Transformer
from sklearn_seq.preprocessing._planes import block_means, gradients, principal, read_planes
from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.sequences.reading import describe, float_dtype

__all__ = ["FrameEncoder"]

_IMAGES = "n_samples, height, width, n_channels"
_VIDEOS = "n_samples, n_frames, height, width, n_channels"


@estimator
class FrameEncoder(_Transformer):
    """Turn images into sequences of rows, columns or patches, and videos into sequences of frames.

    Images are an array ``(n_samples, height, width)`` or ``(n_samples, height, width, n_channels)``, videos (with
    ``steps="frames"``) have the axis of frames behind the first; or a list of such images or videos, whose heights or lengths
    may differ. Flat ones, one row of pixels an image or a frame, are read with ``shape``; a 2-D ``X`` without it is images
    of one column. Pixels that fill no whole patch, at the right and at the bottom, are left out.

    Channels are features: a step of ``width`` pixels has ``width * n_channels``, those of a pixel side by side.

    Attributes
    ----------
    frame_shape_ : tuple of int (height, width, n_channels)
        Of an image or a frame, before the downsampling; None for a height that differs.
    components_ : ndarray of shape (n_components, n_values)
        Principal components of the steps; with ``n_components`` only.
    mean_ : ndarray of shape (n_values,)
        Mean of the steps; with ``n_components`` only.

    See Also
    --------
    SkeletonFeatures : For joints in place of pixels.
    SpectrogramCNNClassifier : Looks at neighbouring steps and features alike, as images want it.

    References
    ----------
    .. [1] N. Dalal, B. Triggs. Histograms of oriented gradients for human detection. CVPR 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import FrameEncoder
    >>> images = np.random.default_rng(0).random((5, 12, 8))
    >>> FrameEncoder(steps="columns").fit_transform(images).shape
    (5, 8, 12)
    >>> FrameEncoder(steps="patches", patch_size=4).fit_transform(images).shape
    (5, 6, 16)
    >>> videos = [np.zeros((7, 12, 8, 3)), np.zeros((9, 12, 8, 3))]  # 7 and 9 frames
    >>> FrameEncoder(steps="frames", downsample=4).fit_transform(videos)
    Sequences(2 sequences, 7 to 9 timesteps, 18 features, float64)
    """

    steps: Annotated[
        Literal["rows", "columns", "patches", "frames"],
        "What becomes a step: a row, a column or a patch of an image; or a frame of a video. Patches follow row by row.",
    ] = "rows"
    shape: Annotated[
        tuple | list | None,
        "Height and width, or height, width and channels, of an image or a frame that is given as one row of pixels.",
    ] = None
    downsample: Annotated[int, AtLeast(1), "Squares of so many pixels a side become their mean first."] = 1
    patch_size: Annotated[int, AtLeast(1), "Pixels of a side of a patch."] = 8
    stride: Annotated[int | None, AtLeast(1), "Pixels from a patch to the next one; None is ``patch_size``."] = None
    contents: Annotated[
        Literal["pixels", "gradients"],
        "What is told of a step: its pixels; or, in place of each square of ``cell_size`` pixels, how steep the brightness is "
        "in each direction (Dalal and Triggs 2005).",
    ] = "pixels"
    cell_size: Annotated[int, AtLeast(1), "Pixels of a side of the squares for gradients, after the downsampling."] = 8
    n_directions: Annotated[int, AtLeast(2), "Directions of gradients, over the full circle."] = 18
    n_components: Annotated[
        int | None, AtLeast(1), "Principal components of the steps to keep, learnt in `fit`; None keeps all values."
    ] = None

    def _check_settings(self) -> None:
        shape = self.shape
        if shape is not None and not (
            len(shape) in (2, 3) and all(isinstance(n, int | np.integer) and n > 0 for n in shape)
        ):
            raise ValueError(
                f"shape={shape!r}; wanted (height, width) or (height, width, n_channels). Use whole numbers."
            )

    def _read(self, X: Any, *, reset: bool) -> tuple[Sequences, str]:
        """Sequences of pixel rows (of images) or of frames; `_frame` says how they lie in them."""
        flat, frame = read_planes(X, _VIDEOS if self.steps == "frames" else _IMAGES)
        if self.steps == "frames" and frame is not None:
            frame = (*frame, 1)[:3]
        # bytes are exact in float32
        of_bytes = all(
            getattr(item, "dtype", None) == np.uint8 for item in (flat if isinstance(flat, list) else [flat])
        )
        dtype = np.float32 if of_bytes else float_dtype(flat)
        reading = read_X(self, flat, reset=reset, dtype=dtype)
        sequences, kind = reading.sequences, reading.kind
        wanted = (*self.shape, 1)[:3] if self.shape is not None else None
        if wanted is not None and frame is None:
            sequences = self._unfold(sequences, kind, wanted)
            frame = wanted if self.steps == "frames" else wanted[1:]
        elif frame is None:
            frame = (1, sequences.n_features, 1) if self.steps == "frames" else (sequences.n_features, 1)
        if reset:
            self._frame = tuple(int(n) for n in frame)
            height = sequences.equal_length
            self.frame_shape_ = self._frame if self.steps == "frames" else (height, *self._frame)
        elif tuple(frame) != self._frame:
            what, axes = ("frames", "height x width") if self.steps == "frames" else ("images", "width")
            raise ValueError(
                f"X has {what} of {_times(frame)} ({axes} x channels); wanted {_times(self._frame)}, as in fit. "
                "Bring all to one size."
            )
        self._refuse_heights(sequences, reset=reset)
        return sequences, kind

    def _unfold(self, sequences: Sequences, kind: str, wanted: tuple[int, ...]) -> Sequences:
        """What was given flat, or has this shape already, in rows of pixels (or in frames)."""
        of_image = kind == "2-D" and self.steps != "frames"
        given = (sequences.equal_length or 0) if of_image else sequences.n_features
        inside = int(np.prod(wanted[1:] if not of_image and self.steps != "frames" else wanted))
        if given != inside or not (of_image or self.steps == "frames" or sequences.equal_length == wanted[0]):
            raise ValueError(
                f"X was read as {describe(sequences)}, which does not fit shape={self.shape!r}; wanted "
                f"{int(np.prod(wanted))} pixels for each {'frame' if self.steps == 'frames' else 'image'}. "
                "Use the shape that one has, or None where X has axes for it."
            )
        if not of_image:
            return sequences
        return Sequences.from_array(sequences.values.reshape(len(sequences), wanted[0], -1))

    def _refuse_heights(self, sequences: Sequences, *, reset: bool) -> None:
        """Columns are as long as an image is high, and so need one height."""
        if self.steps != "columns":
            return
        height = self.frame_shape_[0]
        wrong = sequences.lengths != (sequences.lengths[0] if height is None else height)
        if wrong.any():
            i = int(wrong.argmax())
            raise ValueError(
                f"image {i} has {sequences.lengths[i]} rows; wanted {height or sequences.lengths[0]} in all, since a step is a "
                "column. Use steps='rows', or images of one height."
            )

    def _learn(self, X: Sequences) -> None:
        made = self._steps_of(X)
        if self.n_components is not None:
            self.mean_, self.components_ = principal(made, self.n_components)

    def _apply(self, X: Sequences) -> Sequences:
        made = self._steps_of(X)
        if self.n_components is not None:
            values = (made.values - self.mean_) @ self.components_.T
            made = made.map_values(values.astype(made.dtype, copy=False))
        return made

    def _steps_of(self, X: Sequences) -> Sequences:
        """The steps before their principal components."""
        if self.steps == "frames":
            block = X.to_block()
            planes = self._tell(block_means(block.values.reshape(-1, *self._frame), self.downsample))
            return block.map_values(planes.reshape(len(planes), -1))
        # images one by one where their heights differ, else all at once
        groups = [X] if X.equal_length is not None else [X[i : i + 1] for i in range(len(X))]
        made = [self._steps_of_images(group) for group in groups]
        values = np.concatenate([block.reshape(-1, block.shape[-1]) for block in made])
        lengths = np.concatenate([np.full(len(block), block.shape[1], np.int64) for block in made])
        stops = np.cumsum(lengths)
        return Sequences._make(values, stops - lengths, stops)

    def _steps_of_images(self, group: Sequences) -> np.ndarray:
        """Steps (n, n_steps, n_values) of images of one height."""
        n = len(group)
        images = group.to_block().values.reshape(n, -1, *self._frame)  # (n, height, width, channels)
        images = block_means(images, self.downsample)
        if self.steps == "patches":
            patches = self._patches(images)
            return self._tell(patches).reshape(n, len(patches) // n, -1)
        if self.steps == "columns":
            images = images.swapaxes(1, 2)
        planes = self._tell(images)
        return planes.reshape(n, planes.shape[1], -1)

    def _patches(self, images: np.ndarray) -> np.ndarray:
        """All patches of all images, (n_patches, size, size, n_channels)."""
        size, stride = self.patch_size, self.stride or self.patch_size
        if size > min(images.shape[1:3]):
            raise ValueError(
                f"patch_size={size}, and an image has {images.shape[1]} x {images.shape[2]} pixels after the downsampling; "
                "wanted one patch at least. Use a smaller one."
            )
        windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
        windows = windows[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)  # (n, down, right, size, size, channels)
        return windows.reshape(-1, *windows.shape[3:])

    def _tell(self, images: np.ndarray) -> np.ndarray:
        """Pixels or gradients (n, height, width, n_values)."""
        return images if self.contents == "pixels" else gradients(images, self.cell_size, self.n_directions)

    def _gives_columns(self) -> bool:
        plain = self.steps == "rows" and self.shape is None and self.downsample == 1 and self.contents == "pixels"
        return plain and self.n_components is None and super()._gives_columns()

    def _give(self, X: Sequences, kind: str) -> Any:
        if kind == "ragged":
            return X
        shape = (len(X), -1) if kind == "2-D" and X.n_features == 1 else (len(X), -1, X.n_features)
        return np.array(X.values.reshape(shape))  # a copy: rows are the pixels that were given


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
