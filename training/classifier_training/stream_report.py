"""The figures of a model in streams: false events an hour, events reported in each condition, other words refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .conditions import Condition, conditions
from .dataset import SILENCE, Clip
from .intervals import Figure, rate, ratio
from .program import Program
from .progress import say
from .recordings import Recordings
from .store import Store
from .streams import Place, Sound, Stream, Word, false_events, reports, stream_of_clips, stream_of_sounds

# Words in recordings without labels, by language and file name, as a recogniser heard them.
_WORDS = Path(__file__).with_name("data") / "spoken-words.json"
SILENT = "silence"  # a kind that all models are measured by
_SILENCE_SECONDS = 600
_HISS_DBFS, _HISS_LEVELS = (-90.0, -50.0), 7
_SHOWN = 3  # labels of false events
_SEED = 0


@dataclass(frozen=True)
class StreamReport:
    """The figures by the name of a kind of sound, or of a condition."""

    false: dict[str, tuple[float, Figure, Counter[str]]] = field(default_factory=dict)  # hours, events an hour, labels
    # The share of the clips, and the share that was reported as another label, by condition.
    reported: dict[str, tuple[Figure, Figure]] = field(default_factory=dict)
    refused: Figure | None = None  # share of the background's clips that `classify` takes for the background

    def json(self) -> dict[str, Any]:
        return {
            "false_events_an_hour": {
                kind: {"hours": round(hours, 3), **figure.json(), "labels": dict(labels.most_common(_SHOWN))}
                for kind, (hours, figure, labels) in self.false.items()
            },
            "reported": {
                name: {"right": right.json(), "wrong": wrong.json()} for name, (right, wrong) in self.reported.items()
            },
            **({"refused": self.refused.json()} if self.refused else {}),
        }


def sounds_by_kind(recordings: Recordings, spoken: str = "") -> dict[str, list[Sound]]:
    """The recordings of each folder at the top, each with the folder that it is in: its speaker or album.

    `spoken` is the language of the labels' words, whose places the sounds then have.
    """
    found = json.loads(_WORDS.read_text(encoding="utf-8"))["words"].get(spoken, {})
    kinds: dict[str, list[Sound]] = {}
    for file, samples in recordings.named():
        kind, *rest = file.split("/")
        words = tuple(Word(*word) for word in found.get(Path(file).name, ()))
        kinds.setdefault(kind, []).append(Sound(rest[0] if len(rest) > 1 else file, samples, words))
    return kinds


def other_streams(kinds: dict[str, list[Sound]], rate: int) -> dict[str, Stream]:
    """A stream of each kind of sound without any of the labels, and one of silence."""
    streams = {
        kind: stream_of_sounds(sounds, rate, np.random.default_rng(_SEED)) for kind, sounds in sorted(kinds.items())
    }
    return {**streams, SILENT: _silence(rate)}


def clip_stream(clips: Sequence[Clip], store: Store, rate: int) -> Stream:
    """The stream in which events are reported."""
    return stream_of_clips(clips, store, rate, np.random.default_rng(_SEED))


def noise_of(kinds: dict[str, list[Sound]], count: int) -> np.ndarray | None:
    """(count,) samples of the sounds of the kind `noise` at a level of 1, one after the other."""
    sounds = kinds.get("noise")
    if not sounds:
        return None
    rng, parts, length = np.random.default_rng(_SEED), [], 0
    while length < count:
        samples = sounds[rng.integers(len(sounds))][1]
        loud = np.sqrt(np.mean(np.square(samples)) + 1e-10)
        if loud > 1e-4:
            parts.append(np.clip(samples / np.float32(loud), -4, 4))
            length += len(samples)
    return np.concatenate(parts)[:count]


def heard_in_conditions(
    clips: Sequence[tuple[Path, Sequence[Clip]]],
    background: Sequence[str],
    store: Store,
    kinds: dict[str, list[Sound]],
    rate: int,
    names: Sequence[str] = (),
) -> dict[str, Iterator[tuple[Path, Stream]]]:
    """For each condition, or those with these names, the streams of the clips, each with the model that hears it."""
    streams = [
        (model, clip_stream(labelled, store, rate))
        for model, heard in clips
        if (labelled := [clip for clip in heard if not set(clip.labels) <= set(background)])
    ]
    if not streams:
        return {}
    found = conditions(noise_of(kinds, max(len(stream.samples) for _, stream in streams)))

    def heard_in(condition: Condition) -> Iterator[tuple[Path, Stream]]:
        return ((model, stream.with_samples(condition(stream))) for model, stream in streams)

    return {name: heard_in(condition) for name, condition in found.items() if not names or name in names}


def heard_events(model: Path, stream: Stream, program: Program) -> list[dict[str, Any]]:
    """The events of a stream, each with the time of the prediction that it starts with as its `t0`.

    The time that is reported is earlier by the model's measured delay, which is a median: it may be in the pause before
    the sound, or in the sound before that.
    """
    return [{**event, "t0": prediction_sample(event) / stream.rate} for event in program.events(model, stream.samples)]


def prediction_sample(event: dict[str, Any]) -> int:
    """The sample in an event's identity, `STREAM-SAMPLE-LABEL`: that of the prediction that it starts with."""
    return int(event["id"].removeprefix(f"{event['stream']}-").split("-")[0])


