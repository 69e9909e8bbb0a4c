"""The grid: data sets, systems, depths, schedules and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from classifier_training.feature_commands import FEATURE_DEFAULTS
from classifier_training.recipe import Recipe, read_recipe, with_values

_RECIPES = Path(__file__).resolve().parents[2] / "recipes"


_TRACK_CHOICES = """\
The options (width 64, dropout of 0.3, mixup, noise) are those of an earlier trial, which was measured on these test
tracks: all figures may be a little too good. A track is 0.34 points, and 290 tracks have a sampling error of 2.5: no
row is better than the support vector machine by more. Tracks have 28 or 29 steps, so that *cold* and *long* are the
same in one layer with a window of 28, and in window depth."""
_CLIP_CHOICES = """\
Options were chosen by the mAP of 15 % of the training clips (those of `--validation 0.15`), with softmax attention and
one seed, in 12 epochs: 0.294 with the recipe's, which trains for 16. Without dropped tokens, with less noise and 4
heads it had 0.282, 0.289 and 0.286 (dropout of 0.4, 0.25 and 0.1), 0.287 after 24 epochs (0.2), and 0.286 in two
layers of window depth (width 192, 0.2); with the mean of the labels' losses in place of their sum 0.164. The
evaluation clips were measured with one of these settings before (dropout of 0.25: 0.263), and with the recipe's. The
maximum over a clip is worth much: one hidden layer on the mean and the maximum has 0.297 of the validation clips after
the same mixup, and 0.288 on the mean alone; attention averages. The hidden layer was not measured on the evaluation
clips with mixup, so that it is not shown that these models are better than a simple one; without mixup they are. A
window of 60 steps holds six unrelated clips: it loses."""
_STEP_CHOICES = """\
Options were chosen in three folds of the training clips, of one seed, by the mean AP (gunshot, baby cry) of softmax
attention. Clips of which only the label is known are learned as full of the sound (`learn_weak`): 0.163, 0.035 with
mixup of 0.5; without them 0.147, 0.010 with mixup of 1.0. Twice the width, with batches of 16 and more dropout, did
not help: 0.152, 0.037. The folds share no clip with the evaluation part, in which these sounds are more frequent.

In the mean of three seeds, with a window of 10, gunshot and baby cry have an AP of 0.353, 0.048 (Transformer) and
0.374, 0.050 (continual Nystrom, m = 8) cold, 0.339, 0.055 and 0.360, 0.058 long. That is about twice the known
figures, but for gunshot no more than 1.2 times what the linear model has that is measured here, and for baby cry about
as much. This linear model learns from the clips of which only the label is known, too.

