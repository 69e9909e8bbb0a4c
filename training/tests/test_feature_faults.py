"""Faults of streams of features that the program would refuse after the training: they are refused before it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classifier_training import feature_commands, trainer
from classifier_training.cli import main
from classifier_training.configuration import architecture
from classifier_training.errors import TrainingError
from classifier_training.feature_commands import FEATURE_DEFAULTS, export_features
from classifier_training.feature_options import StreamOptions
from classifier_training.feature_reading import read_streams
from classifier_training.feature_sequences import FeatureSequences
from classifier_training.feature_sources import ArraySource
from classifier_training.model import Network
from classifier_training.output import output_name

ONE, SEVERAL = StreamOptions(), StreamOptions(activation="sigmoid")
INDEX = "stream,file,labels\nx,a.npy,dog\ny,b.npy,cat\n"
SPANS = "stream,label,begin,end\n"


def write(folder: Path, index: str = INDEX, tables: dict[str, str] | None = None, **arrays: Any) -> Path:
    """A folder of streams; `a` and `b` are three steps of two features unless they are given."""
    folder.mkdir(exist_ok=True)
    (folder / "streams.csv").write_text(index, encoding="utf-8")
    for name, text in (tables or {}).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    for name, array in {"a": np.zeros((3, 2)), "b": np.ones((3, 2)), **arrays}.items():
        np.save(folder / f"{name}.npy", np.asarray(array))
    return folder


def changed(value: Any, kind: Any) -> np.ndarray:
    features = np.zeros((3, 2), kind)
    features[2, 1] = value
    return features


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1_000_001, np.int64), (-1_000_001, np.int64), (-(2**63), np.int64), (2**31, np.uint32), (2**64 - 1, np.uint64),
        (-1_000_001, np.int32), (1e6 + 1, np.float64), (np.inf, np.float16), (np.nan, np.float32), (-np.inf, ">f4"),
    ],
)  # fmt: skip
def test_a_feature_that_no_model_takes_is_named(value: float, kind: Any, tmp_path: Path) -> None:
    """In docs/model-format.md they are finite and at most 1e6 in magnitude."""
    place = r"streams.csv:3: stream `y`: feature 1 of step 2 is .*; features must be finite and at most 1e\+06"
    with pytest.raises(TrainingError, match=place) as raised:
        read_streams(write(tmp_path, b=changed(value, kind)), (), ONE)
    assert raised.value.code == 65


def test_a_stream_has_a_digest_of_its_numbers(tmp_path: Path) -> None:
    """Of arrays of every kind: another value or label gives another one, another place in memory does not."""
    for kind in (np.float16, ">f4", np.float64, np.uint8, bool):
        for number, (value, order) in enumerate(((0, "C"), (0, "F"), (1, "C"))):
            features = np.asarray(changed(value, kind), order=order)  # type: ignore[call-overload]
            write(tmp_path / f"{np.dtype(kind).name}-{number}", b=features)
        digests = [
            read_streams(tmp_path / f"{np.dtype(kind).name}-{number}", (), ONE).streams[1].digest()
            for number in range(3)
        ]
        assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1_000_000, np.int64), (-1_000_000, np.int32), (-128, np.int8), (65504, np.float16), (True, bool)],
)
def test_the_largest_features_are_taken(value: float, kind: Any, tmp_path: Path) -> None:
    found = read_streams(write(tmp_path, b=changed(value, kind)), (), ONE)
    assert found.streams[1].features[2, 1] == value


LONG, ONE_STREAM, STEPS = "x" * 1025, "stream,file\nx,a.npy\n", "stream,file,steps\nx,a.npy,s.npy\n"
WIDE = np.zeros((1, 65537), np.uint8)
FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"index": INDEX.replace("cat", "c\x07at")}, r"streams.csv:3: the label 'c\\x07at' has the control character"),
    ({"index": INDEX.replace("cat", "c\x7fat")}, r"streams.csv:3: the label 'c\\x7fat' has the control character"),
    ({"index": INDEX.replace("cat", '"c\nat"')}, r"streams.csv:4: the label 'c\\nat' has the control character '\\n'"),
    ({"index": INDEX.replace("cat", LONG)}, r"streams.csv:3: the label `x+...` has 1025 bytes, and 1024 are the most"),
    ({"index": INDEX.replace("dog", "caf\u00e9").replace("cat", "cafe\u0301")}, r"streams.csv:2: the label .* is there "
     r"twice; the first is .*streams.csv:3"),
    ({"tables": {"labels": 'label\ndog\n""\ncat\n'}}, r"labels.csv:3: a label is empty"),
    ({"tables": {"labels": "label\ndog\ncat\ndog\n"}}, r"labels.csv:4: the label `dog` is there twice; .*labels.csv:2"),
    ({"tables": {"labels": "label\ndog\nc\tat\n"}}, r"labels.csv:3: the label 'c\\tat' has the control character"),
    ({"index": ONE_STREAM, "tables": {"spans": SPANS}}, r"spans.csv: has no span; give it a row for each"),
    ({"index": ONE_STREAM, "tables": {"spans": ""}}, r"spans.csv: has no span"),
    ({"index": ONE_STREAM, "tables": {"spans": f"{SPANS}x,shot,0,1\nx,,1,2\n"}},
     r"spans.csv:3: a label is empty"),
    ({"index": ONE_STREAM, "tables": {"spans": f"{SPANS}x,s\x01t,0,1\n"}}, r"spans.csv:2: the label 's"),
    ({"index": "stream,file,labels\n"}, r"streams.csv: names no stream"),
    ({"index": "stream,file,labels\nx,a.npy,\n"}, r"no stream has a label"),
    ({"index": "stream,file,labels\n,a.npy,dog\n"}, r"streams.csv:2: `stream` is empty"),
    ({"index": "stream,file,labels,split\nx,a.npy,dog,\n"}, r"streams.csv:2: `split` is empty; write `train`"),
    ({"index": "stream,file,labels,split\nx,a.npy,dog\n"}, r"streams.csv:2: `split` is empty; write `train`"),
    ({"index": "stream,file,labels,split\nx,a.npy,dog,Train\n"}, r"streams.csv:2: `split` is 'Train'; write `train`"),
    ({"index": "stream;file\nx;a.npy\n"}, r"no column `stream`; it has stream;file; .* separated by commas"),
    ({"index": "stream,file,labels\nx,,dog\n"}, r"streams.csv:2: names no array; give it a file"),
    ({"index": "stream,file,labels\nx,a.npz,dog\n"}, r"streams.csv:2: .*a.npz is an archive; .* `a.npz:features`"),
    ({"index": ONE_STREAM, "tables": {"spans": f"{SPANS}x,shot,-1,2\n"}}, r"spans.csv:2: begin is -1 s .* from 0 on"),
    ({"index": ONE_STREAM, "tables": {"spans": f"{SPANS}x,shot,nan,2\n"}}, r"spans.csv:2: begin is nan s"),
    ({"index": ONE_STREAM, "tables": {"spans": f"{SPANS}x,shot,1,2\nx,shot,1,2\n"}}, r"spans.csv:3: the same span"),
    ({"index": "stream,file,labels,split\nx,a.npy,dog,cat,train\n"}, r"streams.csv:2: has more values than the 4"),
    ({"a": np.zeros((3, 0)), "b": np.zeros((3, 0))}, r"streams.csv:2: stream `x` has 0 features a step"),
    ({"a": WIDE, "b": WIDE}, r"`x` has 65537 features a step; .* 65536"),
    ({"index": STEPS, "s": np.float64(1)}, r"`steps` is float64 of shape \(\)"),
    ({"index": STEPS, "s": np.array(["a", "b", "c"])}, r"`steps` is str.* of shape \(3,\)"),
    ({"index": STEPS, "s": changed(0.3, float)}, r"`steps`: row 2 has the value 0.3; truth"),
    ({"index": STEPS, "s": changed(np.nan, float)}, r"`steps`: row 2 has the value nan"),
    ({"index": "stream,file,labels,judged\nx,a.npy,dog,j.npy\n", "j": np.ones((3, 5), bool)},
     r"streams.csv:2: stream `x`: `judged` has 5 columns, and there are 1 labels"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), FAULTS)
def test_a_fault_is_named_with_its_row(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    if "steps" in given.get("index", ""):
        given = {"tables": {"labels": "label\nu\nv\n"}, **given}
    with pytest.raises(TrainingError, match=message) as raised:
        read_streams(write(tmp_path, **given), (), SEVERAL)
    assert raised.value.code == 65


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": ("cat", "d\x00g")}, r"label 2 of --labels: the label 'd\\x00g' has the control character"),
        ({"labels": ("cat", "\udcff")}, r"label 2 of --labels: .* is no valid Unicode"),
        ({"labels": ("cat", " ")}, "label 2 of --labels: a label is empty"),
        ({"labels": ("cat", "dog", "cat")}, "label 3 of --labels: the label `cat` is there twice"),
        ({"background": "no\nne"}, "--background: the label .* has the control character"),
        ({"step_seconds": 0.0}, "--step-seconds is 0; it must be"),
        ({"step_seconds": float("nan")}, "--step-seconds is nan"),
        ({"noise": float("inf")}, "--noise is inf"),
        ({"noise": -1.0}, "--noise is -1"),
        ({"least_overlap": 2.0}, "--least-overlap is 2"),
        ({"settle": -1}, "--settle -1"),
    ],
)
def test_an_option_with_which_nothing_is_learned(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=message) as raised:
        read_streams(write(tmp_path), (), StreamOptions(**options))
    assert raised.value.code == 64


def test_names_and_columns_that_are_slips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twice = "stream,file,judge\nx,a.npy,\nx,b.npy,\n"
    with pytest.raises(TrainingError, match=r"streams.csv:3: `x` is the name of line 2, too; spans.csv needs one"):
        read_streams(write(tmp_path, twice, {"spans": SPANS + "x,dog,0,1\n"}), (), SEVERAL)
    assert "not used are the columns `judge`; known ones are stream, file, labels" in capsys.readouterr().err


def test_spans_that_label_no_step_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spans = f"{SPANS}x,shot,0,1\nx,shot,2.5,2.52\nx,bang,1,4\nx,thud,0,4.1\n"
    found = read_streams(write(tmp_path, ONE_STREAM, {"spans": spans}), (), SEVERAL)
    assert found.streams[0].steps is not None and found.streams[0].steps[:, 1].tolist() == [True, False, False]
    none, beyond = capsys.readouterr().err.splitlines()
    assert none.startswith("spans that label no step") and ": 1, the first at " in none and none.endswith("spans.csv:3")
    assert beyond.startswith("spans that end more than a step after their stream")
    assert ": 1, the first at " in beyond and beyond.endswith("spans.csv:5")


def test_a_table_in_another_encoding(tmp_path: Path) -> None:
    (write(tmp_path) / "streams.csv").write_bytes(INDEX.replace("dog", "caf\u00e9").encode("latin-1"))
    with pytest.raises(TrainingError, match=r"streams.csv is not in UTF-8 .*; save the table as UTF-8"):
        read_streams(tmp_path, (), ONE)


def test_nothing_but_a_model_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model takes the place of a whole folder, so that it must not be one with anything else."""
    model = tmp_path / "mine"
    assert output_name(model) == "mine"
    model.mkdir()
    assert output_name(model) == "mine", "an empty folder"
    for name in ("config.json", "README.md", "model.safetensors", "clips.csv", "confusion.svg"):
        (model / name).write_text("{}")
    assert output_name(model) == "mine"
    (tmp_path / "link").symlink_to(model)
    (tmp_path / "file").write_text("")
    for wrong, message in (
        ("link", "link is a symbolic link"),
        ("file", "file is a file"),
        ("my model", "a model's name is lower-case letters"),
    ):
        with pytest.raises(TrainingError, match=message):
            output_name(tmp_path / wrong)
    write(tmp_path / "data")
    (tmp_path / "models" / "mine").mkdir(parents=True)
    for folder, lost in (("data", "a.npy, b.npy"), ("models", "mine")):
        with pytest.raises(TrainingError, match=f"{folder} is no model's folder: it has {lost}") as raised:
            output_name(tmp_path / folder)
        assert raised.value.code == 64
    (model / "notes.txt").write_text("mine")
    with pytest.raises(TrainingError, match=r"it has notes\.txt"):
        output_name(model)
    monkeypatch.chdir(tmp_path / "models" / "mine")
    with pytest.raises(TrainingError, match="the folder in which this command runs"):
        output_name(Path("."))