def count_false(
    model: Path, streams: dict[str, Stream], program: Program
) -> dict[str, tuple[float, Figure, Counter[str]]]:
    """For each stream its hours, the false events an hour, and their labels."""
    result = {}
    for kind, stream in streams.items():
        found = false_events(stream, heard_events(model, stream, program))
        counts = [(group, float(len(labels)), seconds / 3600) for group, (seconds, labels) in found.items()]
        labels = Counter(label for _, labels in found.values() for label in labels)
        result[kind] = (stream.seconds / 3600, rate(counts), labels)
    return result


def count_reports(streams: Iterable[tuple[Path, Stream]], program: Program) -> tuple[Figure, Figure]:
    """The share of the clips that are reported as events, and of those that are reported as another label.

    Each stream comes with the model that hears it.
    """
    clips = [clip for model, stream in streams for clip in reports(stream, heard_events(model, stream, program))]
    right = ratio([(group, float(right), 1.0) for group, right, _ in clips])
    return right, ratio([(group, float(wrong), 1.0) for group, _, wrong in clips])


def measure_streams(
    model: Path,
    clips: Sequence[tuple[Path, Sequence[Clip]]],
    background: Sequence[str],
    store: Store | None,
    kinds: dict[str, list[Sound]],
    program: Program,
) -> StreamReport:
    """All figures, on clips of which none was trained on; without them the false events alone.

    The clips come with the model that hears them: `model` itself, or those of the folds.
    """
    rate = program.frontend.sample_rate
    report = StreamReport(count_false(model, other_streams(kinds, rate), program))
    if store is None:
        return report
    for name, streams in heard_in_conditions(clips, background, store, kinds, rate).items():
        report.reported[name] = count_reports(streams, program)
        say(f"{name}: {report.reported[name][0].value:.1%} reported")
    counts = []
    for each, heard in clips:
        unknown = [clip for clip in heard if clip.label in background and clip.label != SILENCE]
        answers = program.first_labels(each, [store.samples(clip) for clip in unknown]) if unknown else []
        counts += [(clip.group, float(answer in background), 1.0) for clip, answer in zip(unknown, answers)]
    if counts:
        return StreamReport(report.false, report.reported, ratio(counts))
    return report


def _silence(rate: int) -> Stream:
    """Nothing, and hiss at some levels."""
    rng, count = np.random.default_rng(_SEED), rate * _SILENCE_SECONDS // (_HISS_LEVELS + 1)
    parts, places = [np.zeros(count, np.float32)], [Place(0, count / rate, frozenset(), "nothing")]
    for number, level in enumerate(np.linspace(*_HISS_DBFS, _HISS_LEVELS), 1):
        parts.append(rng.standard_normal(count, dtype=np.float32) * np.float32(10 ** (level / 20)))
        places.append(
            Place(number * count / rate, (number + 1) * count / rate, frozenset(), f"hiss at {level:.0f} dBFS")
        )
    return Stream(np.concatenate(parts), rate, tuple(places))
