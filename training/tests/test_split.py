"""Both sides of the split have clips of every label."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from classifier_training.dataset import read_dataset
from classifier_training.errors import TrainingError
from classifier_training.options import DataOptions
from classifier_training.split import held_out_groups, is_held_out


def table_of(tmp_path: Path, rows: list[str]) -> Path:
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    return tmp_path


@pytest.mark.parametrize("split", ["random", "speaker"])
@pytest.mark.parametrize("clips", [2, 9, 40])
def test_every_label_has_its_share_with_any_seed(tmp_path: Path, split: str, clips: int) -> None:
    """Files without a speaker: 0.2 of each label's clips, at least one on each side."""
    rows = ["filename,label", *(f"{label}{n}.wav,{label}" for label in "abcde" for n in range(clips))]
    for seed in range(50):
        dataset = read_dataset(table_of(tmp_path, rows), DataOptions(split=split, split_seed=seed))
        held_out = Counter(clip.label for clip in dataset.of(held_out=True))
        assert held_out == {label: max(1, round(0.2 * clips)) for label in "abcde"}


def test_speakers_stay_on_the_side_of_their_hash_if_all_labels_allow_it() -> None:
    members = [(f"s{speaker}", label) for speaker in range(60) for label in "ab"]
    found = held_out_groups(members, DataOptions(), by_speaker=True)
    assert found == {f"s{speaker}" for speaker in range(60) if is_held_out(0, f"s{speaker}", 0.2)}


def test_a_label_of_few_speakers_has_one_on_each_side() -> None:
    """`rare` has two speakers of sixty: whatever the seed, one is held out."""
    members = [(f"s{speaker}", "usual") for speaker in range(60)] + [("s1", "rare"), ("s2", "rare")]
    for seed in range(50):
        found = held_out_groups(members, DataOptions(split_seed=seed), by_speaker=True)
        assert len(found & {"s1", "s2"}) == 1


def test_parts_of_one_file_may_be_on_both_sides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If a label's clips are all in one file, there is no other way."""
    rows = ["filename,label,onset,offset", *(f"long.wav,{'ab'[n % 2]},{n},{n + 1}" for n in range(20))]
    dataset = read_dataset(table_of(tmp_path, rows), DataOptions(split="random"))
    assert Counter(clip.label for clip in dataset.of(held_out=True)) == {"a": 2, "b": 2}
    assert "parts of one file" in capsys.readouterr().err


def test_a_label_of_one_speaker_is_refused_with_the_way_out(tmp_path: Path) -> None:
    rows = ["filename,label,speaker", *(f"{n}.wav,{'ab'[n % 2]},s{0 if n % 2 else n}" for n in range(20))]
    with pytest.raises(
        TrainingError, match=r"`b`: none of its 10 clips is (held out|trained on): all are of one speaker"
    ):
        read_dataset(table_of(tmp_path, rows), DataOptions())
