"""Sentences of a thesaurus's words, read by a synthesiser: speech in a language of which there are no recordings."""

from __future__ import annotations

import random
import re
import tempfile
import unicodedata
import zlib
from pathlib import Path

from .errors import TrainingError
from .packages import fetch_package, run
from .source import Source

# Voices of espeak-ng; each reads words that no other reads, so that a voice is heard for the first time with its words.
VOICES = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5")
_SENTENCES, _WORDS = 80, 8  # of a voice, and of a sentence
_SPEEDS, _PITCHES = (110, 190), (25, 75)  # words a minute; espeak-ng's scale of 0 to 99
_GAPS = (0, 0, 12, 30)  # hundredths of a second between words


def speak_words(source: Source, packages: Path) -> Path:
    """The folder with the sentences of a source, `VOICE/NUMBER.wav`; missing ones are read."""
    package = fetch_package(source.thesaurus, packages, {".dat"})
    words = thesaurus_words(package, source.without_words)
    if len(words) < len(VOICES) * _WORDS:
        raise TrainingError(f"the package {source.thesaurus} has no thesaurus (th_*.dat) with enough words")
    mark = zlib.crc32(source.without_words.encode())
    folder = package.with_name(f"{source.thesaurus}-{source.language}-{mark:08x}")
    for voice in VOICES:
        (folder / voice).mkdir(parents=True, exist_ok=True)
        own = words[VOICES.index(voice) :: len(VOICES)]
        for number in range(_SENTENCES):
            out = folder / voice / f"{number:02}.wav"
            if not out.exists():
                _read(own, f"{source.language}+{voice}", number, out)
    return folder


def thesaurus_words(package: Path, without: str) -> list[str]:
    """The words of the meanings in a package's thesaurus, without those that match `without`, in a fixed order."""
    words: set[str] = set()
    for file in sorted(package.rglob("th_*.dat")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("("):
                words.update(word.strip() for word in line.split("|")[1:])
    plain = {word: without_marks(word) for word in words}
    kept = [word for word in words if plain[word].isalpha() and not (without and re.search(without, plain[word]))]
    return sorted(kept, key=lambda word: (zlib.crc32(word.encode()), word))


def without_marks(word: str) -> str:
    """A word without marks above and below its letters: vowels in Arabic, accents elsewhere."""
    letters = unicodedata.normalize("NFKD", word)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _read(words: list[str], voice: str, number: int, out: Path) -> None:
    rng = random.Random(f"{voice} {number}")
    text = " ".join(rng.choice(words) for _ in range(_WORDS))
    settings = {"-v": voice, "-s": rng.randint(*_SPEEDS), "-p": rng.randint(*_PITCHES), "-g": rng.choice(_GAPS)}
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".") as work:
        wave = Path(work) / "sentence.wav"
        options = [str(part) for pair in settings.items() for part in pair]
        run(["espeak-ng", *options, "-w", str(wave), text], Path(work))
        wave.rename(out)
