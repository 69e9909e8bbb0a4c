"""The network as a whole: causality, geometry, folding, and the names of its tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from classifier_training.commands import offset_unknown
from classifier_training.configuration import architecture
from classifier_training.errors import TrainingError
from classifier_training.initial import start_from
from classifier_training.landmarks import collect_landmarks, k_means
from classifier_training.model import Classifier
from classifier_training.options import ModelOptions

SMALL: dict[str, Any] = {
    "stem_channels": (4, 6, 8, 8),
    "width": 16,
    "heads": 2,
    "feed_forward": 24,
    "window": 5,
    "landmarks": 3,
    "layers": 2,
}
BANDS = 64


def model(network: dict[str, dict[str, Any]] | None = None, **options: Any) -> Classifier:
    """A small model; `network` are values of config.json that no recipe sets."""
    torch.manual_seed(0)
    config = architecture(ModelOptions(**{**SMALL, **options}), ["a", "b", "c"], BANDS)
    for part, values in (network or {}).items():
        config[part] = {**config[part], **values}
    made = Classifier(config)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):  # not the identity
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
    return made.eval()


def landmarked(made: Classifier) -> Classifier:
    made.fix_landmarks(collect_landmarks(made, lambda: made(torch.randn(4, 60, BANDS)), 3, seed=0))
    return made


OTHER: dict[str, dict[str, Any]] = {
    "stem": {"kind": "linear", "frames": 4},
    "encoder": {"norm": "post", "activation": "gelu", "position": {"kind": "recycling", "period": 7}},
}
VARIANTS: list[dict[str, Any]] = [
    {},
    {"network": OTHER},
    {"time_strides": (2, 2, 2, 1), "band_strides": (1, 2, 2, 2), "layers": 1},
    {"stem": "yamnet", "yamnet_blocks": 4, "layers": 1},
]


@pytest.mark.parametrize("options", VARIANTS)
@torch.no_grad()
def test_outputs_do_not_depend_on_the_future(options: dict[str, Any]) -> None:
    made = landmarked(model(**options)).double()
    x = torch.randn(1, 64, BANDS, dtype=torch.float64)
    changed = x.clone()
    changed[:, 33:] = torch.randn_like(changed[:, 33:])
    known = 33 // made.frames_per_token
    assert torch.allclose(made(x)[:, :known], made(changed)[:, :known], atol=1e-9)
    assert not torch.allclose(made(x)[:, known:], made(changed)[:, known:], atol=1e-3)


def test_the_head_reads_the_mean_of_the_newest_contexts() -> None:
    """Of the first tokens as many as there are: the logits are the means of those of single tokens."""
    single, averaged = model(), model(head_average=3)
    averaged.load_state_dict(single.state_dict())
    x = torch.randn(2, 4 * 7, BANDS)
    alone = single(x)
    expected = torch.stack([alone[:, max(0, t - 2) : t + 1].mean(1) for t in range(alone.shape[1])], 1)
    assert torch.allclose(averaged(x), expected, atol=1e-5)
    assert not torch.allclose(averaged(x), alone, atol=1e-3)


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("frames", [8, 11, 41])
@torch.no_grad()
def test_frames_that_do_not_complete_a_token_give_none(options: dict[str, Any], frames: int) -> None:
    made = model(**options)
    assert made(torch.randn(2, frames, BANDS)).shape == (2, frames // made.frames_per_token, 3)


@torch.no_grad()
def test_convolution_reads_the_columns_of_the_format() -> None:
    """Output column j of a layer reads the three input columns that end with time_stride * (j + 1) - 1."""
    made = model(stem_channels=(4,), time_strides=(2,), band_strides=(2,)).folded()
    x, layer = torch.randn(1, 11, BANDS), made.stem.layers[0]
    tokens = made.stem(x)
    padded = torch.cat([torch.zeros(1, BANDS), x[0]])  # column -1
    padded = torch.cat([torch.zeros(len(padded), 1), padded, torch.zeros(len(padded), 1)], 1)
    for j in range(5):
        column = torch.stack(
            [
                torch.relu((layer.weight[:, 0] * padded[2 * j : 2 * j + 3, 2 * f : 2 * f + 3]).sum((1, 2)) + layer.bias)
                for f in range(BANDS // 2)
            ],
            dim=1,
        )
        assert torch.allclose(tokens[0, j], made.stem.projection(column.flatten()), atol=1e-4)


@torch.no_grad()
def test_separable_convolutions_are_those_of_the_format() -> None:
    """Each channel for itself, then the channels of each position; zeros at the end of the bands."""
    made = model(stem="yamnet", yamnet_blocks=2).folded().stem.double()
    x = torch.rand(32, 9, 8, dtype=torch.float64)  # (channels, columns, bands) into block 2, after block 1
    made.layers, made._padding = nn.ModuleList([made.layers[2]]), [made._padding[2]]
    made.norms = nn.ModuleList([made.norms[2]])
    depthwise, pointwise = made.layers[0]["depthwise"], made.layers[0]["pointwise"]
    x = torch.cat([x, x])  # 64 channels
    made.projection = nn.Identity()
    forward = made.pad(0, x[None])
    for convolutions, _, key in made.parts(0):
        forward = torch.relu(convolutions[key](forward))
    for j in range(4):
        for f in range(4):
            filtered = depthwise.bias.clone()
            for time in range(3):
                for band in range(3):
                    column, index = 2 * (j + 1) - 3 + time, 2 * f + band
                    if column >= 0 and index < 8:
                        filtered += depthwise.weight[:, 0, time, band] * x[:, column, index]
            mixed = pointwise.weight[:, :, 0, 0] @ torch.relu(filtered) + pointwise.bias
            assert torch.allclose(forward[0, :, j, f], torch.relu(mixed), atol=1e-9)


@pytest.mark.parametrize("options", VARIANTS)
@torch.no_grad()
def test_folding_changes_nothing(options: dict[str, Any]) -> None:
    made = landmarked(model(**options)).double()
    x = torch.randn(2, 48, BANDS, dtype=torch.float64)
    assert torch.allclose(made(x), made.folded()(x), atol=1e-9)


def test_folded_state_has_the_tensors_of_the_format() -> None:
    state = landmarked(model()).folded().state_dict()
    expected = {
        "input.mean",
        "input.scale",
        "head.weight",
        "head.bias",
        "encoder.norm.weight",
        "encoder.norm.bias",
    }
    parts = [f"stem.layers.{i}" for i in range(4)] + ["stem.projection"]
    for layer in range(2):
        at = f"encoder.layers.{layer}."
        parts += [at + f"attention.{name}" for name in ("query", "key", "value", "output")]
        parts += [at + name for name in ("feed_forward.in", "feed_forward.out", "norm_attention", "norm_feed_forward")]
        expected |= {at + f"attention.landmarks.{name}" for name in ("query", "key")}
    expected |= {f"{part}.{kind}" for part in parts for kind in ("weight", "bias")}
    assert set(state) == expected
    assert state["stem.layers.1.weight"].shape == (6, 4, 3, 3)
    assert state["stem.projection.weight"].shape == (16, 8 * 4)
    assert state["encoder.layers.0.attention.landmarks.query"].shape == (2, 3, 8)


@torch.no_grad()
def test_a_state_with_landmarks_loads_into_a_fresh_model() -> None:
    first, second = landmarked(model()), Classifier(model().config).eval()
    second.load(first.state_dict())
    x = torch.randn(1, 32, BANDS)
    assert torch.equal(first(x), second(x))


def test_k_means_finds_separate_clusters() -> None:
    generator = torch.Generator().manual_seed(3)
    truth = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    points = (truth[:, None] + 0.1 * torch.randn(4, 50, 2, generator=generator)).flatten(0, 1)
    centres = k_means(points, 4, generator)
    assert torch.cdist(truth, centres).amin(1).max() < 0.1


def test_the_best_of_several_k_means_counts() -> None:
    def squares(starts: int) -> float:
        generator = torch.Generator().manual_seed(1)
        points = torch.randn(200, 3, generator=generator)
        centres = k_means(points, 8, generator, iterations=1, starts=starts)
        return float(torch.cdist(points, centres).amin(1).square().sum())

    assert squares(10) < squares(1)


def test_k_means_depends_on_its_seed_only() -> None:
    points = torch.randn(300, 5)
    first, second = (k_means(points, 6, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("options", [VARIANTS[0], VARIANTS[3]])
@torch.no_grad()
def test_a_model_starts_where_another_ended(options: dict[str, Any], tmp_path: Path) -> None:
    """With the same labels and the features that its batch norms were set up on, nothing changes."""
    first, x = model(**options), torch.randn(8, 64, BANDS)
    second = Classifier(first.config)
    save_file({name: tensor.contiguous() for name, tensor in first.folded().state_dict().items()}, tmp_path / "w")
    (tmp_path / "config.json").write_text(json.dumps({**first.config, "weights": {"file": "w"}}))
    start_from(second, tmp_path, x)
    assert torch.allclose(second.eval()(x), first(x), atol=1e-4)
    assert torch.allclose(second.train()(x), first(x), atol=1e-2)
    other = Classifier({**first.config, "stem": {"kind": "linear", "frames": 4}})
    with pytest.raises(TrainingError, match="its `stem` differs"):
        start_from(other, tmp_path, x)


@torch.no_grad()
def test_a_longer_stem_is_cut(tmp_path: Path) -> None:
    """The first layers keep their output; the projection and the encoder, made for other tokens, are not copied."""
    x = torch.randn(2, 64, BANDS)
    longer = model(stem="yamnet", yamnet_blocks=3, layers=1).folded()
    shorter = model(stem="yamnet", yamnet_blocks=2, layers=1).folded()
    for parameter in shorter.parameters():
        parameter.mul_(0.5)
    encoder = {name: tensor.clone() for name, tensor in shorter.encoder.state_dict().items()}
    save_file({name: tensor.contiguous() for name, tensor in longer.state_dict().items()}, tmp_path / "w")
    (tmp_path / "config.json").write_text(json.dumps({**longer.config, "weights": {"file": "w"}}))
    start_from(shorter, tmp_path, x)
    depth = shorter.stem.depth
    assert torch.allclose(shorter.begin(x, depth), longer.begin(x, depth), atol=1e-5)
    assert all(torch.equal(encoder[name], tensor) for name, tensor in shorter.encoder.state_dict().items())
    with pytest.raises(TrainingError, match="its `stem` differs"):
        start_from(model(stem="yamnet", yamnet_blocks=4), tmp_path, x)


@torch.no_grad()
def test_a_standardized_stem_is_the_same() -> None:
    """The projection takes in columns of mean 0 and deviation 1; with the same result, also folded and loaded."""
    first, x = model(stem="yamnet", yamnet_blocks=3, layers=1).folded(), torch.randn(4, 64, BANDS)
    expected, stem = first(x), first.stem
    stem.standardize(first.begin(x, stem.depth))
    seen = []
    stem.projection.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].flatten(0, 1)))
    assert torch.allclose(first(x), expected, atol=1e-5)
    assert seen[0].mean(0).abs().max() < 1e-4
    deviation = seen[0].std(0)
    assert deviation.max() < 1.001 and ((deviation > 0.999) | (deviation < 1e-6)).float().mean() > 0.9
    second = Classifier(first.config).folded()
    second.load(first.state_dict())
    assert torch.allclose(second(x), expected, atol=1e-5)
    folded = first.folded()
    assert torch.allclose(folded(x), expected, atol=1e-5)
    assert "stem.standard.mean" in first.state_dict() and "stem.standard.mean" not in folded.state_dict()


def test_the_offset_moves_one_logit() -> None:
    """All other logits stay, and data without the label are refused."""
    made, frames = model().eval(), torch.randn(1, 80, BANDS, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        before = made(frames)
        offset_unknown(made, ["a", "_unknown_", "c"], -0.5)
        change = made(frames) - before
    assert torch.allclose(change, torch.tensor([0.0, -0.5, 0.0]).expand_as(change), atol=1e-6)
    with pytest.raises(TrainingError, match="needs the label _unknown_"):
        offset_unknown(made, ["a", "b", "c"], -0.5)
