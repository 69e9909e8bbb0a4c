"""The installed package: equal to the program's own output, and clear when something is wrong."""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import signal
import subprocess
import sys
import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import audio_classifier
from audio_classifier.program import PACKAGE, environment, find_program

SOUNDS = Path("/usr/share/sounds/alsa")
MODEL = "keywords-en"


def program(*arguments: str) -> str:
    """Standard output of the package's program."""
    done = subprocess.run([find_program(), *arguments], capture_output=True, text=True, check=False, env=environment())
    assert done.returncode in (0, 65), done.stderr
    return done.stdout


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """A folder with real recordings, one broken, one cut, one in an unknown format, a hidden one, odd names."""
    folder = tmp_path / "recordings"
    (folder / "more").mkdir(parents=True)
    for file in sorted(SOUNDS.glob("*.wav")):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "more" / "line\nbreak, größe.wav").write_bytes((SOUNDS / "Front_Left.wav").read_bytes())
    (folder / ".hidden.wav").write_bytes(b"")
    (folder / "broken.wav").write_bytes(b"RIFF" + bytes(100))
    (folder / "cut.wav").write_bytes((SOUNDS / "Front_Left.wav").read_bytes()[:-5001])
    (folder / "talk.m4a").write_bytes(b"\0" * 100)
    return folder


@pytest.fixture(scope="module")
def classifier() -> Iterator[audio_classifier.Classifier]:
    with audio_classifier.Classifier(MODEL) as classifier:
        yield classifier


def test_the_package_is_complete() -> None:
    assert find_program() == str(PACKAGE / "bin" / "audio-classifierd")
    libraries = subprocess.run(["ldd", find_program()], capture_output=True, text=True, check=True).stdout
    used = dict(line.strip().split(" (")[0].split(" => ") for line in libraries.splitlines() if " => " in line)
    own = {name for name, path in used.items() if "audio_classifier.libs" in path}
    assert any(name.startswith("libsndfile") for name in own)
    # Of the system, only what every manylinux platform has.
    system = ("libc.", "libm.", "libgcc_s.", "libstdc++.", "libpthread.", "libdl.", "librt.", "libresolv.", "libz.")
    assert all(name.startswith(system) for name in set(used) - own), used
    assert (PACKAGE / "py.typed").exists()
    assert audio_classifier.describe("general").labels[0] == "Speech"


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ([], {}),
        (["--window", "0.5", "--top-k", "2"], {"window": 0.5, "top_k": 2}),
        (["--emit", "events", "--threshold", "0.2"], {"emit": "events", "threshold": 0.2}),
        (["--emit", "frames", "--every", "5"], {"emit": "frames", "every": 5}),
        (["--start-time-from", "mtime"], {"start_time_from": "mtime"}),
        (["--deny", "left", "--deny", "right"], {"deny": ["left", "right"]}),
    ],
)
def test_a_folder_gives_the_rows_of_the_program(recordings: Path, options: list[str], settings: dict) -> None:
    text = program("classify", str(recordings), "--model", MODEL, "--format", "csv", *options)
    expected = list(csv.DictReader(io.StringIO(text)))
    frame = audio_classifier.classify(recordings, model=MODEL, **settings)
    assert len(expected) > 8  # a row or more for each recording and each failure
    # The program has skipped files in their place, the table at its end.
    key = lambda row: (row.get("file", row.get("stream")) or "").encode()  # noqa: E731
    expected.sort(key=key)
    observed = sorted(frame.to_dict("records"), key=lambda row: row["file"].encode())
    assert len(observed) == len(expected)
    for row, reference in zip(observed, expected):
        for column, text in reference.items():
            value = row["file" if column == "stream" else column]
            if text == "":
                assert value is None or value != value or str(value) == "<NA>", (column, value)
            elif column == "time":
                moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
                assert abs(value.timestamp() - moment.timestamp()) < 2e-3
            elif column == "warm":
                assert bool(value) == (text == "true")
            elif isinstance(value, str):
                assert value == text
            else:
                assert float(value) == float(text), (column, reference)
    errors = [row["error"] for row in observed if row["file"].endswith(("broken.wav", "talk.m4a"))]
    assert len(errors) == 2 and all(isinstance(error, str) for error in errors)
    cut = [row["error"] for row in observed if str(row["error"]).startswith("cut: ")]
    assert len(cut) == 1 and "5001 bytes more" in cut[0]


