"""Images, videos and joints as sequences: what lies where, against loops by hand."""

import pickle
import re
import sys
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from sklearn_seq import FrameEncoder, GRUClassifier, Sequences, SkeletonFeatures, load, save
from sklearn_seq.datasets import read_frames, read_image_folder
from sklearn_seq.preprocessing._planes import block_means, gradients
from sklearn_seq.testing import check_sequence_estimator

RNG = np.random.default_rng(0)
IMAGES = RNG.random((5, 12, 8))
COLOUR = RNG.random((5, 12, 8, 3))
VIDEOS = [RNG.random((n, 6, 4)) for n in (3, 5, 2)]
WALKS = [RNG.normal(size=(n, 4, 3)) for n in (6, 1, 9)]
BONES = [(0, 1), (1, 2), (1, 3)]


def same(found, wanted):
    np.testing.assert_array_equal(np.asarray(found), wanted, strict=False)


# -- images ------------------------------------------------------------------------------------------------------------


def test_rows_and_columns():
    same(FrameEncoder().fit_transform(IMAGES), IMAGES)
    same(FrameEncoder(steps="columns").fit_transform(IMAGES), IMAGES.transpose(0, 2, 1))
    same(FrameEncoder().fit_transform(COLOUR), COLOUR.reshape(5, 12, 24))
    columns = FrameEncoder(steps="columns").fit_transform(COLOUR)
    for step in range(8):
        same(columns[:, step], COLOUR[:, :, step].reshape(5, -1))


