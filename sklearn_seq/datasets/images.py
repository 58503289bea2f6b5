"""Reading images and short films: folders of pictures, animated GIF, and films that imageio reads."""

import importlib
import os
import struct
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sklearn_seq.datasets.folders import Label, _find, _labels

__all__ = ["read_frames", "read_image_folder"]

Colour = Literal["grey", "rgb"]

_MODES = {"grey": "L", "rgb": "RGB"}
_PICTURES = (".gif", ".png", ".webp", ".tif", ".tiff", ".apng")  # what pillow reads frame by frame

_ORIENTATION = 0x0112  # the EXIF tag that says how a camera was held: what it says, and what brings the picture upright
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


def read_image_folder(
    folder: str | os.PathLike,
    pattern: str = "*.png",
    *,
    label: Label = None,
    size: tuple[int, int] | None = None,
    colour: Colour = "grey",
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a folder of images: one sample a file, which `FrameEncoder` turns into a sequence.

    Files come in the order of their names. Hidden files are left out. Needs pillow, the extra ``vision``.

    Parameters
    ----------
    folder : str or path-like
        The folder.
    pattern : str, default="*.png"
        Which files; with ``label="folder"``, within each sub-folder. ``"**/*.jpg"`` descends.
    label : {"folder"}, callable or None, default=None
        Where ``y`` comes from: the name of the sub-folder that holds the file, or ``label(path)``.
    size : tuple of int (height, width), default=None
        Bring each image to this size, by means over areas where it becomes smaller; by default all must have one size.
    colour : {"grey", "rgb"}, default="grey"
        One channel of brightness, or red, green and blue.

    Returns
    -------
    X : ndarray of uint8 of shape (n_files, height, width[, 3])
        From 0, black, to 255, upright as the camera's EXIF mark says. Of images of 16 bits the upper 8. What is transparent
        shows white, as on a page.
    y : ndarray of shape (n_files,), or None
        Their labels.

    Raises
    ------
    ValueError
        When a file is no image or is damaged, or sizes differ. The file is named.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from PIL import Image
    >>> from sklearn_seq.datasets import read_image_folder
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name, level in (("day", 200), ("night", 10)):
    ...     (folder / name).mkdir()
    ...     Image.fromarray(np.full((6, 4), level, dtype=np.uint8)).save(folder / name / "a.png")
    >>> X, y = read_image_folder(folder, label="folder")
    >>> X.shape, X[:, 0, 0].tolist(), y.tolist()
    ((2, 6, 4), [200, 10], ['day', 'night'])
    """
    image = _pillow()
    _check(size, colour)
    files = _find(folder, pattern, label)
    images: list[np.ndarray] = []
    for path in files:
        try:
            with image.open(path) as opened:
                pixels = _pixels(image, opened, size, colour)
        except _damages(image) as error:
            raise ValueError(
                f"{path} cannot be read as an image: {error}. Leave it out, or convert it to PNG."
            ) from None
        if images and pixels.shape != images[0].shape:
            raise ValueError(
                f"{path} has {_sizes(pixels)}, and {files[0]} has {_sizes(images[0])}; wanted one size in all files. "
                "Bring them to one with size=(height, width)."
            )
        images.append(pixels)
    return np.stack(images), _labels(files, label)


def read_frames(
    path: str | os.PathLike, *, size: tuple[int, int] | None = None, colour: Colour = "grey", every: int = 1
) -> np.ndarray:
    """Read the frames of a film, or of an animated image such as GIF.

    GIF, APNG, WebP and TIFF are read by pillow, any other file (AVI, MP4, ...) by imageio; both come with the extra ``vision``.

    Parameters
    ----------
    path : str or path-like
        The file.
    size : tuple of int (height, width), default=None
        Bring each frame to this size, by means over areas where it becomes smaller.
    colour : {"grey", "rgb"}, default="grey"
        One channel of brightness, or red, green and blue.
    every : int, default=1
        Keep the first frame and every so many-th after it.

    Returns
    -------
    ndarray of uint8 of shape (n_frames, height, width[, 3])
        From 0, black, to 255; of images of 16 bits the upper 8. What is transparent shows white, as on a page. A list of them is
        what ``FrameEncoder(steps="frames")`` reads.

    Raises
    ------
    ValueError
        When the file is none of these, or is damaged.
    ImportError
        When the package that reads such files is missing.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from PIL import Image
    >>> from sklearn_seq.datasets import read_frames
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "fade.gif"
    >>> first, *rest = [Image.fromarray(np.full((6, 4), level, dtype=np.uint8)) for level in (0, 100, 200)]
    >>> first.save(path, save_all=True, append_images=rest)
    >>> frames = read_frames(path)
    >>> frames.shape, frames[:, 0, 0].tolist()
    ((3, 6, 4), [0, 100, 200])
    """
    path, image = Path(path), _pillow()
    _check(size, colour)
    if not isinstance(every, int | np.integer) or every < 1:
        raise ValueError(f"every={every!r}; wanted a whole number, at least 1: which frames are kept")
    if not path.is_file():
        raise ValueError(f"{path} is no file; wanted a film or an animated image")
    try:
        if path.suffix.lower() in _PICTURES:
            sequence = importlib.import_module("PIL.ImageSequence")
            with image.open(path) as opened:
                frames = [
                    _pixels(image, frame, size, colour)
                    for i, frame in enumerate(sequence.Iterator(opened))
                    if i % every == 0
                ]
        else:
            film = _imageio().imiter(path)
            frames = [
                _pixels(image, image.fromarray(frame), size, colour) for i, frame in enumerate(film) if i % every == 0
            ]
    except _damages(image) as error:
        raise ValueError(f"{path} cannot be read as frames: {error}. Convert it, for instance to GIF or AVI.") from None
    if not frames:
        raise ValueError(f"{path} holds no frame; wanted at least one. It is empty or damaged.")
    for i, frame in enumerate(frames):
        if frame.shape != frames[0].shape:
            raise ValueError(
                f"{path} has {_sizes(frames[0])} in frame 0 and {_sizes(frame)} in frame {i * every}; wanted one size. Bring them "
                "to one with size=(height, width)."
            )
    return np.stack(frames)


def _pixels(image: Any, opened: Any, size: tuple[int, int] | None, colour: str) -> np.ndarray:
    opened.load()  # some formats tell of turns and transparency behind the pixels
    picture = _opaque(image, opened).convert(_MODES[colour])
    turn = _TURNS.get(_orientation(image, opened))
    if turn is not None:
        picture = picture.transpose(image.Transpose[turn])
    if size is not None:
        smaller = size[0] <= picture.height and size[1] <= picture.width
        how = image.Resampling.BOX if smaller else image.Resampling.BILINEAR
        picture = picture.resize((size[1], size[0]), how)
    return np.asarray(picture)


def _orientation(image: Any, opened: Any) -> Any:
    """What EXIF says of it; a damaged note beside a picture that can be read says nothing."""
    try:
        return opened.getexif().get(_ORIENTATION)
    except _damages(image):
        return None


def _opaque(image: Any, opened: Any) -> Any:
    """An image of 8 bits a channel on white ground: what lies below a transparent pixel is whatever a program left there."""
    see_through = opened.info.get("transparency")
    if opened.mode.startswith("I;16") or (opened.mode == "I" and opened.format == "PNG"):
        # pillow makes 8 bits of others by cutting off what is above 255
        numbers = np.asarray(opened).astype(np.uint32)
        return image.fromarray(np.where(numbers == see_through, 255, numbers >> 8).astype(np.uint8))
    if opened.mode in ("I", "F"):
        raise ValueError(f"pixels are numbers of pillow's mode {opened.mode}; wanted 8 or 16 bits a channel")
    if see_through is None and opened.getbands()[-1] not in "Aa":
        return opened
    picture = opened.convert("RGBA")
    return image.alpha_composite(image.new("RGBA", picture.size, "white"), picture)


def _damages(image: Any) -> tuple[type[Exception], ...]:
    """What pillow and imageio raise for files that are damaged, or none of theirs."""
    wrong = (OSError, EOFError, SyntaxError, ValueError, IndexError, KeyError, TypeError, struct.error)
    return (*wrong, image.DecompressionBombError)


def _check(size: Any, colour: Any) -> None:
    if colour not in _MODES:
        raise ValueError(f"colour={colour!r}; wanted 'grey' or 'rgb'")
    if size is not None and not (
        isinstance(size, tuple | list)
        and len(size) == 2
        and all(isinstance(n, int | np.integer) and n > 0 for n in size)
    ):
        raise ValueError(f"size={size!r}; wanted (height, width), two whole numbers, or None")


def _sizes(pixels: np.ndarray) -> str:
    return f"{pixels.shape[0]} x {pixels.shape[1]} pixels"


def _pillow() -> Any:
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise ImportError("reading images needs pillow; install it by: pip install 'sklearn-seq[vision]'") from None


def _imageio() -> Any:
    try:
        return importlib.import_module("imageio.v3")
    except ImportError:
        raise ImportError(
            "reading films needs imageio; install it by: pip install 'sklearn-seq[vision]'. GIF is read without it."
        ) from None
