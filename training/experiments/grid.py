"""The grid: every system, in every shape, on every data set, with every seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

DATA = ("keywords", "environment")
LAYERS = (1, 2)
WINDOWS = (25, 120, 480)
SEEDS = (0, 1, 2)
_INVERSE = {"kind": "ridge", "lambda": 1e-2}


@dataclass(frozen=True)
class System:
    """An attention system with its number of landmarks."""

    kind: str  # as `attention.kind` of the model format
    update: str = ""  # of the landmarks of continual-nystrom
    landmarks: int = 0

    @property
    def name(self) -> str:
        if not self.landmarks:
            return self.kind
        update = f", {self.update} landmarks" if self.update else ""
        return f"{self.kind}{update}, m = {self.landmarks}"

    @property
    def slug(self) -> str:
        return "-".join(filter(None, [self.kind, self.update, str(self.landmarks or "")]))

    @property
    def recomputes(self) -> bool:
        """Whether it recomputes whole windows for every token."""
        return self.kind in ("full", "nystromformer")

    @property
    def divides(self) -> bool:
        """Whether the number of landmarks has to divide the window."""
        return self.kind == "nystromformer" or self.update == "continual"


EXACT = System("continual")
SYSTEMS = (
    System("full"),
    System("nystromformer", "", 8),
    EXACT,
    System("continual-nystrom", "fixed", 4),
    System("continual-nystrom", "fixed", 8),
    System("continual-nystrom", "fixed", 16),
    System("continual-nystrom", "continual", 8),
)


@dataclass(frozen=True)
class Base:
    """The training with exact attention from which all systems of a depth continue."""

    data: str
    layers: int
    seed: int

    @property
    def name(self) -> str:
        return f"{self.data}-layers-{self.layers}-seed-{self.seed}"


@dataclass(frozen=True)
class Configuration:
    """One run."""

    data: str
    system: System
    layers: int
    nominal_window: int
    seed: int

    @property
    def window(self) -> int:
        """The nominal window, or the nearest below that the landmarks divide."""
        count = self.system.landmarks if self.system.divides else 1
        return self.nominal_window // count * count

    @property
    def depth(self) -> str:
        return "window" if self.system.recomputes else "stream"

    @property
    def attention(self) -> dict[str, Any]:
        """The `attention` object of the model format."""
        system = self.system
        if not system.landmarks:
            return {"kind": system.kind}
        update = {"landmarks": system.update} if system.update else {}
        return {"kind": system.kind, **update, "count": system.landmarks, "inverse": dict(_INVERSE)}

    @property
    def base(self) -> Base:
        """The training with exact attention from which this one continues."""
        return Base(self.data, self.layers, self.seed)

    @property
    def repeats(self) -> Configuration | None:
        """The run that computes the same function, if there is one: `continual`, for `full` with one layer."""
        if self.system.kind == "full" and self.layers == 1:
            return replace(self, system=EXACT)
        return None

    def json(self) -> dict[str, Any]:
        """The values that distinguish the run from the others of the grid."""
        return {
            "data": self.data,
            "system": self.system.name,
            "attention": self.attention,
            "depth": self.depth,
            "layers": self.layers,
            "nominal_window": self.nominal_window,
            "window": self.window,
            "seed": self.seed,
        }

    @property
    def name(self) -> str:
        return f"{self.data}-{self.system.slug}-layers-{self.layers}-window-{self.nominal_window}-seed-{self.seed}"


def grid(
    data: tuple[str, ...] = DATA,
    layers: tuple[int, ...] = LAYERS,
    windows: tuple[int, ...] = WINDOWS,
    seeds: tuple[int, ...] = SEEDS,
) -> list[Configuration]:
    """All runs, seed after seed, so that an interrupted experiment has whole tables; a run comes after the one that it
    repeats."""
    return [
        Configuration(name, system, depth, window, seed)
        for seed in seeds
        for name in data
        for depth in layers
        for window in windows
        for system in sorted(SYSTEMS, key=lambda system: system != EXACT)
    ]


def network_config(configuration: Configuration, labels: tuple[str, ...], width: int) -> dict[str, Any]:
    """The part of config.json that determines the network; a token of its input has `width` elements."""
    return {
        "labels": list(labels),
        "frontend": None,
        "input_width": width,
        "stem": {"kind": "linear", "frames": 1},
        "encoder": {
            "width": 128,
            "layers": configuration.layers,
            "heads": 4,
            "feed_forward": 256,
            "window": configuration.window,
            "attention": configuration.attention,
            "depth": configuration.depth,
            "norm": "pre",
            "activation": "relu",
            "position": {"kind": "none"},
        },
    }