def test_the_logit_is_of_probabilities(tmp_path: Path) -> None:
    for value in (-0.1, 1.5, np.inf):
        with pytest.raises(
            TrainingError, match=r"streams.csv:3: stream `y`: feature 1 of step 2 is .*--transform logit"
        ):
            read_streams(write(tmp_path, b=changed(value, float)), (), StreamOptions(transform="logit"))


@pytest.mark.parametrize(
    ("arrays", "source", "message"),
    [
        ({"L": np.array([np.nan, 0, 1, 0])}, {}, r"row 0: the label is 0.0; labels are whole numbers"),
        ({"L": np.array(["u", "u", "v\n", "v\n"])}, {}, r"row 2: the label 'v\\n' has the control character"),
        ({"L": np.array([0, 0, 1])}, {}, r"a.npz: `L` is int64 of shape \(3,\); it must be values, 4 of them"),
        ({"F": np.array([0, 2.0])}, {"stream": "S", "first": "F", "count": "F"}, r"`F` is float64 .* whole numbers"),
        ({}, {"spans": {"u": "u.csv"}}, r"u.csv: has no span"),
    ],
)
def test_a_fault_of_an_archive_is_named(
    arrays: dict[str, np.ndarray], source: dict[str, Any], message: str, tmp_path: Path
) -> None:
    known = {"X": np.zeros((4, 2)), "I": np.array([0, 0, 1, 1]), "S": np.array([0, 1]), "L": np.zeros(4, int)}
    np.savez(tmp_path / "a.npz", **{**known, **arrays})  # type: ignore[arg-type]
    (tmp_path / "u.csv").write_text(SPANS)
    values = {"archive": "a.npz", "features": "X", "stream": "I", "label": "L", **source}
    with pytest.raises(TrainingError, match=message) as raised:
        read_streams(tmp_path, (ArraySource(**values),), StreamOptions(labels=("u", "v"), activation="sigmoid"))
    assert raised.value.code == 65


