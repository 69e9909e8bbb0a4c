"""`prepare`: the folders of a recipe, made of small recordings and packages."""

from __future__ import annotations

import csv
import json
import shutil
import wave
from pathlib import Path
from typing import Any

import pytest

from classifier_training.cli import main
from classifier_training.dataset import read_dataset
from classifier_training.options import DataOptions
from classifier_training.spoken import thesaurus_words, without_marks


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Words of two speakers, one of whom the rule holds out; a table; packages that need not be fetched."""
    folder = tmp_path / "data"
    # By sha256("0:SPEAKER") the speaker a is at 0.62 and h at 0.09, below the fraction 0.2 that is held out.
    takes = [f"{speaker}_nohash_{take}.wav" for speaker in "ah" for take in (0, 1)]
    write(folder / "words", *(f"{word}/{take}" for word in ("no", "yes") for take in takes), "_noise_/h_nohash_0.wav")
    write(folder / "table" / "audio", *(f"{number}.wav" for number in range(6)))
    rows = [(f"{number}.wav", "xyz"[number % 3], "train" if number < 4 else "val", number > 0) for number in range(6)]
    with (folder / "table" / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("filename", "kind", "split", "good"), *rows])
    write(
        tmp_path / "packages" / "tunes", "usr/share/en/1.ogg", "usr/share/fr/2.ogg", "usr/share/en/3.txt", "copyright"
    )
    return folder


def prepared(data: Path, sources: list[dict[str, Any]], purpose: str = "train") -> int:
    recipe = data.parent / "recipe.json"
    recipe.write_text(json.dumps({"sources": sources}))
    places = ["--data", str(data), "--out", str(data.parent / "out"), "--packages", str(data.parent / "packages")]
    return main(["prepare", str(recipe), *places, "--for", purpose])


def files(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


TABLE = {"table": "table/rows.csv", "audio_folder": "audio", "label_column": "kind"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"copy": {"words/yes": "positive"}}, [f"positive/{s}_nohash_{take}.wav" for s in "ah" for take in (0, 1)]),
        ({"folder": "words", "labels": ["no"], "every": 3}, ["no/a_nohash_0.wav", "no/h_nohash_1.wav"]),
        (
            {"folder": "words", "without_labels": ["no"], "first": 1, "every": 2, "into": "{label}-{name}"},
            ["yes-a_nohash_1.wav", "yes-h_nohash_1.wav"],
        ),
        (
            {"folder": "words", "split": "speaker", "keep": "train", "files": "_0"},
            ["no/a_nohash_0.wav", "yes/a_nohash_0.wav"],
        ),
        ({"folder": "words", "split": "train", "keep": "train", "labels": ["_noise_"]}, ["_noise_/h_nohash_0.wav"]),
        (
            {**TABLE, "where": {"good": "True"}, "into": "{label}/{path}"},
            ["x/3.wav", "y/1.wav", "y/4.wav", "z/2.wav", "z/5.wav"],
        ),
        # Every second row is counted before those of the other side are left out.
        ({**TABLE, "every": 2, "split": "column", "keep": "train"}, ["0.wav", "2.wav"]),
        (
            {**TABLE, "labels_in_a_group": 2, "into": "{group}/{path}"},
            ["0/0.wav", "0/1.wav", "0/3.wav", "0/4.wav", "1/2.wav", "1/5.wav"],
        ),
        ({"packages": ["tunes"], "files": r"^(?!(.*/)?fr/).*\.ogg$"}, ["usr/share/en/1.ogg"]),
        (
            {"packages": ["tunes"], "files": "share/(?P<language>..)/", "into": "{package}-{language}/{name}"},
            ["tunes-en/1.ogg", "tunes-en/3.txt", "tunes-fr/2.ogg"],
        ),
    ],
)
def test_a_source(data: Path, source: dict[str, Any], expected: list[str]) -> None:
    assert prepared(data, [source]) == 0
    assert files(data.parent / "out" / "clips") == expected


def test_listed_files_are_a_data_set(data: Path) -> None:
    words: dict[str, Any] = {"folder": "words", "split": "speaker", "without_labels": ["_noise_"], "listed": True}
    assert prepared(data, [{**TABLE, "split": "column", "labels": ["y", "z"], "listed": True}, words]) == 0
    dataset = read_dataset(data.parent / "out" / "clips", DataOptions(split="column"))
    held_out = {clip.file for clip in dataset.of(held_out=True)}
    assert held_out == {"4.wav", "5.wav", *(f"{word}/h_nohash_{take}.wav" for word in ("no", "yes") for take in (0, 1))}
    assert len(dataset.clips) == 12


def test_all_files_of_a_source_may_have_one_label(data: Path) -> None:
    others = {"folder": "words", "split": "speaker", "listed": True, "label": "other", "into": "other/{label}_{name}"}
    table: dict[str, Any] = {**TABLE, "split": "column", "listed": True, "labels": ["y", "z"]}
    assert prepared(data, [table, others]) == 0
    dataset = read_dataset(data.parent / "out" / "clips", DataOptions(split="column"))
    assert dataset.labels == ("other", "y", "z")
    assert {clip.group for clip in dataset.clips if clip.label == "other"} == {"a", "h"}


def write_thesaurus(folder: Path) -> None:
    """Entries with the letters of a number as their only other meaning, a mark on one letter, and a phrase."""
    words = [f"n\u0303{''.join('aeioubdfgl'[int(digit)] for digit in f'{number:03}')}" for number in range(200)]
    lines = ["UTF-8", *(line for word in words for line in (f"word {word}|1", f"(noun)|{word}|two words"))]
    folder.mkdir(parents=True)
    (folder / "th_xx.dat").write_text("\n".join(lines), encoding="utf-8")


def test_the_words_of_a_thesaurus(tmp_path: Path) -> None:
    write_thesaurus(tmp_path / "usr")
    words = thesaurus_words(tmp_path, "")
    assert len(words) == 200 and len(set(words)) == 200 and all(without_marks(word).isalpha() for word in words)
    # Of the 1,000 numbers the first 200 begin with the letters a and e: 100 each.
    assert sorted(thesaurus_words(tmp_path, "^na")) == sorted(word for word in words if without_marks(word)[1] == "e")


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_a_thesaurus_is_read(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classifier_training.spoken._SENTENCES", 1)
    write_thesaurus(data.parent / "packages" / "words" / "usr")
    read = {"thesaurus": "words", "language": "en", "files": "^(?P<voice>m1|f2)/", "into": "{voice}.wav"}
    assert prepared(data, [read]) == 0
    assert files(data.parent / "out" / "clips") == ["f2.wav", "m1.wav"]
    for file in (data.parent / "out" / "clips").iterdir():
        with wave.open(str(file)) as sound:
            assert 1 < sound.getnframes() / sound.getframerate() < 20  # eight words


def test_parts_and_the_options_that_read_them(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources: list[dict[str, Any]] = [
        {"folder": "words"},
        {"part": "recordings", "packages": ["tunes"]},
        {"part": "other", "packages": ["tunes"], "files": "fr/"},
    ]
    out = data.parent / "out"
    assert prepared(data, sources) == 0
    assert capsys.readouterr().out.split() == ["--data", f"{out}/clips", "--recordings", f"{out}/recordings"]
    assert prepared(data, sources, "evaluate") == 0
    assert capsys.readouterr().out.split() == ["--data", f"{out}/clips", "--recordings", f"{out}/other"]
    measured = {"part": "measured", "copy": {"words/no": "."}}
    classes = {"part": "classes", "copy": {"table/rows.csv": "clips.csv"}}
    assert prepared(data, [*sources, measured, classes], "evaluate") == 0
    options = ["--data", f"{out}/measured", "--recordings", f"{out}/other", "--classes", f"{out}/classes/clips.csv"]
    assert sorted(capsys.readouterr().out.split()) == sorted(options)


def test_a_part_is_made_once(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepared(data, [{"folder": "words"}]) == 0
    write(data / "words", "yes/new.wav")
    assert prepared(data, [{"folder": "words"}]) == 0
    assert "yes/new.wav" not in files(data.parent / "out" / "clips")
    assert prepared(data, [{"folder": "words", "every": 2}]) == 78
    assert "was made of other sources" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        ({"folder": "nothing"}, 66, "nothing is not a folder"),
        ({"table": "nothing.csv"}, 66, "cannot read"),
        ({"table": "table/rows.csv"}, 65, "has no column 'label'"),
        ({"copy": {"nothing": "."}}, 66, "no such file"),
        ({"folder": "words", "into": "{colour}"}, 78, "unknown field"),
        ({"folder": "words", "into": "{label}"}, 78, "two files become no"),
        ({"folder": "words", "table": "table/rows.csv"}, 78, "exactly one of copy, folder, table"),
        ({"folder": "words", "fodler": "words"}, 78, r"unknown key `sources[0].fodler`"),
        ({"thesaurus": "tunes"}, 78, "name the `language`"),
        ({"thesaurus": "tunes", "language": "en"}, 65, "has no thesaurus"),
        ({"folder": "words", "without_words": "("}, 78, "`without_words` is no regular expression"),
        ({"folder": "words", "part": "clip"}, 78, "it is one of clips, recordings"),
        ({"folder": "words", "files": "("}, 78, "`files` is no regular expression"),
    ],
)
def test_mistakes_are_named(
    data: Path, capsys: pytest.CaptureFixture[str], source: dict[str, Any], status: int, message: str
) -> None:
    assert prepared(data, [source]) == status
    assert message in capsys.readouterr().err
    assert not (data.parent / "out" / "clips").exists()
