"""A source of a recipe: files of one place that go into one part of a prepared folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# The sounds to train on; recordings without labels beside them; sound without any of the labels, in which false events
# are counted; the sounds to measure by, if they are not the held-out clips; the table of their classes; the weights of
# a second teacher; sets of sounds with their classes, and speech, to measure what a model that tags sounds says first;
# sounds with their classes to calibrate it by; and sounds without any of the labels for streams, a folder for each
# kind, to choose thresholds by and to measure by.
PARTS = (
    "clips", "recordings", "other", "measured", "classes", "teacher", "labelled", "speech", "known", "validation",
    "test",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Files for one part of a prepared folder, from one place; of the six places below exactly one is given.

    The files are those with the right label that match `where` and `files`; of these, in order, each `every`th from
    `first` on; and of these the ones on the side `keep` of the split.
    """

    copy: dict[str, str] = field(default_factory=dict)  # paths below the data's folder, to paths in the part
    folder: str = ""  # a folder with a sub-folder for each label
    table: str = ""  # a CSV file
    packages: tuple[str, ...] = ()  # Debian packages
    instruments: str = ""  # a Debian package with a sound font: phrases of its instruments
    thesaurus: str = ""  # a Debian package with a thesaurus (mythes): sentences of its words, read by espeak-ng
    language: str = ""  # of the thesaurus, as espeak-ng names it
    without_words: str = ""  # a regular expression that no word that is read matches; marks are left out of the words
    part: str = "clips"
    into: str = "{path}"  # the path in the part; fields: path, name, label (or package), group, groups of `files`
    files: str = ""  # a regular expression that is searched in a file's path
    labels: tuple[str, ...] = ()  # only these
    without_labels: tuple[str, ...] = ()
    where: dict[str, str] = field(default_factory=dict)  # columns of the table, with their values
    audio_folder: str = ""  # of the table's files, relative to the table's own
    label_column: str = "label"
    first: int = 0
    every: int = 1  # of each label's (of a table: of all) or each package's files
    split: str = ""  # how a file's side is found: `column`, `speaker` (by the rule of the recipe), `train`
    keep: str = ""  # only this side
    listed: bool = False  # in the table clips.csv: filename, label, split
    label: str = ""  # in the table, of all files in the place of their own labels
    labels_in_a_group: int = 1  # labels are numbered, in their order, in groups of so many

    def json(self) -> dict[str, Any]:
        """The values that are not the defaults."""
        plain = asdict(Source())
        return {key: value for key, value in asdict(self).items() if value != plain[key]}
