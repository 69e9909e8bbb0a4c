"""Operations of attention a step as the published code of the paper counts them, with its formulas.

The counts are multiplications of attention alone, with a full window and without projections. The formulas are those of
`flops` in the code of arXiv 2412.03214 (Nystrom attention) and in continual-inference, the code of arXiv 2201.06268
(softmax attention). That code takes the width of the whole model for every head; here a head has its own width, so that
all heads together have the model's.
"""

from __future__ import annotations

from .grid import FeatureRun


def published_operations(run: FeatureRun) -> float:
    """The sum over the layers of the run's encoder."""
    if run.layers == 2 and run.depth == "window" and run.system.kind.startswith("continual"):
        return _heads(run, retroactive=True) + _heads(run, retroactive=False)
    return run.layers * _heads(run, retroactive=False)


def lean_layers(run: FeatureRun) -> float:
    """Multiply-adds of whole layers of a Transformer that recomputes its window, without what its prediction does not
    need: of the last layer's queries, outputs and feed-forward part only those of the newest row."""
    model, n = run.data.recipe.model, run.window
    width, hidden = model.width, model.feed_forward
    row = 2 * width * width + 2 * n * width + 2 * width * hidden  # query and output, attention, feed-forward part
    keys_and_values = 2 * n * width * width
    return run.layers * keys_and_values + ((run.layers - 1) * n + 1) * row


def _heads(run: FeatureRun, retroactive: bool) -> float:
    model, system = run.data.recipe.model, run.system
    n, m, heads = system.window(run.window), system.landmarks, model.heads
    return heads * _head(system.kind, system.update, n, m, model.width / heads, retroactive)


def _head(kind: str, update: str, n: int, m: int, d: float, retroactive: bool) -> float:
    """One head of width d, with n tokens and m landmarks."""
    if kind == "full":
        return 2 * n * n * d + 2 * n * d
    if kind == "continual":
        return 7 * n * d + 2 * n - 3 * d if retroactive else 2 * n * d + 2 * d
    inverse = 24 * m**3 + 22 * m**2
    if kind == "nystromformer":
        # The published formula of means as landmarks leaves out the products with all keys and values, 4 n d m, which
        # that of fixed landmarks has.
        return 4 * n * d * m + 2 * n * d + n + n * m**2 + 2 * n * m + d * m**2 + inverse + 2 * m
    if retroactive:
        fixed = n * d * m + 6 * d * m + m**2 + 6 * m
        moving = n * d * m + 8 * n * d + n * m**2 + n * m + 11 * n + 15 * d * m + 2 * d + inverse + 22 * m
    else:
        fixed = 7 * d * m + m**2 + 6 * m
        moving = n * d * m + 3 * n * d + n + 9 * d * m + 2 * d + inverse + 13 * m
    return fixed if update == "fixed" else m / n * moving + (1 - m / n) * fixed