Clips that follow each other in a stream have nothing to do with one another, so that a window of more than 10 steps, a
clip's length, has nothing to gain here; the Transformer's differences between windows are within the scatter of its
seeds. Streams for longer windows are longer, and a training step has as many fewer of them, so that all windows are
trained in as many steps of as many tokens."""


@dataclass(frozen=True)
class FeatureData:
    """A data set with its recipe, and the shapes that it is tried in."""

    name: str
    title: str
    metric: str  # of the figures, by which systems are compared
    windows: tuple[tuple[int, int], ...]  # window in tokens, with the steps of a training stream (0: each by itself)
    seeds: tuple[int, ...]
    further_seeds: tuple[int, ...]  # of longer windows, of two layers and of the other schedules
    published: str
    choices: str = ""  # by which data the options were chosen, and which others were tried

    @property
    def recipe(self) -> Recipe:
        return read_recipe(_RECIPES / f"{self.name}.json", FEATURE_DEFAULTS)

    def windows_of(self, schedule: str, layers: int) -> tuple[tuple[int, int], ...]:
        """The windows that are tried with a schedule and depth."""
        return self.windows if (schedule, layers) == ("tuned", 1) else self.windows[:1]

    def seeds_of(self, schedule: str, layers: int, window: int) -> tuple[int, ...]:
        """The seeds of a schedule, depth and window; one of the longest, whose runs take longest."""
        if window > 120:
            return self.further_seeds[:1]
        return self.seeds if (schedule, layers, window) == ("tuned", 1, self.windows[0][0]) else self.further_seeds


DATA = (
    FeatureData(
        "gtzan-taggram",
        "GTZAN, musicnn's tags, a label a track",
        "accuracy",
        ((28, 0),),
        (0, 1, 2, 3, 4),
        (0, 1, 2, 3, 4),
        "a pooled SVM on the same features 75.9 %; its authors report 77.2 % (max pooling) and 77.6 % (VGGish)",
        _TRACK_CHOICES,
    ),
    FeatureData(
        "audioset-vggish",
        "AudioSet, VGGish features, 527 labels a clip",
        "mean_average_precision",
        ((10, 0), (60, 240)),
        (0, 1, 2),
        (0,),
        "mean and max pooling with one hidden layer on the same features 0.2575 mAP after balanced training",
        _CLIP_CHOICES,
    ),
    FeatureData(
        "audioset-strong",
        "AudioSet, VGGish features, gunshot and baby cry a second",
        "mean_average_precision",
        ((10, 60), (60, 240), (120, 480), (480, 960)),
        (0, 1, 2),
        (0, 1, 2),
        "a linear model a second on the same features: AP 0.157 (gunshot) and 0.026 (baby cry)",
        _STEP_CHOICES,
    ),
)


@dataclass(frozen=True)
class FeatureSystem:
    """An attention system with its number of landmarks."""

    kind: str
    update: str = "fixed"
    landmarks: int = 0

    @property
    def name(self) -> str:
        if not self.landmarks:
            return {"full": "Transformer (full)", "continual": "continual"}[self.kind]
        update = f", {self.update} landmarks" if self.kind == "continual-nystrom" else ""
        return f"{self.kind}{update}, m = {self.landmarks}"

    @property
    def slug(self) -> str:
        update = self.update if self.kind == "continual-nystrom" else ""
        return "-".join(filter(None, [self.kind, update, str(self.landmarks or "")]))

    @property
    def is_fixed(self) -> bool:
        """Whether landmarks are chosen before, and do not follow the window."""
        return self.kind == "continual-nystrom" and self.update == "fixed"

    def window(self, nominal: int) -> int:
        """The nominal window, or the nearest below that the landmarks divide."""
        divides = self.kind == "nystromformer" or self.update == "continual"
        return nominal // self.landmarks * self.landmarks if divides and self.landmarks else nominal


TRANSFORMER = FeatureSystem("full")
SYSTEMS = (
    TRANSFORMER,
    FeatureSystem("nystromformer", "fixed", 4),
    FeatureSystem("continual"),
    FeatureSystem("continual-nystrom", "fixed", 4),
    FeatureSystem("continual-nystrom", "fixed", 8),
    FeatureSystem("continual-nystrom", "fixed", 16),
    FeatureSystem("continual-nystrom", "continual", 8),
)
SHAPES = ((1, "stream"), (2, "stream"), (2, "window"))  # layers, depth; with one layer the two depths are the same
SCHEDULES = ("tuned", "layerwise", "scratch")


@dataclass(frozen=True)
class FeatureRun:
    """One run."""

    data: FeatureData
    system: FeatureSystem
    layers: int
    depth: str
    window: int  # nominal
    length: int
    schedule: str
    seed: int

    @property
    def name(self) -> str:
        shape = f"{self.layers}-{self.depth}-window-{self.window}"
        return f"{self.data.name}-{self.system.slug}-{shape}-{self.schedule}-seed-{self.seed}"

    @property
    def base(self) -> str:
        """The name of the softmax training from which a tuned run continues."""
        return f"{self.data.name}-{self.layers}-{self.depth}-window-{self.window}-seed-{self.seed}"

    @property
    def twin(self) -> FeatureRun | None:
        """The run that is the same training: exact attention with one output a layer, recomputed or from a ring."""
        other = {"continual": "full", "full": "continual"}.get(self.system.kind)
        if other is None or (self.layers > 1 and self.depth == "window"):
            return None
        return replace(self, system=FeatureSystem(other))

    def json(self) -> dict[str, Any]:
        return {
            "data": self.data.name, "system": self.system.name, "layers": self.layers, "depth": self.depth,
            "window": self.system.window(self.window), "length": self.length,
            "schedule": self.schedule, "seed": self.seed,
        }  # fmt: skip

    def base_recipe(self) -> Recipe:
        """Softmax attention, from random weights."""
        model = {"attention": "full", "window": self.window}
        return with_values(self._recipe(model), {"training": {"landmark_epochs": 0}}, self.name)

    def run_recipe(self, base: Path) -> Recipe:
        """The system's own training: from the weights in `base`, or from random weights for as long altogether."""
        system = self.system
        model: dict[str, Any] = {"attention": system.kind, "window": system.window(self.window)}
        if system.landmarks:
            model |= {"landmarks": system.landmarks, "landmark_update": system.update}
        recipe = self._recipe(model)
        training = recipe.training
        if self.schedule != "scratch":
            epochs, rate = training.landmark_epochs, training.landmark_learning_rate
        else:
            epochs, rate = training.epochs + training.landmark_epochs, training.learning_rate
        values: dict[str, Any] = {"initial": "" if self.schedule == "scratch" else str(base)}
        if system.landmarks:
            values |= {"epochs": 0, "landmark_epochs": epochs, "landmark_learning_rate": rate}
            values |= {"landmark_schedule": "layerwise" if self.schedule == "layerwise" else "joint"}
        else:
            values |= {"epochs": epochs, "landmark_epochs": 0, "learning_rate": rate}
        return with_values(recipe, {"training": values}, self.name)

    @property
    def _batch(self) -> int:
        """As many tokens in a training step as with the shortest streams, so that there are as many steps."""
        batch, shortest = self.data.recipe.training.batch, self.data.windows[0][1] or self.data.windows[0][0]
        return max(1, round(batch * shortest / (self.length or shortest)))

    def _recipe(self, model: dict[str, Any]) -> Recipe:
        depth = "window" if model["attention"] == "nystromformer" else self.depth
        values = {
            "model": {**model, "layers": self.layers, "depth": depth},
            "streams": {"length": self.length},
            "training": {"seed": self.seed, "batch": self._batch},
        }
        return with_values(self.data.recipe, values, self.name)