def test_streams_of_which_nothing_is_learned(tmp_path: Path) -> None:
    streams = read_streams(write(tmp_path), (), ONE)
    with pytest.raises(TrainingError, match=r"streams.csv:2.*: no step is learned; .*first 3 \(--settle\)"):
        FeatureSequences(streams, StreamOptions(settle=3))
    FeatureSequences(streams, StreamOptions(settle=2))
    with pytest.raises(TrainingError, match="stream `x` has 3 steps, and a token has 4: choose fewer --stem-frames"):
        FeatureSequences(streams, ONE, frames=4)
    index = "stream,file,labels,judged\nx,a.npy,dog,j.npy\n"
    streams = read_streams(write(tmp_path, index, j=np.zeros(3, bool)), (), ONE)
    with pytest.raises(TrainingError, match="no step is learned; each is one that is not judged"):
        FeatureSequences(streams, ONE)


TINY = "--width 16 --feed-forward 16 --heads 2 --window 8 --landmarks 4 --epochs 3 --landmark-epochs 2 --threads 1"
HELD_OUT = "stream,file,labels,split\nx,a.npy,dog,train\ny,b.npy,cat,train\nz,z.npy,cat,test\n"


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def begun(*_: Any) -> None:
        raise AssertionError("the training began")

    monkeypatch.setattr(feature_commands, "fit_features", begun)


