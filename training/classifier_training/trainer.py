"""Fits a model, first with exact attention and then with landmarks in its place."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .checkpoint import load_checkpoint, save_checkpoint
from .errors import TrainingError
from .feed import CPU, Chunk, Feed
from .held_out import ACCURACY, Criterion, measure
from .initial import start_from, take_stem
from .inputs import Inputs, SequenceSource
from .landmarks import collect_landmarks
from .loss import TeacherLoss, logit_loss, mixed
from .model import Classifier
from .model.stem import ConvolutionStem
from .model_files import model_folder
from .optimiser import adam_w, convolutions, schedule
from .phases import Phase, training_phases
from .progress import Estimate, bar, say
from .recipe import Recipe
from .training_log import TrainingLog
from .yamnet import read_stem

# Training options on which the cached features of a frozen stem depend.
COPIED = (
    "initial seed clip_seconds cold_fraction gain_db speed colour_db echo_probability noise_probability noise_snr_db "
    "steady_noise room_probability telephone_probability level_probability level_db time_mask_frames band_mask_bands "
    "precision"
).split()
_GRADIENT_NORM = 5.0
_STANDARD = 128  # sequences from which the deviations of a stem's output are estimated


@dataclass
class Progress:
    """The position of the training; a checkpoint holds it with the weights."""

    phase: int = 0
    epoch: int = 0  # epochs done in this phase
    best: float = -1.0
    best_epoch: int = 0  # the first one of equally good ones
    kept_epoch: int = 0  # the last one of them: it has learned for longer


class Trainer:
    """One model's training."""

    def __init__(
        self,
        recipe: Recipe,
        network: dict[str, Any],
        source: SequenceSource,
        data: Any,
        checkpoint: Path,
        yamnet: Path | None = None,
        project: Callable[[Classifier], None] | None = None,
        teacher_loss: TeacherLoss = logit_loss,
        build: Callable[..., Classifier] = Classifier,
        keeps_best: bool = False,
        device: torch.device = CPU,
        criterion: Criterion = ACCURACY,
    ) -> None:
        """Makes the model, with random weights.

        `data` identifies the data of `source`, including the held-out clips, and can be written as JSON. `yamnet` is a
        checkpoint for the stem `yamnet`, if it is in none of the usual places. `project` sets the stem's projection,
        which is random without it. `teacher_loss` is the loss if the targets are no labels but values of each. `build`
        makes the model, of its configuration and the shares of dropout. With `keeps_best`, or a patience, a phase ends
        with the weights of its best epoch, if there are held-out clips. The network is trained on `device`; everything
        else, and the model that `fit` returns, is on the CPU. `criterion` compares epochs.
        """
        self._recipe, self._options = recipe, recipe.training
        self._checkpoint, self._yamnet, self._project, self._teacher_loss = checkpoint, yamnet, project, teacher_loss
        self._device, self._criterion = device, criterion
        values = recipe.json()
        self._identity = {
            "architecture": network,
            "data": values.get("data") or values["streams"],
            "training": values["training"],
            "clips": data,
        }
        torch.manual_seed(self._options.seed)
        self.model = build(network, self._options.dropout, self._options.token_dropout)
        if recipe.model.stem == "yamnet" and isinstance(self.model.stem, ConvolutionStem):
            self.model.stem.fold()  # its batch norms are part of its convolutions
        copied = {**self._identity, "architecture": network["stem"]}
        if self._options.stem_rate == 0:  # the copies do not depend on the split
            copied["data"] = {key: value for key, value in self._identity["data"].items() if not _is_split(key)}
            copied["clips"] = [clip[:2] for clip in data]
            copied["training"] = {key: values["training"][key] for key in COPIED}
        self._inputs = Inputs(self._options, source, self.model.stem.depth, copied, checkpoint.parent)
        for parameter in convolutions(self.model, self._inputs.frozen_layers):
            parameter.requires_grad_(False)
        self.model.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.model).eval()
        # Every token learns its label by itself: with the loss of their mean the accuracy is lower (ESC-50: 78 % in the
        # place of 84 %).
        self.model.average = 1
        self._keeps_best = keeps_best or self._options.patience > 0
        self._best: dict[str, Tensor] = {}  # the averaged weights of the best epoch
        self._log = TrainingLog(checkpoint.with_suffix(""))
        self._held_out: list[list[Chunk]] = []  # cold, mid-stream

    def fit(self) -> Classifier:
        """Trains to the end, from the last checkpoint if there is one; the averaged model."""
        state = load_checkpoint(self._checkpoint, self._identity)
        at = Progress(**json.loads(state["progress"])) if state else Progress()
        self._check_phase(at, state)
        self._log.begin(is_new=state is None)
        if state is None:
            self._start()
        else:
            self.model.load(state["model"])
        for model in (self.model, self.average):
            model.to(self._device)
        self._inputs.begin(self.model)
        self._held_out = [self._inputs.held_out(mid) for mid in (False, True)]
        phases = training_phases(self._recipe)
        if state and at.phase == len(phases) - 1 and at.epoch >= phases[-1].epochs:
            say(f"{self._checkpoint}: this training is complete; --restart begins it anew")
        estimate = Estimate(sum(each.epochs for each in phases[at.phase :]) - at.epoch)
        for phase in phases[at.phase :]:
            phase.freeze(self.model)
            for model in (self.model, self.average):
                model.use_landmarks(phase.layers.stop)
            if state is None and phase.layers.stop > 0:
                self._fix_landmarks(phase.layers)
            if state is not None:
                for model, key in ((self.model, "model"), (self.average, "average")):
                    model.load(state[key])
            optimiser = adam_w(self.model, self._options, phase.rate)
            if state is not None:
                optimiser.load_state_dict({**optimiser.state_dict(), "state": state["optimiser"]})
                self._best = state["best"]
            self._fit_phase(at, phase, optimiser, estimate)
            if self._best:
                if at.kept_epoch + 1 < at.epoch:
                    say(f"{phase.name}: epoch {at.kept_epoch + 1} was the best one, and is kept")
                self.average.load(self._best)
                self._best = {}
            at, state = Progress(at.phase + 1), None
        self._inputs.end()
        return self.average.cpu()

    def _fit_phase(self, at: Progress, kind: Phase, optimiser: torch.optim.Optimizer, estimate: Estimate) -> None:
        phase, first, inputs = at.phase, at.epoch, self._inputs
        name, epochs = kind.name, kind.epochs
        with Feed(lambda epoch, part: inputs.training(phase, epoch, part), inputs.parts, range(first, epochs)) as feed:
            for epoch in range(first, epochs):
                if 0 < self._options.patience < epoch - at.best_epoch:
                    say(f"no better held-out accuracy for {self._options.patience} epochs: stopped")
                    estimate.skip(epochs - epoch)
                    return
                # Seeded anew, so that a resumed training goes on as an uninterrupted one.
                torch.manual_seed(int(np.random.default_rng((self._options.seed, phase, epoch)).integers(2**31)))
                loss = self._fit_epoch(feed, epoch, epochs, kind.rate, optimiser, f"{name} {epoch + 1}")
                (cold, cold_loss), (mid, mid_loss) = (
                    measure(self.average, chunks, inputs.logits, self._criterion, self._teacher_loss)
                    for chunks in self._held_out
                )
                other = (cold_loss + mid_loss) / 2
                figure = f"{self._criterion.name} cold {cold:.2%}, mid-stream {mid:.2%}"
                held_out = f"held-out loss {other:.4f}, {figure}, "
                say(
                    f"{name} {epoch + 1}/{epochs}: loss {loss:.4f}, "
                    f"{held_out if self._held_out[0] else ''}{estimate.step()}"
                )
                figures = {"loss": loss, "held_out_loss": other, "cold": cold, "mid_stream": mid}
                self._log.add(name, epoch + 1, figures if self._held_out[0] else {"loss": loss})
                at.epoch = epoch + 1
                if self._keeps_best and self._held_out[0] and cold + mid >= at.best:
                    at.best_epoch = epoch if cold + mid > at.best else at.best_epoch
                    at.best, at.kept_epoch = cold + mid, epoch
                    self._best = copy.deepcopy(self.average.state_dict())
                save_checkpoint(
                    self._checkpoint,
                    self._identity,
                    {
                        "progress": json.dumps(vars(at)),
                        "model": self.model.state_dict(),
                        "average": self.average.state_dict(),
                        "optimiser": optimiser.state_dict()["state"],
                        "best": self._best,
                    },
                )

    def _fit_epoch(
        self, feed: Feed, epoch: int, epochs: int, peak: float, optimiser: torch.optim.Optimizer, label: str
    ) -> float:
        """One pass over the clips; the mean loss."""
        self.model.train()
        if isinstance(self.model.stem, ConvolutionStem):
            self.model.stem.norms[: self._inputs.frozen_layers].eval()
        total, steps = 0.0, 0
        done, count = 0, self._inputs.count
        for chunk in bar(feed.epoch(), self._inputs.parts, label):
            for batch in chunk.batches(self._options.batch, self._device):
                rate = peak * schedule((epoch + done / count) / epochs, self._options.warm_up)
                for group in optimiser.param_groups:
                    group["lr"] = rate * group["share"]
                mixture = mixed(batch, self._options.mixup)
                with torch.autocast(self._device.type, torch.bfloat16, enabled=self._options.precision == "bfloat16"):
                    logits = self._inputs.logits(self.model, mixture.inputs).float()
                loss = mixture.loss(logits, self._teacher_loss)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(self.model.parameters(), _GRADIENT_NORM)
                optimiser.step()
                self._update_average(steps + epoch * -(-count // self._options.batch))
                total, steps, done = total + loss.item(), steps + 1, done + len(batch)
        if not math.isfinite(total):
            raise TrainingError(
                f"{label}: the loss is {total}: the training diverges; use a lower --learning-rate, with --restart", 64
            )
        return total / max(1, steps)

    @torch.no_grad()
    def _update_average(self, steps: int) -> None:
        """Updates the exponential moving average, whose decay is faster over the first steps."""
        decay = min(self._options.average, steps / (10 + steps))
        average = self.average.state_dict()
        for key, value in self.model.state_dict().items():
            if value.is_floating_point():
                average[key].lerp_(value, 1 - decay)
            else:
                average[key].copy_(value)

    def _start(self) -> None:
        """Sets the first weights: another model's, or a trained stem's, or random ones and the data's normalisation."""
        features = self._inputs.statistics()
        if self._options.initial:
            start_from(self.model, model_folder(self._options.initial), features)
        elif self._recipe.model.stem == "yamnet":
            take_stem(self.model, read_stem(self._yamnet, self._recipe.model.yamnet_blocks))
            if self._project:
                self._project(self.model)
        else:
            self.model.input.mean.copy_(features.mean((0, 1)))
            self.model.input.scale.copy_(1 / features.std((0, 1)).clamp(min=1e-3))
        if isinstance(self.model.stem, ConvolutionStem) and self._recipe.model.stem == "yamnet":
            with torch.no_grad():
                self.model.stem.standardize(self.model.begin(features[:_STANDARD], self.model.stem.depth))
            if not (self._options.initial or self._project):
                self.model.stem.projection.reset_parameters()
        self.average.load(self.model.state_dict())

    def _fix_landmarks(self, layers: range) -> None:
        """Starts a phase with the averaged weights, and with landmarks of these layers computed from them."""
        options = self._recipe.model
        inputs = self._inputs
        if options.attention == "nystromformer" or options.landmark_update == "continual":
            self.model.load(self.average.state_dict())
            return

        def forward() -> None:
            for batch in inputs.landmarks().batches(self._options.batch, self._device):
                inputs.logits(self.average, batch.inputs)

        self.average.use_landmarks(layers.start)
        starts = 10 if self._options.landmark_schedule == "layerwise" else 1  # as the paper's code
        chosen = slice(layers.start, layers.stop)
        landmarks = collect_landmarks(
            self.average, forward, options.landmarks, self._options.seed, starts=starts, layers=chosen
        )
        self.average.use_landmarks(layers.stop)
        self.average.fix_landmarks(landmarks, layers.start)
        self.model.load(self.average.state_dict())

    def _check_phase(self, at: Progress, state: dict[str, Any] | None) -> None:
        """Refuses another number of epochs for a phase that is over."""
        begun = (state or {}).get("identity", self._identity)["training"]["epochs"]
        if at.phase > 0 and begun != self._options.epochs:
            raise TrainingError(
                f"{self._checkpoint}: the phase with exact attention is over, after {begun} epochs: --epochs has no "
                "effect any more. Use --landmark-epochs for more of the other phase, or --restart to start anew",
                78,
            )


def _is_split(key: str) -> bool:
    return key.startswith(("split", "held_out"))