def test_records_are_those_of_the_program(recordings: Path, classifier: audio_classifier.Classifier) -> None:
    files, skipped = classifier.find(recordings)
    text = program("classify", str(recordings), "--model", MODEL, "--emit", "frames")
    expected = [json.loads(line) for line in text.splitlines()]
    observed = [record for result in classifier.results(files, emit="frames") for record in result.records]
    assert observed == [record for record in expected if record["type"] not in ("skipped", "error")]
    cut = next(result for result in classifier.results(files) if result.file.endswith("cut.wav"))
    assert cut.error is None and cut.warnings and cut.cut == "; ".join(cut.warnings)
    assert [Path(result.file).name for result in skipped] == ["talk.m4a"]


def test_bytes_give_the_result_of_the_file(classifier: audio_classifier.Classifier) -> None:
    path = str(SOUNDS / "Front_Left.wav")
    recording = audio_classifier.Recording(path, Path(path).read_bytes())
    (file,) = classifier.results([path])
    (data,) = classifier.results([recording])
    assert file == data and file.records


@pytest.mark.parametrize("kind", ["float32", "float64", "int16"])
def test_a_stream_gives_what_the_program_gives(
    classifier: audio_classifier.Classifier, tmp_path: Path, kind: str
) -> None:
    with wave.open(str(SOUNDS / "Front_Left.wav")) as sound:
        rate, channels = sound.getframerate(), sound.getnchannels()
        integers = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, channels)
    samples = integers if kind == "int16" else (integers / 32768).astype(kind)
    blocks = (samples[start : start + 777] for start in range(0, len(samples), 777))
    observed = list(classifier.stream(blocks, rate=rate, emit="frames"))
    (tmp_path / "raw").write_bytes(integers.tobytes())
    options = ["--model", MODEL, "--rate", str(rate), "--channels", str(channels), "--input-format", "raw"]
    text = program("run", str(tmp_path / "raw"), *options)
    expected = [json.loads(line) for line in text.splitlines() if line.startswith('{"type":"frame"')]
    assert len(observed) == len(expected) > 20
    for value, record in zip(observed, expected):
        assert isinstance(value, audio_classifier.Prediction)
        assert (value.frame, value.sample, value.t, value.dbfs) == tuple(
            record[key] for key in ("frame", "sample", "t", "dbfs")
        )
        assert [(score.label, score.p) for score in value.top] == [(top["label"], top["p"]) for top in record["top"]]


def test_predictions_come_while_the_stream_goes_on(classifier: audio_classifier.Classifier) -> None:
    heard = threading.Event()

    def blocks() -> Iterator[np.ndarray]:
        yield np.zeros(16000, np.float32)
        assert heard.wait(60), "no prediction came before the end of the samples"

    for _ in classifier.stream(blocks(), emit="frames"):
        heard.set()
    assert heard.is_set()


def test_an_error_of_the_samples_reaches_the_caller(classifier: audio_classifier.Classifier) -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield np.zeros(1600, np.float32)
        raise LookupError("the microphone is gone")

    with pytest.raises(LookupError, match="microphone"):
        list(classifier.stream(blocks()))
    with pytest.raises(TypeError, match="unlike the first"):
        list(classifier.stream([np.zeros(9, np.float32), np.zeros(9, np.int16)]))
    with pytest.raises(audio_classifier.RequestError, match="finite"):
        list(classifier.stream([np.full(16000, np.nan, np.float32)]))
    stream = classifier.stream((np.zeros(1600, np.float32) for _ in range(10**9)), emit="frames")
    next(stream)
    stream.close()
    assert classifier.describe().name == MODEL


