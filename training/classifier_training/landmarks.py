"""Landmarks: k-means centres of the queries and keys of every head over training data."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .model import Classifier


def k_means(points: Tensor, count: int, generator: torch.Generator, iterations: int = 50, starts: int = 1) -> Tensor:
    """(count, d) centres of points (n, d): k-means++ seeding, then Lloyd's iterations.

    Of several `starts` the centres with the least squared distance to the points count.
    """
    found = [_from_one_start(points, count, generator, iterations) for _ in range(starts)]
    return min(found, key=lambda centres: float(torch.cdist(points, centres).amin(1).square().sum()))


def _from_one_start(points: Tensor, count: int, generator: torch.Generator, iterations: int) -> Tensor:
    centres = points[torch.randint(len(points), (1,), generator=generator)]
    for _ in range(count - 1):
        distance = torch.cdist(points, centres).amin(1).square() + 1e-12
        centres = torch.cat([centres, points[torch.multinomial(distance, 1, generator=generator)]])
    for _ in range(iterations):
        nearest = torch.cdist(points, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        sizes = torch.bincount(nearest, minlength=count)[:, None]
        # A centre without points stays where it is.
        moved = torch.where(sizes > 0, sums / sizes.clamp(min=1), centres)
        if torch.allclose(moved, centres):
            break
        centres = moved
    return centres


@torch.no_grad()
def collect_landmarks(
    model: Classifier,
    forward: Callable[[], object],
    count: int,
    seed: int,
    points: int = 20_000,
    starts: int = 1,
    layers: slice = slice(None),
) -> list[tuple[Tensor, Tensor]]:
    """The (query, key) landmarks (heads, count, d) of each of the `layers`, from its inputs during `forward`.

    Of so many `starts` of k-means the best counts.
    """
    watched = list(model.encoder.layers)[layers]
    seen: list[list[tuple[Tensor, Tensor]]] = [[] for _ in watched]

    def watch(
        index: int,
    ) -> Callable[..., None]:  # the layer's attention sees its input x just before the forward pass
        return lambda attention, inputs: seen[index].append(attention.queries_and_keys(inputs[0]))

    hooks = [layer.attention.register_forward_pre_hook(watch(index)) for index, layer in enumerate(watched)]
    training = model.training
    model.eval()
    forward()
    model.train(training)
    for hook in hooks:
        hook.remove()

    generator = torch.Generator().manual_seed(seed)

    def centres(parts: list[Tensor]) -> Tensor:
        heads = torch.cat(parts).transpose(0, 1).flatten(1, 2)  # (heads, all tokens, d)
        chosen = torch.randperm(heads.shape[1], generator=generator)[:points]
        # On the CPU, where the generator is.
        return torch.stack([k_means(head[chosen].cpu(), count, generator, starts=starts) for head in heads])

    return [(centres([q for q, _ in layer]), centres([k for _, k in layer])) for layer in seen]
