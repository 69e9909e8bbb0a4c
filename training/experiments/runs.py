"""The runs: each is one JSON file with its configuration and results. A run that has its file is not repeated."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from classifier_training.checkpoint import load_checkpoint, save_checkpoint
from classifier_training.encoding import encode
from classifier_training.errors import TrainingError
from classifier_training.model import Network
from classifier_training.model_files import write_json

from .deliver import deliver
from .fit import Budget, choose_landmarks, fit
from .grid import EXACT, WINDOWS, Base, Configuration, network_config
from .measure import right_decisions
from .stem_features import Sizes, StemFeatures, Streams

_VERIFIED_TOKENS = 8  # the last of a stream that fills the window and 40 tokens more
_VERIFIED_AFTER = 40


class Runs:
    """All runs of an experiment with one set of sizes and one budget."""

    def __init__(
        self,
        folder: Path,
        sizes: Sizes,
        budget: Budget,
        windows: tuple[int, ...] = WINDOWS,
        program: Path | None = None,
    ) -> None:
        """`windows` are those of the bases' training. A `program` verifies the runs with the seed 0."""
        self._folder, self._sizes, self._budget = folder, sizes, budget
        self._windows, self._program = windows, program
        self._terms = {"extent": asdict(sizes), "budget": asdict(budget), "base_windows": list(windows)}

    def read(self, configuration: Configuration) -> dict[str, Any] | None:
        """A run's record, if there is one; refuses that of another experiment."""
        file = self._file(configuration)
        if not file.exists():
            return None
        try:
            record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise TrainingError(f"{file}: not JSON: {error}; remove it to run it again") from error
        wanted = json.loads(json.dumps({"configuration": configuration.json(), **self._terms}))
        for key, value in wanted.items():
            if record.get(key) != value:
                raise TrainingError(
                    f"{file}: its `{key}` is not that of this experiment; use another --work, or remove it to "
                    "run it again",
                    78,
                )
        return record

    def run(self, configuration: Configuration, features: StemFeatures) -> dict[str, Any]:
        """Trains and measures a network, or takes the record of a run that computes the same function."""
        same = configuration.repeats
        if same is not None:
            found = self.read(same) or self.run(same, features)
            record = {**found, "configuration": configuration.json(), "same_as": same.name}
        else:
            record = {
                "configuration": configuration.json(),
                **self._terms,
                **self._train(configuration, features),
            }
        write_json(self._file(configuration), record)
        return record

    def _train(self, configuration: Configuration, features: StemFeatures) -> dict[str, Any]:
        begin, busy = time.monotonic(), time.process_time()
        base, base_seconds = self._base(configuration.base, features)
        started = time.monotonic()
        budget, seed = self._budget, configuration.seed
        network = self._network(configuration, features)
        network.load(base.state_dict())
        if configuration.system.update == "fixed":
            base.look_back(configuration.window)
            network.fix_landmarks(choose_landmarks(base, features.training, configuration.system.landmarks, seed))
        tokens = budget.recomputed_tokens if configuration.system.recomputes else budget.tuning_tokens
        loss = fit(network, features.training, budget, tokens, budget.tuning_rate, seed + 1000)
        fitted = time.monotonic()
        record = {
            "cold": _accuracy(network, features.cold),
            "long": _accuracy(network, features.long),
            "loss": round(loss, 4),
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "seconds": {
                "base": base_seconds,
                "tuning": round(fitted - started, 1),
                "measuring": round(time.monotonic() - fitted, 1),
                "all": round(time.monotonic() - begin, 1),
                "processor": round(time.process_time() - busy, 1),
            },
        }
        if self._program is not None and seed == 0:
            record["program"] = self._verify(network, features.long)
        return record

    def _base(self, base: Base, features: StemFeatures) -> tuple[Network, float]:
        """A network trained with exact attention, with one of the windows in each step; kept on disk."""
        file = self._folder / "bases" / f"{base.name}.pt"
        identity = {"base": asdict(base), **self._terms}
        network = self._network(Configuration(base.data, EXACT, base.layers, max(self._windows), base.seed), features)
        state = load_checkpoint(file, identity)
        if state is None:
            begin = time.monotonic()
            budget = self._budget
            fit(
                network,
                features.training,
                budget,
                budget.base_tokens,
                budget.base_rate,
                base.seed,
                self._windows,
            )
            seconds = time.monotonic() - begin
            save_checkpoint(file, identity, {"network": network.state_dict(), "seconds": f"{seconds:.1f}"})
        else:
            network.load_state_dict(state["network"])
            seconds = float(state["seconds"])
        return network.eval(), round(seconds, 1)

    def _network(self, configuration: Configuration, features: StemFeatures) -> Network:
        torch.manual_seed(configuration.seed)
        width = features.training.features.shape[-1]
        return Network(network_config(configuration, features.labels, width), self._budget.dropout).eval()

    def _verify(self, network: Network, streams: Streams) -> dict[str, Any]:
        """How far the program's logits are from those that the accuracy was measured with."""
        assert self._program is not None
        window = network.config["encoder"]["window"]
        tokens = min(window + _VERIFIED_AFTER, streams.features.shape[1])
        stream = streams.features[0, :tokens].float()
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            folder = Path(scratch) / "model"
            folder.mkdir()
            deliver(network, folder)
            found = torch.from_numpy(encode(self._program, folder, stream.numpy()))[-_VERIFIED_TOKENS:]
        with torch.no_grad():
            if network.sliding:
                own = network(stream[None])[0, -_VERIFIED_TOKENS:]
            else:
                ends = range(tokens - _VERIFIED_TOKENS + 1, tokens + 1)
                own = torch.cat([network.newest(stream[None, max(0, end - window) : end]) for end in ends])
        return {"largest_difference": float((found - own).abs().max()), "tokens": _VERIFIED_TOKENS}

    def _file(self, configuration: Configuration) -> Path:
        return self._folder / "runs" / f"{configuration.name}.json"


def _accuracy(network: Network, streams: Streams) -> dict[str, int]:
    return {"right": right_decisions(network, streams), "clips": len(streams.decisions)}