def train(folder: Path, options: str = "") -> int:
    command = ["train-features", "--data", str(folder / "data"), "--work", str(folder / "work")]
    return main([*command, "--out", str(folder / "m"), *TINY.split(), *options.split()])


@pytest.mark.parametrize(
    ("given", "options", "status", "message"),
    [
        ({"z": changed(5_000_000, np.int64)}, "", 65, "streams.csv:4: stream `z`: feature 1 of step 2 is 5000000"),
        ({}, "--stem-frames 4 --length 8", 65, "streams.csv:4: stream `z` has 3 steps, the most of those held out"),
        ({}, "--attention continual-nystrom --depth window --layers 3", 64, "could not run such a model, so it is not"),
        ({}, "--feed-forward 70000", 78, "feed_forward is 70000; it must be 1 to 65536"),
        ({}, "--width 0", 78, "width is 0; it must be 1 to 16384"),
        ({}, "--window 10000001", 78, "window is 10000001; it must be 2 to 10000000"),
        ({}, "--layers 257", 78, "layers is 257; it must be 1 to 256"),
        ({}, "--stem-frames 4097", 78, "stem_frames is 4097; it must be 1 to 4096"),
        ({}, "--attention continual-nystrom --landmarks 9", 78, "landmarks is 9; it must be 1 to 1024, and at most"),
        ({}, "--learning-rate 0", 78, "learning_rate is 0.0; it must be 1e-12 to 1000000000"),
        ({}, "--dropout 1", 78, "dropout is 1.0; it must be 0 to 0.99"),
        ({}, "--average 2", 78, "average is 2.0; it must be 0 to 0.999999"),
        ({}, "--cold-fraction 7", 78, "cold_fraction is 7.0; it must be 0 to 1"),
        ({}, "--seed -1", 78, "seed is -1; it must be 0 to 4294967295"),
        ({}, "--epochs 0 --landmark-epochs 0", 78, "epochs and landmark_epochs are 0: nothing would be learned"),
    ],
)
@pytest.mark.usefixtures("no_training")
def test_what_the_program_refuses_is_not_trained(
    given: dict[str, Any], options: str, status: int, message: str, tmp_path: Path, capsys: Any, program_path: Path
) -> None:
    write(tmp_path / "data", **{"index": HELD_OUT, "z": np.ones((3, 2)), **given})
    assert train(tmp_path, options) == status
    assert message in capsys.readouterr().err and sorted(each.name for each in tmp_path.iterdir()) == ["data"]