@pytest.mark.parametrize("images", [IMAGES, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize(("size", "stride"), [(4, None), (4, 2), (5, 3), (8, 1)])
def test_patches_follow_row_by_row(images, size, stride):
    found = FrameEncoder(steps="patches", patch_size=size, stride=stride).fit_transform(images)
    step = stride or size
    patches = [
        images[:, i : i + size, j : j + size].reshape(5, -1)
        for i in range(0, 12 - size + 1, step)
        for j in range(0, 8 - size + 1, step)
    ]
    same(found, np.stack(patches, axis=1))


def test_flat_images_are_read_with_their_shape():
    flat = IMAGES.reshape(5, -1)
    for steps in ("rows", "columns", "patches"):
        encoder = FrameEncoder(steps=steps, shape=(12, 8), patch_size=4)
        same(encoder.fit_transform(flat), clone(encoder).fit_transform(IMAGES))
        assert encoder.frame_shape_ == (12, 8, 1)
    encoder = FrameEncoder(shape=(12, 8, 3)).fit(COLOUR.reshape(5, -1))
    assert encoder.n_features_in_ == 12 * 8 * 3 and encoder.frame_shape_ == (12, 8, 3)
    same(encoder.transform(COLOUR.reshape(5, -1)), COLOUR.reshape(5, 12, 24))
    with pytest.raises(ValueError, match=r"does not fit shape=\(12, 9\); wanted 108 pixels for each image"):
        FrameEncoder(shape=(12, 9)).fit(flat)
    with pytest.raises(ValueError, match=r"does not fit shape=\(8, 12\)"):
        FrameEncoder(shape=(8, 12)).fit(IMAGES)


def test_images_of_several_heights():
    images = [IMAGES[0], IMAGES[1][:6], IMAGES[2][:9]]
    found = FrameEncoder(steps="patches", patch_size=4).fit_transform(images)
    assert isinstance(found, Sequences) and found.lengths.tolist() == [6, 2, 4]
    for image, steps in zip(images, found, strict=True):
        same(steps, FrameEncoder(steps="patches", patch_size=4).fit_transform(image[None])[0])
    with pytest.raises(
        ValueError, match=r"image 1 has 6 rows; wanted 12 in all, since a step is a column\. Use steps='rows'"
    ):
        FrameEncoder(steps="columns").fit(images)
    with pytest.raises(ValueError, match=r"X has images of 24 x 1 .width x channels.; wanted 8 x 3, as in fit"):
        FrameEncoder().fit(COLOUR).transform(IMAGES.repeat(3, axis=2))


@pytest.mark.parametrize("encoder", [FrameEncoder(), SkeletonFeatures()])
def test_pictures_in_other_containers(encoder):
    wanted = encoder.fit_transform(COLOUR)
    for given in (torch.from_numpy(COLOUR), COLOUR.tolist()):
        same(encoder.fit_transform(given), wanted)
    cells = np.empty(5, dtype=object)
    cells[:] = list(COLOUR)
    column = pd.DataFrame({"image": list(COLOUR)})
    for given in (
        cells,
        cells[:, None],
        column,
        pd.Series(list(COLOUR)),
        tuple(COLOUR),
        [torch.from_numpy(one) for one in COLOUR],
    ):
        for found, one in zip(encoder.fit_transform(given), wanted, strict=True):
            same(found, one)
    shorter = [one[:n].tolist() for n, one in enumerate(COLOUR, 3)]
    assert encoder.fit_transform(shorter).lengths.tolist() == [3, 4, 5, 6, 7]


def test_videos_are_sequences_of_frames():
    encoder = FrameEncoder(steps="frames", downsample=2)
    found = encoder.fit_transform(VIDEOS)
    assert isinstance(found, Sequences) and found.lengths.tolist() == [3, 5, 2] and encoder.frame_shape_ == (6, 4, 1)
    for video, steps in zip(VIDEOS, found, strict=True):
        same(steps, block_means(video[..., None], 2).reshape(len(video), -1))
    cube = np.stack([VIDEOS[1], VIDEOS[1]])
    same(FrameEncoder(steps="frames").fit_transform(cube), cube.reshape(2, 5, 24))
    flat = cube.reshape(2, 5, 24)
    wanted = clone(encoder).fit_transform(cube)
    same(clone(encoder).set_params(shape=(6, 4)).fit_transform(flat), wanted)
    with pytest.raises(ValueError, match=r"X\[1\] has the shape \(5, 5, 4\).*Bring them to one size"):
        encoder.fit([VIDEOS[0], RNG.random((5, 5, 4))])


def test_means_of_squares_are_means_also_where_they_are_cut():
    found = block_means(COLOUR[:, :11, :7], 3)
    assert found.shape == (5, 4, 3, 3)
    for i in range(4):
        for j in range(3):
            part = COLOUR[:, 3 * i : min(3 * i + 3, 11), 3 * j : min(3 * j + 3, 7)]
            np.testing.assert_allclose(found[:, i, j], part.mean(axis=(1, 2)), rtol=1e-12)


@pytest.mark.parametrize("turn", range(8))
def test_gradients_of_a_ramp_point_its_way(turn):
    angle = 2 * np.pi * turn / 8
    down, right = np.mgrid[:16, :16]
    ramp = np.cos(angle) * right + np.sin(angle) * down
    found = gradients(ramp[None, :, :, None], 4, 8)[0, 1:3, 1:3]  # squares away from the edge, which has no gradient
    np.testing.assert_allclose(found[..., turn], 4 * 0.2, rtol=1e-6)  # each of four blocks clipped
    np.testing.assert_allclose(np.delete(found, turn, axis=2), 0.0, atol=1e-6)


def test_gradients_do_not_see_level_and_contrast():
    wanted = FrameEncoder(contents="gradients", cell_size=4).fit_transform(IMAGES)
    assert wanted.shape == (5, 3, 2 * 18)
    np.testing.assert_allclose(FrameEncoder(contents="gradients", cell_size=4).fit_transform(IMAGES * 7 + 3), wanted)
    assert not FrameEncoder(contents="gradients", cell_size=4).fit_transform(np.ones((2, 8, 8))).any()
    same(  # the steepest channel counts
        FrameEncoder(contents="gradients", cell_size=4).fit_transform(np.stack([IMAGES, 0 * IMAGES], axis=3)), wanted
    )


def test_principal_components_are_those_of_scikit_learn():
    patches = FrameEncoder(steps="patches", patch_size=4).fit_transform(IMAGES)
    encoder = FrameEncoder(steps="patches", patch_size=4, n_components=3)
    found = encoder.fit_transform(IMAGES)
    wanted = PCA(3, random_state=0).fit_transform(patches.reshape(-1, 16)).reshape(5, 6, 3)
    np.testing.assert_allclose(found, wanted, atol=1e-10)
    assert encoder.components_.shape == (3, 16) and encoder.mean_.shape == (16,)
    assert not FrameEncoder(n_components=1).fit_transform(np.ones((2, 3, 4))).any()  # without a warning
    with pytest.raises(ValueError, match="n_components=17, and there are 30 steps of 16 values"):
        encoder.set_params(n_components=17).fit(IMAGES)


def test_bytes_become_float32_and_numbers_stay_what_they_are():
    for dtype, wanted in (
        (np.uint8, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (int, np.float64),
    ):
        assert FrameEncoder(steps="patches").fit_transform((IMAGES * 255).astype(dtype)).dtype == wanted
    before = IMAGES.copy()
    FrameEncoder().fit_transform(IMAGES)[...] = 7.0
    same(IMAGES, before)


@pytest.mark.parametrize(
    ("encoder", "X", "message"),
    [
        (FrameEncoder(shape=(3,)), IMAGES, r"shape=\(3,\); wanted \(height, width\)"),
        (FrameEncoder(steps="patches", patch_size=9), IMAGES, "patch_size=9, and an image has 12 x 8 pixels"),
        (FrameEncoder(contents="gradients", cell_size=9), IMAGES, "cell_size=9, and there are 12 x 8 pixels"),
        (
            FrameEncoder(),
            COLOUR[None],
            r"X has 5 dimensions; wanted 4 at most \(n_samples, height, width, n_channels\)",
        ),
        (FrameEncoder(), [COLOUR[0], IMAGES[0]], "dimensions|shape|features"),
        (FrameEncoder(), np.where(IMAGES > 0.9, np.nan, IMAGES), "contains NaN"),
        (FrameEncoder(), ["a.png"], "TextEncoder|numbers|text"),
        (FrameEncoder(steps="frames"), [VIDEOS[0], VIDEOS[1][:0]], r"^X\[1\] has 0 timesteps"),
        (FrameEncoder(), COLOUR[:0], "0 sample"),
        (FrameEncoder(), [COLOUR[0], IMAGES[0]], r"X\[1\] has the shape \(12, 8\) and X\[0\] has \(12, 8, 3\)"),
    ],
)
def test_what_frame_encoder_refuses(encoder, X, message):
    with pytest.raises((ValueError, TypeError), match=message):
        encoder.fit(X)


VARIANTS = [
    FrameEncoder(steps="columns"),
    FrameEncoder(steps="frames", downsample=2),
    FrameEncoder(n_components=1),
    SkeletonFeatures(center="frame", scale=False),
]


@pytest.mark.parametrize("estimator", VARIANTS, ids=lambda e: repr(e).replace("\n", ""))
def test_contracts_of_variants(estimator):
    if estimator.get_params().get("steps") != "columns":  # whose ragged images need one height
        check_sequence_estimator(estimator)
    assert {r["status"] for r in check_estimator(estimator, on_skip=None)} <= {"passed", "skipped"}


def test_digits_row_by_row_in_a_pipeline(tmp_path):
    X, y = load_digits(return_X_y=True)
    X, y = X[:400], y[:400]
    network = GRUClassifier(hidden_size=16, max_epochs=6, random_state=0)
    model = make_pipeline(FrameEncoder(shape=(8, 8)), network).fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > 0.6  # of ten classes
    wanted = FrameEncoder(shape=(8, 8), n_components=4).fit(X)
    save(wanted, tmp_path / "frames.skseq")
    for other in (load(tmp_path / "frames.skseq"), pickle.loads(pickle.dumps(wanted))):
        same(other.transform(X[:9]), wanted.transform(X[:9]))


# -- joints ------------------------------------------------------------------------------------------------------------


def test_skeleton_features_by_hand():
    encoder = SkeletonFeatures(bones=BONES, root=1)
    found = encoder.fit_transform(WALKS)
    for walk, steps in zip(WALKS, found, strict=True):
        centred = walk - walk.mean(axis=1, keepdims=True)
        size = np.sqrt(np.mean(np.sum(centred**2, axis=2)))
        places = (walk - walk[:, 1].mean(axis=0)) / size
        bones = np.stack([(walk[:, b] - walk[:, a]) for a, b in BONES], axis=1)
        bones /= np.linalg.norm(bones, axis=2, keepdims=True)
        change = np.zeros_like(places)
        change[1:] = places[1:] - places[:-1]
        wanted = np.concatenate([part.reshape(len(walk), -1) for part in (places, bones, change)], axis=1)
        np.testing.assert_allclose(steps, wanted, atol=1e-12)


@pytest.mark.parametrize("center", ["sequence", "frame"])
def test_place_and_size_of_the_body_do_not_matter(center):
    encoder = SkeletonFeatures(center=center, bones=BONES)
    wanted = encoder.fit_transform(WALKS).values
    moved = [3.0 * walk + np.array([5.0, -2.0, 9.0]) for walk in WALKS]
    np.testing.assert_allclose(encoder.transform(moved).values, wanted, atol=1e-10)
    walking = [walk + np.arange(len(walk))[:, None, None] for walk in WALKS]
    change = np.abs(encoder.transform(walking).values - wanted).max()
    assert change < 1e-10 if center == "frame" else change > 0.1


def test_forms_of_joints_are_the_same():
    encoder = SkeletonFeatures(n_joints=4)
    wanted = SkeletonFeatures().fit_transform(WALKS)
    side_by_side = [walk.reshape(len(walk), -1) for walk in WALKS]
    assert encoder.fit_transform(side_by_side) == wanted == encoder.fit_transform(WALKS)
    cube = np.stack([WALKS[0], WALKS[0] + 1])
    same(SkeletonFeatures().fit_transform(cube)[0], wanted[0])
    assert encoder.n_joints_ == 4


def test_one_joint_is_a_point_on_its_way():
    way = RNG.normal(size=(7, 2)).cumsum(axis=0)
    found = SkeletonFeatures().fit_transform([way])[0]
    places = way - way.mean(axis=0)
    places /= np.sqrt(np.mean(np.sum(places**2, axis=1)))
    np.testing.assert_allclose(found[:, :2], places)
    np.testing.assert_allclose(found[1:, 2:], np.diff(places, axis=0))
    assert np.isfinite(SkeletonFeatures().fit_transform([np.ones((4, 2))]).values).all()  # it stands still


@pytest.mark.parametrize("center", ["sequence", "frame"])
@pytest.mark.parametrize("n_joints", [1, 3])
def test_what_stands_still_is_not_scaled_by_rounding(n_joints, center):
    still = np.full((2, 5001, n_joints, 2), 0.1)
    assert not SkeletonFeatures(center=center).fit_transform(still).any()


@pytest.mark.parametrize(
    ("encoder", "X", "message"),
    [
        (SkeletonFeatures(), [RNG.normal(size=(5, 60))], "X has 60 features a frame and n_joints=None"),
        (
            SkeletonFeatures(n_joints=7),
            [RNG.normal(size=(5, 60))],
            "n_joints=7; wanted as many coordinates for each joint",
        ),
        (SkeletonFeatures(n_joints=5), WALKS, "X has 4 joints in a frame; wanted n_joints=5"),
        (SkeletonFeatures(root=4), WALKS, "root=4, and there are 4 joints"),
        (SkeletonFeatures(bones=[(0, 4)]), WALKS, r"bones holds \(0, 4\); wanted pairs of joints, numbers from 0 to 3"),
        (SkeletonFeatures(bones=[0, 1]), WALKS, r"bones holds 0; wanted pairs of joints"),
    ],
)
def test_what_skeleton_features_refuses(encoder, X, message):
    with pytest.raises(ValueError, match=message):
        encoder.fit(X)
    fitted = SkeletonFeatures().fit(WALKS)
    with pytest.raises(ValueError, match=r"X has 12 features|X has 2 joints"):
        SkeletonFeatures().fit([walk[:, :2] for walk in WALKS]).transform(WALKS)
    assert fitted.n_joints_ == 4


# -- files -------------------------------------------------------------------------------------------------------------


def test_image_folders(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = RNG.integers(0, 256, size=(3, 6, 4, 3), dtype=np.uint8)
    for name, one in zip(("b/1.png", "a/2.png", "a/1.png"), pixels, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        image.fromarray(one).save(tmp_path / name)
    X, y = read_image_folder(tmp_path, label="folder", colour="rgb")
    same(X, pixels[[2, 1, 0]])
    assert y.tolist() == ["a", "a", "b"] and X.dtype == np.uint8
    grey, none = read_image_folder(tmp_path, "**/*.png")
    assert grey.shape == (3, 6, 4) and none is None
    np.testing.assert_allclose(grey, pixels[[2, 1, 0]] @ [0.299, 0.587, 0.114], atol=1)
    small, _ = read_image_folder(tmp_path, "**/*.png", size=(3, 2), colour="rgb")
    np.testing.assert_allclose(small, block_means(X.astype(float), 2), atol=1)
    image.fromarray(pixels[0][:5]).save(tmp_path / "a" / "3.png")
    with pytest.raises(
        ValueError, match=r"3\.png has 5 x 4 pixels, and .*1\.png has 6 x 4 pixels.*size=\(height, width\)"
    ):
        read_image_folder(tmp_path, label="folder")
    (tmp_path / "a" / "3.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"3\.png cannot be read as an image"):
        read_image_folder(tmp_path, label="folder")
    for wrong in ({"colour": "cmyk"}, {"size": 6}, {"size": (0, 3)}):
        with pytest.raises(ValueError, match="wanted"):
            read_image_folder(tmp_path, **wrong)


def test_images_of_16_bits_with_pages_and_with_palettes(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = RNG.integers(0, 1 << 16, size=(6, 4), dtype=np.uint16)
    for name in ("a.png", "a.tif"):
        image.fromarray(pixels).save(tmp_path / name)
        for colour, wanted in (("grey", pixels >> 8), ("rgb", (pixels >> 8)[..., None].repeat(3, axis=2))):
            same(read_image_folder(tmp_path, name, colour=colour)[0], wanted[None].astype(np.uint8))
            same(read_frames(tmp_path / name, colour=colour), wanted[None].astype(np.uint8))
    image.fromarray(pixels / np.float32(7)).save(tmp_path / "b.tif")
    with pytest.raises(ValueError, match=r"b\.tif cannot be read as an image: .*mode F; wanted 8 or 16 bits"):
        read_image_folder(tmp_path, "b.tif")
    image.fromarray(pixels).save(tmp_path / "d.tif", save_all=True, append_images=[image.fromarray(pixels.T)])
    with pytest.raises(ValueError, match=r"6 x 4 pixels in frame 0 and 4 x 6 pixels in frame 1; wanted one size"):
        read_frames(tmp_path / "d.tif")
    assert read_frames(tmp_path / "d.tif", size=(3, 2)).shape == (2, 3, 2)
    indexed = image.fromarray(np.eye(4, dtype=np.uint8) * 200).convert("P")
    indexed.save(tmp_path / "c.png", transparency=b"\x00\x80")
    same(read_image_folder(tmp_path, "c.png")[0], np.where(np.eye(4), 200, 255)[None])


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("size", [None, (3, 2)])
def test_pictures_of_a_camera_that_was_turned_stand_upright(kind, size, tmp_path):
    image, operations = pytest.importorskip("PIL.Image"), pytest.importorskip("PIL.ImageOps")
    for orientation in range(10):  # 1 to 8 mean something
        exif = image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / f"{orientation}.{kind}"
        image.fromarray(RNG.integers(0, 256, size=(6, 4, 3), dtype=np.uint8)).save(path, exif=exif)
        with image.open(path) as opened:
            upright = operations.exif_transpose(opened)
            wanted = np.asarray(upright.resize(size[::-1], image.Resampling.BOX) if size else upright)
        same(read_image_folder(tmp_path, path.name, colour="rgb", size=size)[0], wanted[None])
        if kind != "jpg":
            same(read_frames(path, colour="rgb", size=size), wanted[None])


def test_a_damaged_note_of_the_camera_hides_no_picture(tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(np.full((6, 4), 9, dtype=np.uint8)).save(tmp_path / "a.png", exif=b"Exif\x00\x00no TIFF")
    same(read_image_folder(tmp_path, "a.png")[0], np.full((1, 6, 4), 9))


def test_what_is_transparent_is_white(tmp_path):
    image = pytest.importorskip("PIL.Image")
    levels, opacity = RNG.integers(0, 256, size=(2, 6, 4)).astype(np.uint8)
    opacity[:2], opacity[2:4] = 0, 255
    levels[0], levels[2:4] = 0, levels[2:4] // 2 + 1  # nothing opaque is black
    pixels = np.stack([levels, levels, levels, opacity], axis=2)
    wanted = 255 + (levels - 255.0) * (opacity / 255)
    for name in ("a.png", "a.tif", "a.webp"):
        exact = {"lossless": True, "exact": True} if name == "a.webp" else {}
        image.fromarray(pixels).save(tmp_path / name, **exact)
        np.testing.assert_allclose(read_image_folder(tmp_path, name)[0][0], wanted, atol=1)
        np.testing.assert_allclose(read_frames(tmp_path / name)[0], wanted, atol=1)
    image.fromarray(pixels[..., [0, 3]]).save(tmp_path / "b.png")
    np.testing.assert_allclose(read_image_folder(tmp_path, "b.png")[0][0], wanted, atol=1)
    # one colour that stands for nothing
    kinds = {"c": levels, "d": levels.astype(np.uint16) << 8, "e": pixels[..., :3].copy()}
    for name, one in kinds.items():
        image.fromarray(one).save(tmp_path / f"{name}.png", transparency=(0, 0, 0) if name == "e" else 0)
        same(read_image_folder(tmp_path, f"{name}.png")[0][0], np.where(levels, levels, 255))
    first, *rest = [image.fromarray(np.roll(pixels[:4], i, axis=0)) for i in range(3)]
    first.save(tmp_path / "a.gif", save_all=True, append_images=rest, disposal=2)
    moved = [np.roll(wanted[:4], i, axis=0) for i in range(3)]
    np.testing.assert_allclose(read_frames(tmp_path / "a.gif"), moved, atol=4)  # its palette is coarse


@pytest.mark.parametrize("kind", ["png", "gif", "bmp", "tif"])
def test_a_damaged_image_is_read_or_refused_in_a_sentence(kind, tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, size=(3, 16, 16), dtype=np.uint8)
    first, *rest = map(image.fromarray, pixels)
    path = tmp_path / f"a.{kind}"
    first.save(path, **({} if kind == "bmp" else {"save_all": True, "append_images": rest}))
    raw, rng = path.read_bytes(), np.random.default_rng(0)
    for i in range(150):
        new = bytearray(raw[: rng.integers(len(raw))] if i % 2 else raw)
        for at in rng.integers(min(len(new), 300), size=4) if len(new) and i % 3 else ():
            new[at] = rng.integers(256)
        path.write_bytes(new)
        of_folder, of_film = partial(read_image_folder, tmp_path, path.name), partial(read_frames, path)
        for read in [of_folder] if kind == "bmp" else [of_folder, of_film]:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # pillow's own
                    read()
            except ValueError as refusal:
                assert f"a.{kind} " in str(refusal) and re.search("cannot be read|wanted", str(refusal))


def test_frames_of_animated_images(tmp_path):
    image = pytest.importorskip("PIL.Image")
    levels = np.array([0, 100, 200, 50], dtype=np.uint8)
    first, *rest = [image.fromarray(np.full((6, 4), level)) for level in levels]
    first.save(tmp_path / "a.gif", save_all=True, append_images=rest)
    found = read_frames(tmp_path / "a.gif")
    same(found, np.broadcast_to(levels[:, None, None], (4, 6, 4)))
    same(read_frames(tmp_path / "a.gif", every=2), found[::2])
    assert read_frames(tmp_path / "a.gif", size=(3, 2), colour="rgb").shape == (4, 3, 2, 3)
    video = FrameEncoder(steps="frames").fit_transform([found, found[:2]])
    assert video.lengths.tolist() == [4, 2] and video.n_features == 24
    (tmp_path / "b.gif").write_bytes((tmp_path / "a.gif").read_bytes()[:20])
    for path, message in (("b.gif", "cannot be read as frames"), ("c.gif", "is no file")):
        with pytest.raises(ValueError, match=message):
            read_frames(tmp_path / path)
    with pytest.raises(ValueError, match="every=0"):
        read_frames(tmp_path / "a.gif", every=0)


def test_films(tmp_path):
    imageio = pytest.importorskip("imageio.v3")
    pytest.importorskip("av")
    levels = [10, 100, 200]
    imageio.imwrite(
        tmp_path / "a.avi", np.stack([np.full((32, 48, 3), v, np.uint8) for v in levels]), codec="mpeg4", fps=10
    )
    found = read_frames(tmp_path / "a.avi")
    assert found.shape == (3, 32, 48)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), levels, atol=3)  # the codec loses a little


@pytest.mark.parametrize(("module", "read"), [("PIL.Image", "a.gif"), ("imageio.v3", "a.avi")])
def test_what_is_missing_is_told_with_its_extra(module, read, tmp_path, monkeypatch):
    (tmp_path / read).write_bytes(b"x")
    if module == "imageio.v3":
        pytest.importorskip("PIL.Image")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-seq\[vision\]'"):
        read_frames(tmp_path / read)
