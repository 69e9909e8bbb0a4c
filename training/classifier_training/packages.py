"""Sounds of Debian's packages: recordings, and sound fonts whose instruments play phrases."""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from collections.abc import Collection
from pathlib import Path

from .errors import TrainingError
from .progress import say

AUDIO_OR_FONT = {".wav", ".ogg", ".oga", ".mp3", ".flac", ".opus", ".sf2"}
_TICKS = 480  # in a quarter note of half a second
_DRUMS = 128  # as an instrument's number
_TAKES, _DRUM_TAKES = 2, 10


def fetch_package(package: str, packages: Path, suffixes: Collection[str] = AUDIO_OR_FONT) -> Path:
    """The folder with a package's copyright file and its files with these suffixes, fetched if not in `packages`."""
    packages = packages.resolve()
    folder = packages / package
    if folder.exists():
        return folder
    packages.mkdir(parents=True, exist_ok=True)
    say(f"fetching {package}")
    with tempfile.TemporaryDirectory(dir=packages, prefix=".") as work:
        run(["apt-get", "download", "-q", package], Path(work))
        (archive,) = Path(work).glob("*.deb")
        unpacked = Path(work) / "files"
        run(["dpkg-deb", "-x", str(archive), str(unpacked)], Path(work))
        for file in unpacked.rglob("*"):
            wanted = file.suffix.lower() in suffixes or file.name == "copyright"
            if file.is_symlink() or (file.is_file() and not wanted):
                file.unlink()
        unpacked.rename(folder)
    return folder


def play_instruments(package: str, packages: Path) -> Path:
    """The folder with phrases of each instrument of a package's sound font, as WAV files; missing ones are played."""
    try:
        sound_font = next(fetch_package(package, packages).rglob("*.sf2"))
    except StopIteration:
        raise TrainingError(f"the package {package} has no sound font (.sf2)") from None
    packages = packages.resolve()
    folder = packages / f"{package}-instruments"
    folder.mkdir(parents=True, exist_ok=True)
    for program in range(_DRUMS + 1):
        for take in range(_DRUM_TAKES if program == _DRUMS else _TAKES):
            out = folder / f"{program:03}-{take}.wav"
            if out.exists():
                continue
            with tempfile.TemporaryDirectory(dir=packages, prefix=".") as work:
                midi, wave = Path(work) / "phrase.mid", Path(work) / "phrase.wav"
                midi.write_bytes(phrase(program, 1000 * take + program))
                settings = ["-ni", "-q", "-g", "0.6", "-r", "16000", "-F", str(wave)]
                run(["fluidsynth", *settings, str(sound_font), str(midi)], Path(work))
                wave.rename(out)
    return folder


def phrase(program: int, seed: int) -> bytes:
    """A MIDI file of about 20 seconds: notes and chords of one instrument, or of the drums."""
    rng = random.Random(seed)
    is_drums = program == _DRUMS
    channel = 9 if is_drums else 0
    track = b"" if is_drums else bytes([0, 0xC0, program])
    beat = 0.0
    while beat < 40:
        length = rng.choice([0.5, 0.5, 1, 1, 2, 4])
        low, high = (35, 81) if is_drums else (40, 84)
        notes = rng.sample(range(low, high), rng.choice([1, 1, 1, 2, 3]))
        for note in notes:
            track += bytes([0, 0x90 | channel, note, rng.randint(50, 120)])
        wait = _number(int(length * _TICKS))
        for note in notes:
            track += wait + bytes([0x80 | channel, note, 0])
            wait = b"\0"
        beat += length
    track += b"\0\xff\x2f\0"
    header = b"MThd" + (6).to_bytes(4, "big") + bytes([0, 0, 0, 1]) + _TICKS.to_bytes(2, "big")
    return header + b"MTrk" + len(track).to_bytes(4, "big") + track


def _number(value: int) -> bytes:
    """MIDI's variable-length quantity."""
    data = [value & 127]
    while value := value >> 7:
        data.append(value & 127 | 128)
    return bytes(reversed(data))


def run(command: list[str], folder: Path) -> None:
    """Runs a command in a folder; a failure is an error with its message."""
    if not shutil.which(command[0]):
        raise TrainingError(f"{command[0]} was not found; install it, or leave the source with the packages out", 69)
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode:
        raise TrainingError(f"{' '.join(command)} failed: {result.stderr.strip() or result.stdout.strip()}", 69)