def test_a_training_that_diverges_ends(tmp_path: Path, capsys: Any, program_path: Path) -> None:
    write(tmp_path / "data", HELD_OUT, z=np.ones((3, 2)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "schedule", lambda done, warm_up: float("nan"))
        assert train(tmp_path, "--epochs 50") == 64
    errors = capsys.readouterr().err
    assert "the loss is nan" in errors
    assert re.search("the features of one that is trained on, .*: 1, the first .*streams.csv:4, `z`", errors)


def test_weights_that_diverged_are_not_exported(tmp_path: Path) -> None:
    """Of logits above 500 the program's differ from PyTorch's by more than a model's may."""
    streams = read_streams(write(tmp_path), (), ONE)
    network = Network(architecture(FEATURE_DEFAULTS.model, streams.labels, 2))
    with torch.no_grad():
        network.head.bias += 400
    export_features(network, FEATURE_DEFAULTS, streams, "m", tmp_path)
    with torch.no_grad():
        network.head.bias += 200
    with pytest.raises(TrainingError, match=r"the training diverged: its logits reach 60\d.*lower --learning-rate"):
        export_features(network, FEATURE_DEFAULTS, streams, "m", tmp_path)


def test_other_models_are_not_measured(tmp_path: Path, capsys: Any) -> None:
    configs: list[Any] = [[], {}, {name: {} for name in "labels input_width stem encoder decision card".split()}]
    for config in configs:
        (tmp_path / "config.json").write_text(json.dumps(config))
        assert main(["evaluate-features", "--model", str(tmp_path), "--data", str(tmp_path)]) == 65
        assert "config.json is not that of a model for streams of features" in capsys.readouterr().err