def test_features_are_those_of_the_program(classifier: audio_classifier.Classifier, tmp_path: Path) -> None:
    path = SOUNDS / "Front_Left.wav"
    for stage in ("features", "samples"):
        program("features", str(path), "--model", MODEL, "--stage", stage, "--out", str(tmp_path / "out.npy"))
        expected = np.load(tmp_path / "out.npy")
        observed = classifier.features(path, stage=stage)
        assert observed.dtype == np.float32 and observed.shape == expected.shape
        assert np.array_equal(observed, expected)
    with pytest.raises(audio_classifier.RequestError, match="not_found"):
        classifier.features("nowhere.wav")


def test_a_wrong_setting_is_an_error(classifier: audio_classifier.Classifier) -> None:
    path = SOUNDS / "Front_Left.wav"
    with pytest.raises(audio_classifier.RequestError, match="top_k"):
        classifier.classify([path], top_q=3)
    with pytest.raises(audio_classifier.RequestError, match="nolabel"):
        classifier.classify([path], deny="nolabel")
    with pytest.raises(audio_classifier.RequestError, match="model_not_found"):
        audio_classifier.classify(path, model="no-such-model")


def test_relative_paths_survive_a_change_of_folder(
    classifier: audio_classifier.Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SOUNDS)
    (result,) = classifier.results(["Front_Left.wav"])
    assert result.error is None and result.records[0]["file"] == "Front_Left.wav"


def test_a_name_outside_utf8(classifier: audio_classifier.Classifier, tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/l\xe9.wav")
    Path(name).write_bytes((SOUNDS / "Front_Left.wav").read_bytes())
    files, _ = classifier.find(tmp_path)
    assert files == [name]
    (result,) = classifier.results(files)
    assert result.error is None and result.file.endswith("l\\xE9.wav")


def test_a_dead_program_is_an_error_that_says_so() -> None:
    classifier = audio_classifier.Classifier(MODEL)
    blocks = (np.zeros(16000, np.float32) for _ in range(10**6))
    stream = classifier.stream(blocks, emit="frames")
    next(stream)
    os.kill(classifier.pid, signal.SIGKILL)
    with pytest.raises(audio_classifier.ProgramDied, match="SIGKILL"):
        list(stream)
    with pytest.raises(audio_classifier.ProgramDied):
        classifier.classify([SOUNDS / "Front_Left.wav"])
    classifier.close()


def test_a_missing_program_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIO_CLASSIFIERD", "/nowhere/audio-classifierd")
    with pytest.raises(audio_classifier.ProgramDied, match="nowhere"):
        audio_classifier.Classifier()


def test_threads_share_a_classifier(classifier: audio_classifier.Classifier) -> None:
    files = sorted(SOUNDS.glob("*.wav"))
    expected = list(classifier.results(files))
    observed: dict[int, list[audio_classifier.FileResult]] = {}
    threads = [
        threading.Thread(target=lambda key=key: observed.update({key: list(classifier.results(files))}))
        for key in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(observed[key] == expected for key in range(4))


def test_the_process_ends_with_its_classifier() -> None:
    classifier = audio_classifier.Classifier(MODEL)
    pid = classifier.pid
    classifier.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_parquet_has_the_rows_of_the_table(recordings: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    out = tmp_path / "out.parquet"
    command = [sys.executable, "-m", "audio_classifier", "classify", str(recordings), "--parquet", str(out)]
    options = ["--model", MODEL, "--window", "1", "--start-time-from", "mtime"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 65 and "2 without a result" in done.stderr, done.stderr
    expected = audio_classifier.classify(recordings, model=MODEL, window=1, start_time_from="mtime")
    observed = pq.read_table(out).to_pylist()
    assert len(observed) == len(expected)
    for row, reference in zip(observed, expected.to_dict("records")):
        assert (row["file"], row["label"], row["error"]) == tuple(
            None if str(reference[key]) in ("<NA>", "nan", "None") else reference[key]
            for key in ("file", "label", "error")
        )
        assert row["p"] is None or row["p"] == reference["p"]
        assert row["time"] is None or abs(row["time"].timestamp() - reference["time"].timestamp()) < 1e-3
    assert set(os.listdir(tmp_path)) == {"out.parquet", "recordings"}
    missing = subprocess.run([*command[:-1], "/nowhere/out.parquet"], capture_output=True, text=True, check=False)
    assert missing.returncode == 74 and "nowhere" in missing.stderr
