"""The phases of a training: softmax attention first, then landmarks in its place."""

from __future__ import annotations

from dataclasses import dataclass

from .model import Classifier
from .recipe import Recipe


@dataclass(frozen=True)
class Phase:
    """Epochs with one kind of attention in each layer."""

    name: str
    epochs: int
    rate: float  # peak learning rate
    layers: range  # those that get landmarks now; the layers before them have some, those after them have none
    freezes: bool = False

    def freeze(self, model: Classifier) -> None:
        """Leaves out of the training what comes before the phase's layers, if it `freezes`."""
        if not self.freezes or self.layers.start == 0:
            return
        trained = [model.encoder.layers[self.layers.start :], model.encoder.norm, model.head]
        kept = {id(parameter) for module in trained for parameter in module.parameters()}
        for parameter in model.parameters():
            parameter.requires_grad_(parameter.requires_grad and id(parameter) in kept)


def training_phases(recipe: Recipe) -> list[Phase]:
    """The phases of a recipe.

    The layerwise schedule is that of the code published with arXiv 2412.03214.
    """
    options, count = recipe.training, recipe.model.layers
    phases = [Phase("softmax", options.epochs, options.learning_rate, range(0))]
    if recipe.model.attention not in ("continual-nystrom", "nystromformer"):
        return phases
    rate = options.landmark_learning_rate
    if options.landmark_schedule == "joint":
        return [*phases, Phase("landmarks", options.landmark_epochs, rate, range(count))]
    ends = [options.landmark_epochs * (index + 1) // count for index in range(count)]
    for index, (begin, end) in enumerate(zip([0, *ends], ends)):
        name = f"landmarks of layer {index + 1}"
        phases.append(Phase(name, end - begin, rate, range(index, index + 1), freezes=True))
    return phases
