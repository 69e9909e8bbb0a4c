"""Clips, labels and splits."""

from __future__ import annotations

from pathlib import Path

import pytest

from classifier_training.dataset import read_dataset
from classifier_training.errors import TrainingError
from classifier_training.options import DataOptions
from classifier_training.split import is_held_out


def folder_of(tmp_path: Path, files: list[str]) -> Path:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    return tmp_path


SPEECH = [
    f"{word}/{speaker:08x}_nohash_{take}.ogg" for word in ("yes", "no") for speaker in range(40) for take in (0, 1)
]
UNKNOWN = [f"_unknown_/bed_{speaker:08x}_nohash_0.ogg" for speaker in range(40)]
SILENCE = [f"_silence_/{number}.ogg" for number in range(40)]
NOISE = ["_background_noise_/hum.ogg"]


def test_a_speaker_is_on_one_side_in_every_label(tmp_path: Path) -> None:
    dataset = read_dataset(folder_of(tmp_path, SPEECH + UNKNOWN + SILENCE + NOISE), DataOptions())
    assert dataset.labels == ("_silence_", "_unknown_", "no", "yes") and dataset.noise == tuple(NOISE)
    sides: dict[str, set[bool]] = {}
    for clip in dataset.clips:
        speaker = clip.file.split("_nohash_")[0][-8:] if "_nohash_" in clip.file else clip.file
        assert clip.group == speaker
        sides.setdefault(speaker, set()).add(clip.held_out)
    assert all(len(side) == 1 for side in sides.values())
    assert 0.05 < len(dataset.of(held_out=True)) / len(dataset.clips) < 0.4


def test_the_rule_is_that_of_the_card() -> None:
    # sha256("0:022cd682") begins with de87240d, which is 0.869 of 2^32.
    assert is_held_out(0, "022cd682", 0.87) and not is_held_out(0, "022cd682", 0.86)
    assert not any(is_held_out(0, str(group), 0.0) for group in range(100))
    assert all(is_held_out(0, str(group), 1.0) for group in range(100))


def test_csv_with_its_own_split_and_fold(tmp_path: Path) -> None:
    rows = ["filename,category,speaker,split,fold,kept"]
    rows += [f"{n}.wav,{'ab'[n % 2]},s{n},{'train' if n < 6 else 'val'},{n // 2},{n != 0}" for n in range(8)]
    table = tmp_path / "clips.csv"
    table.write_text("\n".join(rows))
    by_column = read_dataset(table, DataOptions(label_column="category", split="column"))
    assert [clip.file for clip in by_column.of(held_out=True)] == ["6.wav", "7.wav"]
    assert [clip.group for clip in by_column.of(held_out=True)] == ["s6", "s7"]
    by_fold = read_dataset(
        table, DataOptions(label_column="category", split="fold", held_out_folds=("1",), where="kept=True")
    )
    assert [clip.file for clip in by_fold.of(held_out=True)] == ["2.wav", "3.wav"] and len(by_fold.clips) == 7


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no audio files"),
        (["a/1.wav", "a/2.wav"], "one label only"),
        (["a/1.wav", "a/2.wav", "b/1.wav"], "`b` has one clip only"),
    ],
)
def test_unusable_folders_are_refused(tmp_path: Path, files: list[str], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        read_dataset(folder_of(tmp_path, files), DataOptions(split="random"))


def test_a_label_that_is_on_one_side_only_is_refused(tmp_path: Path) -> None:
    files = [f"{label}/{n}.wav" for label in "ab" for n in range(2)]
    with pytest.raises(TrainingError, match="none of its 2 clips is held out"):
        read_dataset(folder_of(tmp_path, files), DataOptions(split="random", held_out_fraction=0.0))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("file,label\na.wav,a\n")
    with pytest.raises(TrainingError, match="no column `filename`; it has file, label"):
        read_dataset(tmp_path / "clips.csv", DataOptions(split="random"))


def test_parts_of_recordings(tmp_path: Path) -> None:
    """Rows with an onset and an offset are parts of a file, which stay on one side of the split."""
    rows = ["filename,label,onset,offset"]
    rows += [f"{n // 4}.wav,{'ab'[n % 2]},{n % 4},{n % 4 + 0.5}" for n in range(80)] + ["20.wav,a,,"]
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    dataset = read_dataset(tmp_path / "clips.csv", DataOptions(split="speaker"))
    assert dataset.clips[5].span == (1.0, 1.5) and dataset.clips[5].file == "1.wav"
    assert dataset.clips[80].span is None and len({clip.name for clip in dataset.clips}) == 81
    sides: dict[str, set[bool]] = {}
    for clip in dataset.clips:
        sides.setdefault(clip.file, set()).add(clip.held_out)
    assert all(len(side) == 1 for side in sides.values()) and len(dataset.of(held_out=True)) > 4


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("c.wav,a,x,2", "line 4 .c.wav.: onset `x` and offset `2` must be seconds"),
        ("c.wav,a,2,", "line 4 .c.wav.: onset `2` and offset `` must be seconds"),
        ("c.wav,a,2,1.5", "from onset 2 to offset 1.5 there is no sound"),
        ("c.wav,,,", "line 4: no label"),
        (",a,,", "line 4: no filename"),
        ("c.wav", "line 4: no label"),
    ],
)
def test_unusable_rows_are_refused(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "clips.csv").write_text(f"filename,label,onset,offset\na.wav,a,,\nb.wav,b,,\n{row}\n")
    with pytest.raises(TrainingError, match=message):
        read_dataset(tmp_path / "clips.csv", DataOptions(split="random"))


def test_a_table_of_another_program(tmp_path: Path) -> None:
    """Excel's mark at the beginning is no part of a column's name; letters that are not UTF-8 are refused."""
    table = tmp_path / "t.csv"
    rows = "filename,label\n" + "".join(f"{n}.wav,{label}\n" for n, label in enumerate("aabb"))
    table.write_text("\ufeff" + rows, encoding="utf-8")
    options = DataOptions(split="random", held_out_fraction=0.5)
    assert read_dataset(table, options).labels == ("a", "b")
    table.write_text(rows.replace("a", "ä"), encoding="latin-1")
    with pytest.raises(TrainingError, match="save the table as UTF-8"):
        read_dataset(table, options)
