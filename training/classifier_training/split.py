"""The split of a data set's clips into those to train on and those that are held out."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from .options import DataOptions


def is_held_out(seed: int, group: str, fraction: float) -> bool:
    """Whether a group is held out: a hash of seed and group, as a number in [0, 1), is below the fraction."""
    return _rank(seed, group) < fraction


def group_of(file: str, options: DataOptions) -> str:
    """The speaker in a file's name; a file without one is a group of its own."""
    found = re.search(options.speaker_pattern, file)
    return found.group(1) if found else file


FOLDS_RULE = (
    "The figures are those of other models with the same recipe, one for each fold of the data, which were trained on "
    "the other folds and measured on theirs; the model here was trained on all folds."
)


def split_rule(options: DataOptions) -> str:
    """The rule of the split as text, for the model card."""
    if options.split == "none":
        return "No clip was held out."
    if options.split == "column":
        return "Held out: the rows whose `split` is not `train`."
    if options.split == "fold":
        return f"Held out: fold {', '.join(options.held_out_folds)}."
    hashed = f'int(sha256("{options.split_seed}:GROUP")[:8], 16) / 2^32'
    if options.split == "random":
        return (
            f"Held out by file, label by label: a share of {options.held_out_fraction} of each label's clips, those "
            f"with the smallest {hashed}, GROUP being the file."
        )
    return (
        f"Held out by speaker (their clips stay together; a clip without one is its own group): those with {hashed} "
        f"< {options.held_out_fraction}, GROUP being the speaker or, without one, LABEL/FILE. Where this leaves a "
        "label without a clip on one side, the next group by this number changes sides."
    )


class _Sides:
    """The groups that are held out, and how many clips of each label are on each side."""

    def __init__(self, members: Iterable[tuple[str, str]], seed: int) -> None:
        """`members` are the clips, (group, label) each."""
        self._seed = seed
        self._labels: dict[str, Counter[str]] = defaultdict(Counter)  # of a group
        self._groups: dict[str, set[str]] = defaultdict(set)  # of a label
        for group, label in members:
            self._labels[group][label] += 1
            self._groups[label].add(group)
        self.total = sum(self._labels.values(), Counter())
        self.held: Counter[str] = Counter()
        self.held_groups: set[str] = set()

    def labels(self) -> list[str]:
        """The labels, those in the fewest groups first: they leave the least choice."""
        return sorted(self._groups, key=lambda label: (len(self._groups[label]), label))

    def hold_below(self, fraction: float) -> None:
        """Holds out every group whose hash is below the fraction."""
        for group in self._labels:
            if _rank(self._seed, group) < fraction:
                self._move(group, True)

    def hold(self, label: str, wanted: int) -> None:
        """Holds out groups until `wanted` clips of a label are, unless a label would have none to train on."""
        for group in sorted(self._groups[label], key=lambda group: _rank(self._seed, group)):
            if self.held[label] >= wanted:
                return
            keeps = all(self.held[each] + count < self.total[each] for each, count in self._labels[group].items())
            if group not in self.held_groups and keeps:
                self._move(group, True)

    def release_one(self, label: str) -> None:
        """Trains on a group of a label of which all clips are held out, unless a label would have none held out."""
        for group in sorted(self._groups[label], key=lambda group: -_rank(self._seed, group)):
            keeps = all(self.held[each] > count for each, count in self._labels[group].items())
            if group in self.held_groups and keeps:
                self._move(group, False)
                return

    def _move(self, group: str, is_held: bool) -> None:
        if is_held:
            self.held_groups.add(group)
            self.held.update(self._labels[group])
        else:
            self.held_groups.discard(group)
            self.held.subtract(self._labels[group])


def held_out_groups(members: Sequence[tuple[str, str]], options: DataOptions, by_speaker: bool) -> set[str]:
    """The groups that are held out, of clips (group, label), so that each label has clips on both sides if it can.

    Speakers are held out by their hash alone, as far as that works: a speaker's side does not depend on other clips.
    """
    sides = _Sides(members, options.split_seed)
    if by_speaker:
        sides.hold_below(options.held_out_fraction)
    for label in sides.labels():
        if by_speaker and sides.held[label] == sides.total[label]:
            sides.release_one(label)
        share = 0.0 if by_speaker else options.held_out_fraction
        if options.held_out_fraction > 0:
            sides.hold(label, max(1, round(share * sides.total[label])))
    return sides.held_groups


def _rank(seed: int, group: str) -> float:
    """A number in [0, 1), by a hash of seed and group."""
    return int(hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()[:8], 16) / 2**32