def grid(
    data: Sequence[FeatureData] = DATA, seeds: Sequence[int] | None = None, schedules: Sequence[str] = SCHEDULES
) -> list[FeatureRun]:
    """All runs, seed after seed, so that an interrupted experiment has whole tables.

    A longer window is tried with one layer and the tuned schedule, random weights with one layer: all else would take
    days. `nystromformer` recomputes windows: of two layers there are those of window depth. AudioSet's 527 labels take
    longest: they are tried neither from random weights nor in window depth, nor recomputed in longer windows. A system
    whose landmarks do not fit into a window is left out.
    """
    return [
        FeatureRun(each, system, layers, depth, window, length, schedule, seed)
        for seed in range(5)
        for each in data
        if seeds is None or seed in seeds
        for schedule in schedules
        for layers, depth in SHAPES
        for window, length in each.windows_of(schedule, layers)
        if seed in each.seeds_of(schedule, layers, window)
        for system in SYSTEMS
        if system.landmarks <= window // 2 + 3
        and not (system.kind == "nystromformer" and layers > 1 and depth == "stream")
        and not (each.name == "audioset-vggish" and (schedule == "scratch" or (layers, depth) == (2, "window")))
        and not (each.name == "audioset-vggish" and system.kind == "nystromformer" and window > 10)
        and not (schedule == "scratch" and (layers > 1 or not system.landmarks))
        and not (schedule == "layerwise" and (layers == 1 or not system.is_fixed))
    ]
