"""Streams of features: their layouts, and what is refused, with its file and row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier_training.errors import TrainingError
from classifier_training.feature_options import StreamOptions
from classifier_training.feature_reading import read_streams
from classifier_training.feature_sequences import FeatureSequences
from classifier_training.feature_sources import ArraySource
from classifier_training.feature_streams import StreamSet, steps_of_spans

ONE, SEVERAL = StreamOptions(), StreamOptions(activation="sigmoid")


def write_folder(folder: Path, index: str, spans: str = "", **arrays: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "streams.csv").write_text(index, encoding="utf-8")
    if spans:
        (folder / "spans.csv").write_text(spans, encoding="utf-8")
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.asarray(array))
    return folder


def ramp(steps: int, width: int = 2, first: float = 0) -> np.ndarray:
    return (first + np.arange(steps * width)).reshape(steps, width).astype(np.float32)


def test_a_folder_with_a_label_a_stream(tmp_path: Path) -> None:
    index = "stream,file,labels,split\nx,a.npy,dog,train\ny,b.npy,cat,test\n"
    found = read_streams(write_folder(tmp_path, index, a=ramp(3), b=ramp(4)), (), ONE)
    assert found.labels == ("cat", "dog") and found.width == 2 and found.exclusive
    (train,), (test,) = found.of(held_out=False), found.of(held_out=True)
    assert (train.name, train.labels, len(train)) == ("x", (1,), 3) and test.labels == (0,)
    assert found.positive(train).tolist() == [[False, True]] * 3 and found.judged(test).all()


def test_rows_of_one_array_with_several_labels(tmp_path: Path) -> None:
    index = "stream,file,first,frames,labels\nx,all.npz:F,0,2,b;a\ny,all.npz:F,2,3,\n"
    folder = write_folder(tmp_path, index)
    np.savez(folder / "all.npz", F=ramp(5))
    found = read_streams(folder, (), SEVERAL)
    assert [stream.labels for stream in found.streams] == [(1, 0), ()]
    assert np.array_equal(found.streams[1].features, ramp(5)[2:])


def test_labels_of_steps(tmp_path: Path) -> None:
    """By number, -1 being unknown; as truth values with a mask; as spans of seconds, the rest being background."""
    folder = write_folder(
        tmp_path, "stream,file,steps\nx,a.npy,s.npy\n", a=ramp(4), s=np.array([0, 1, -1, 1]), m=np.zeros((4, 2), bool)
    )
    (folder / "labels.csv").write_text("label\nnone\nshot\n")
    found = read_streams(folder, (), ONE)
    assert found.positive(found.streams[0])[:, 1].tolist() == [False, True, False, True]
    assert found.judged(found.streams[0])[:, 0].tolist() == [True, True, False, True]
    write_folder(tmp_path, "stream,file,steps,judged\nx,a.npy,m.npy,j.npy\n", j=np.array([1, 0, 1, 1]))
    found = read_streams(folder, (), SEVERAL)
    assert found.judged(found.streams[0])[:, 1].tolist() == [True, False, True, True]
    (folder / "labels.csv").unlink()
    write_folder(tmp_path, "stream,file\nx,a.npy\n", "stream,label,begin,end\nx,shot,0.5,1.06\nx,shot,1.06,1.2\n")
    options = StreamOptions(background="none", step_seconds=0.5)
    found = read_streams(folder, (), options)
    assert found.labels == ("none", "shot") and found.background == 0
    assert found.positive(found.streams[0]).argmax(1).tolist() == [0, 1, 1, 0]


def test_spans_mark_the_steps_that_they_cover_enough_of() -> None:
    spans = [(0.0, 0.05, 0), (0.95, 1.1, 0), (1.5, 3.0, 1)]
    marked = steps_of_spans(spans, 4, 2, 1.0, 0.1)
    assert marked[:, 0].tolist() == [False, True, False, False]
    assert marked[:, 1].tolist() == [False, True, True, False]


INDEX = "stream,file,labels\nx,a.npy,dog\ny,b.npy,cat\n"


def unequal(folder: Path) -> None:
    write_folder(folder, INDEX, a=ramp(3), b=ramp(3, 5))


def empty(folder: Path) -> None:
    write_folder(folder, INDEX, a=ramp(3), b=ramp(0))


def unlabelled(folder: Path) -> None:
    write_folder(folder, "stream,file\nx,a.npy\n", a=ramp(3))


def without_a_label(folder: Path) -> None:
    write_folder(folder, "stream,file,labels\nx,a.npy,dog\ny,b.npy,\n", a=ramp(3), b=ramp(3))


def unknown_stream(folder: Path) -> None:
    write_folder(folder, "stream,file\nx,a.npy\n", "stream,label,begin,end\nz,shot,0,1\n", a=ramp(3))


def reversed_span(folder: Path) -> None:
    write_folder(folder, "stream,file\nx,a.npy\n", "stream,label,begin,end\nx,shot,2,1\n", a=ramp(3))


def overlapping_spans(folder: Path) -> None:
    table = "stream,label,begin,end\nx,shot,1,2\nx,cry,0,3\nx,shot,0,1.5\n"
    write_folder(folder, "stream,file\nx,a.npy\n", table, a=ramp(3))


def late_span(folder: Path) -> None:
    write_folder(folder, "stream,file\nx,a.npy\n", "stream,label,begin,end\nx,shot,70,71\n", a=ramp(3))


def nan(folder: Path) -> None:
    features = ramp(9)
    features[6, 1] = np.nan
    write_folder(folder, INDEX, a=ramp(3), b=features)


def too_large(folder: Path) -> None:
    write_folder(folder, INDEX, a=ramp(3), b=ramp(3, 2, -2e6))


def missing_file(folder: Path) -> None:
    write_folder(folder, INDEX, a=ramp(3))


def no_array(folder: Path) -> None:
    write_folder(folder, INDEX, a=ramp(3))
    (folder / "b.npy").write_bytes(b"this is no array")


def no_features(folder: Path) -> None:
    write_folder(folder, INDEX, a=ramp(3), b=np.arange(3))


def twice(folder: Path) -> None:
    write_folder(folder, "stream,file,labels\nx,a.npy,dog\nx,a.npy,dog\n", a=ramp(3))


def beyond(folder: Path) -> None:
    write_folder(folder, "stream,file,labels,first,frames\nx,a.npy,dog,2,2\n", a=ramp(3))


def no_column(folder: Path) -> None:
    write_folder(folder, "name,file\nx,a.npy\n", a=ramp(3))


def unequal_steps(folder: Path) -> None:
    write_folder(folder, "stream,file,steps\nx,a.npy,s.npy\n", a=ramp(3), s=np.zeros(2, int))


def wrong_step(folder: Path) -> None:
    write_folder(folder, "stream,file,steps\nx,a.npy,s.npy\n", a=ramp(3), s=np.array([0, 7, 0]))
    (folder / "labels.csv").write_text("label\na\nb\n")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (unequal, r"streams.csv:3: stream `y` has 5 features a step; `x` \(.*streams.csv:2\) has 2"),
        (empty, r"streams.csv:3: stream `y` is empty"),
        (unlabelled, r"streams.csv:2: stream `x` has no labels"),
        (without_a_label, r"streams.csv:3: stream `y` has 0 labels; with softmax it must have one"),
        (unknown_stream, r"spans.csv:2: labels the stream `z`, which .*streams.csv does not have"),
        (reversed_span, r"spans.csv:2: begins at 2 s and ends at 1 s"),
        (overlapping_spans, r"spans.csv:2: `shot` begins at 1 s, before .*spans.csv:4 ends at 1.5 s"),
        (late_span, r"spans.csv:2: `shot` begins at 70 s, and the stream `x` has 3 s"),
        (nan, r"streams.csv:3: stream `y`: feature 1 of step 6 is nan"),
        (too_large, r"streams.csv:3: stream `y`: feature 0 of step 0 is -2000000"),
        (missing_file, r"streams.csv:3: names .*b.npy, which does not exist"),
        (no_array, r"streams.csv:3: .*b.npy is no NumPy array"),
        (no_features, r"streams.csv:3: b.npy is int64 of shape \(3,\)"),
        (twice, r"streams.csv:3: stream `x` is there twice; the first is .*streams.csv:2"),
        (beyond, r"streams.csv:2: rows 2 to 4 of an array with 3"),
        (no_column, r"streams.csv: has no column `stream`; it has name, file"),
        (unequal_steps, r"streams.csv:2: `steps` has 2 rows, and `file` has 3"),
        (wrong_step, r"streams.csv:2: step 1 has the label 7, and there are 2"),
    ],
)
def test_bad_input_is_named(make: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    make(tmp_path)
    spans = (tmp_path / "spans.csv").exists()
    with pytest.raises(TrainingError, match=message):
        read_streams(tmp_path, (), StreamOptions(background="none") if spans else ONE)


def write_archive(folder: Path) -> Path:
    """Three streams of 2, 3 and 1 rows of one archive."""
    np.savez(
        folder / "a.npz",
        X=np.arange(12, dtype=np.uint8).reshape(6, 2),
        row_ids=np.array(["p", "p", "q", "q", "q", "r"]),
        row_labels=np.array([1, 1, 0, 0, 0, 1]),
        ids=np.array(["p", "q", "r"]),
        start=np.array([0, 30, 2.5]),
        first=np.array([0, 2, 5]),
        count=np.array([2, 3, 1]),
        labels=np.array([0, 1, 1]),
        label_first=np.array([0, 2, 2]),
        label_count=np.array([2, 0, 1]),
        shot=np.array([0, 1, 0, 0, 1, 0]),
        judged=np.array([1, 1, 0, 0, 0, 1]),
    )
    return folder


def test_an_archive_with_a_stream_for_each_row(tmp_path: Path) -> None:
    source = ArraySource(archive="a.npz", features="X", stream="row_ids", label="row_labels", split="test")
    found = read_streams(write_archive(tmp_path), (source,), StreamOptions(labels=("u", "v")))
    assert [(each.name, len(each), each.labels, each.held_out) for each in found.streams] == [
        ("p", 2, (1,), True), ("q", 3, (0,), True), ("r", 1, (1,), True)
    ]  # fmt: skip


def test_an_archive_with_an_index(tmp_path: Path) -> None:
    index = {"first": "first", "count": "count", "labels": "labels"}
    index |= {"label_first": "label_first", "label_count": "label_count"}
    source = ArraySource(archive="a.npz", features="X", stream="ids", **index)  # type: ignore[arg-type]
    options = StreamOptions(labels=("u", "v"), activation="sigmoid")
    found = read_streams(write_archive(tmp_path), (source,), options)
    assert [each.labels for each in found.streams] == [(0, 1), (), (1,)]


def test_spans_and_steps_of_an_archive(tmp_path: Path) -> None:
    """A stream that has a label as a whole but no span of it is not judged; steps and masks may be arrays."""
    write_archive(tmp_path)
    (tmp_path / "shot.tsv").write_text(
        "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\np_0\t0.5\t2\t/m/1\nother_0\t0\t1\t/m/1\n"
    )
    options = StreamOptions(labels=("shot",), activation="sigmoid")
    common: dict[str, Any] = {"archive": "a.npz", "features": "X", "stream": "ids", "first": "first", "count": "count"}
    source = ArraySource(
        **common, start="start", label="labels", label_names=("shot", "other"), spans={"shot": "shot.tsv"},
        weak={"shot": ["other"]},
    )  # fmt: skip
    found = read_streams(tmp_path, (source,), options)
    assert [each.name for each in found.streams] == ["p_0", "q_30000", "r_2500"]
    assert found.positive(found.streams[0])[:, 0].tolist() == [True, True]
    assert [bool(found.judged(each).all()) for each in found.streams] == [True, False, False]
    source = ArraySource(**common, steps={"shot": "a.npz:shot"}, judged={"shot": "a.npz:judged"})
    found = read_streams(tmp_path, (source,), options)
    assert found.positive(found.streams[1])[:, 0].tolist() == [False, False, True]
    assert [bool(found.judged(each).all()) for each in found.streams] == [True, False, True]


def test_a_table_of_spans_of_other_streams_is_refused(tmp_path: Path) -> None:
    write_archive(tmp_path)
    (tmp_path / "shot.csv").write_text("stream,label,begin,end\nz,shot,0,1\n")
    source = ArraySource(
        archive="a.npz", features="X", stream="ids", first="first", count="count", spans={"shot": "shot.csv"}
    )
    with pytest.raises(TrainingError, match=r"shot.csv: labels 1 streams, of which none is in a.npz; .*`p`"):
        read_streams(tmp_path, (source,), StreamOptions(labels=("shot",), activation="sigmoid"))


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    source = ArraySource(archive="a.npz", features="Z")
    with pytest.raises(TrainingError, match=r"a.npz has no array `Z`; it has X, row_ids"):
        read_streams(write_archive(tmp_path), (source,), ONE)
    with pytest.raises(TrainingError, match=r"names .*b.npz, which does not exist"):
        read_streams(tmp_path, (ArraySource(archive="b.npz"),), ONE)


def numbered(tmp_path: Path, lengths: list[int]) -> StreamSet:
    """Streams whose features are 100 times their number, plus the step; the label is the number."""
    index = "stream,file,labels\n" + "".join(f"s{n},s{n}.npy,{n}\n" for n in range(len(lengths)))
    arrays: dict[str, Any] = {f"s{n}": 100 * n + np.arange(length)[:, None] for n, length in enumerate(lengths)}
    return read_streams(write_folder(tmp_path, index, **arrays), (), ONE)


def test_a_part_of_the_training_streams_is_held_out_to_choose_by(tmp_path: Path) -> None:
    """The same streams whatever else is there, about as many as asked for, and none of the test part."""
    index = "stream,file,labels,split\n" + "".join(f"s{n},a.npy,{n % 2},train\n" for n in range(400))
    write_folder(tmp_path, index + "t,a.npy,0,test\n", a=ramp(3))
    (tmp_path / "labels.csv").write_text("label\n0\n1\n")
    found = read_streams(tmp_path, (), StreamOptions(validation=0.2))
    held_out = {stream.name for stream in found.of(held_out=True)}
    assert len(found.streams) == 400 and 50 < len(held_out) < 110 and "t" not in held_out
    (tmp_path / "streams.csv").write_text("stream,file,labels\n" + "".join(f"s{n},a.npy,0\n" for n in range(0, 400, 2)))
    fewer = read_streams(tmp_path, (), StreamOptions(validation=0.2))
    assert {stream.name for stream in fewer.of(held_out=True)} == held_out & {f"s{n}" for n in range(0, 400, 2)}
    with pytest.raises(TrainingError, match="--validation is 1; it is a share"):
        read_streams(tmp_path, (), StreamOptions(validation=1.0))


def test_streams_are_concatenated_and_labels_follow(tmp_path: Path) -> None:
    streams = numbered(tmp_path, [5, 7, 9, 6])
    sequences = FeatureSequences(streams, StreamOptions(length=20, settle=2), cold_fraction=0.0)
    assert sequences.count == round(27 / 20)
    chunk = sequences.chunk(np.arange(50), np.random.default_rng(0))
    assert chunk.inputs.shape == (50, 20, 1) and chunk.labels.shape == (50, 20)
    number, step = np.divmod(chunk.inputs[..., 0].numpy().astype(int), 100)
    assert np.array_equal(number, chunk.labels.numpy())
    # Inside a stream steps follow each other, and a new one begins at its beginning, when the one before has ended.
    same = number[:, 1:] == number[:, :-1]
    follows = step[:, 1:] == step[:, :-1] + 1
    assert (follows | (step[:, 1:] == 0)).all() and (~same).any() and (step[:, 0] > 0).any()
    ended = step[:, :-1] == np.array([5, 7, 9, 6])[number[:, :-1]] - 1
    assert np.array_equal(~follows, ended)
    assert np.array_equal(chunk.weights.numpy() == 0, step < 2)


def test_streams_by_themselves_and_their_last_tokens(tmp_path: Path) -> None:
    streams = numbered(tmp_path, [5, 7])
    chunk = FeatureSequences(streams, ONE, frames=2, last_weight=3.0).chunk(np.arange(2), np.random.default_rng(0))
    assert chunk.inputs.shape == (2, 8, 1) and chunk.labels.shape == (2, 4)
    assert chunk.weights.tolist() == [[1, 1, 0, 0], [1, 1, 1, 0]]


def test_windows_have_one_target_each(tmp_path: Path) -> None:
    streams = numbered(tmp_path, [5, 30, 9])
    sequences = FeatureSequences(streams, ONE, window=12)
    sizes = set()
    for seed in range(20):
        chunk = sequences.chunk(np.arange(3), np.random.default_rng(seed))
        sizes.add(chunk.inputs.shape[1])
        assert (chunk.weights[:, :-1] == 0).all() and (chunk.weights[:, -1] == 1).all()
        assert np.array_equal(chunk.inputs[:, -1, 0].numpy() // 100, chunk.labels[:, -1].numpy())
    assert 12 in sizes and min(sizes) < 12 and max(sizes) == 12
