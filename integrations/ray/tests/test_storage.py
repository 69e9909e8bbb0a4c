"""The plan, the journal and the storage, without a cluster."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from audio_classifier_ray.errors import ArchiveError
from audio_classifier_ray.inputs import ENDINGS, find_recordings
from audio_classifier_ray.journal import Journal, partition
from audio_classifier_ray.settings import Settings
from audio_classifier_ray.storage import File, Store, attempt


def files(count: int, folder: str = "/a") -> list[File]:
    return [File(f"{folder}/{number}.wav", number, "1") for number in range(count)]


def test_a_planned_file_keeps_its_block(tmp_path: Path) -> None:
    journal = Journal(Store(), str(tmp_path))
    first, _ = journal.plan(files(10), 4, Settings())
    assert [len(block.files) for block in first] == [4, 4, 2]
    # A file that is new and sorts before the others, and one that has changed.
    grown = [File("/a/.0.wav", 1, "1"), *files(9), File("/a/9.wav", 9, "2")]
    second, changed = journal.plan(grown, 4, Settings())
    assert changed == 1
    assert {block.name for block in first} < {block.name for block in second}
    paths = [file.path for block in second for file in block.files]
    assert len(paths) == len(set(paths)) == 11
    assert len({block.output for block in second}) == len(second)
    assert sorted(block.name for block in journal.blocks()) == sorted(block.name for block in second)


def test_other_settings_are_refused(tmp_path: Path) -> None:
    journal = Journal(Store(), str(tmp_path))
    journal.open(Settings(), "hash")
    journal.open(Settings(), "hash")
    with pytest.raises(ArchiveError, match=r"window: None before, 3 now.*another output"):
        journal.open(Settings(window=3), "hash")
    with pytest.raises(ArchiveError, match="model_sha256"):
        journal.open(Settings(), "other")


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("/a/20260501_043000.wav", "date=2026-05-01"),
        ("/a/SMM_2026-05-01T04.wav", "date=2026-05-01"),
        ("s3://b/x_20260501043000.wav", "date=2026-05-01"),
        ("/a/123456789.wav", "date=unknown"),
        ("/a/dog.wav", "date=unknown"),
    ],
)
def test_partitions(path: str, day: str) -> None:
    assert partition(File(path, 1, ""), Settings(partition_by="date")) == day
    assert partition(File("/x/a=b c/1.wav", 1, ""), Settings()) == "source=a%3Db%20c"
    assert partition(File("1.wav", 1, ""), Settings()) == "source=_"


def test_inputs(tmp_path: Path) -> None:
    for name in ("a/2.wav", "a/1.FLAC", "a/.hidden.wav", "a/.more/3.wav", "a/notes.txt", "b.bin"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "list").write_text(f"# two\n{tmp_path}/a/2.wav\n{tmp_path}/gone.wav\n")
    found = find_recordings(Store(), [str(tmp_path / "a"), str(tmp_path / "b.bin")], [str(tmp_path / "list")])
    names = [os.path.relpath(file.path, tmp_path) for file in found]
    assert names == ["a/1.FLAC", "a/2.wav", "b.bin", "gone.wav"]
    assert found[-1].size == -1 and found[0].size == 1
    with pytest.raises(ArchiveError, match="is not there"):
        find_recordings(Store(), [str(tmp_path / "nowhere")])
    with pytest.raises(ArchiveError, match="no Parquet file"):
        find_recordings(Store(), (), (), [str(tmp_path / "list")])


def test_the_endings_are_those_of_the_program() -> None:
    source = Path(__file__).parents[3] / "Sources/audio-classifierd/Support/Files/FileSearch.swift"
    text = source.read_text().split("static let endings")[1].split("]")[0]
    assert set(text.split('"')[1::2]) == ENDINGS


def test_a_storage_that_fails_is_tried_again_and_then_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    tries = []

    def sometimes() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise TimeoutError("slow")
        return 7

    def never() -> int:
        raise TimeoutError("slow")

    def refused() -> int:
        raise OSError("InvalidAccessKeyId")

    assert attempt("read", sometimes) == 7
    with pytest.raises(ArchiveError, match=r"cannot read x: TimeoutError: slow \(4 tries\)"):
        attempt("read x", never)
    with pytest.raises(ArchiveError, match="credentials"):
        attempt("read x", refused)


def test_a_write_leaves_all_or_nothing(tmp_path: Path) -> None:
    Store().write(str(tmp_path / "x/y"), b"1")
    Store().write(str(tmp_path / "x/y"), b"2")
    assert (tmp_path / "x/y").read_bytes() == b"2" and os.listdir(tmp_path / "x") == ["y"]
