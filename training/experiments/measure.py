"""The accuracy of a system on held-out clips, decided at the last token of each."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from classifier_training.model import Network

from .fit import cut_windows
from .stem_features import Streams

_TOKENS = 2048  # computed at a time


@torch.no_grad()
def right_decisions(network: Network, streams: Streams) -> int:
    """The number of clips whose label is the most probable one at their last token."""
    row, token = streams.decisions.T
    logits = decision_logits(network, streams)
    return int((logits.argmax(-1) == streams.labels[row, token]).sum())


@torch.no_grad()
def decision_logits(network: Network, streams: Streams) -> Tensor:
    """(clips, labels) logits at the last tokens, in float32."""
    row, token = streams.decisions.T
    if network.sliding:
        first = _unseen(network, int(token.min()))
        features = streams.features[:, first:]
        rows = max(1, _TOKENS // features.shape[1])
        return torch.cat([network(part.float()) for part in features.split(rows)])[row, token - first]
    window, count = network.config["encoder"]["window"], len(network.config["labels"])
    sizes = np.minimum(token.numpy() + 1, window)
    logits = torch.zeros(len(row), count)
    for size in np.unique(sizes):
        same = np.flatnonzero(sizes == size)
        for part in np.array_split(same, max(1, len(same) * size // _TOKENS)):
            windows = cut_windows(streams.features, row[part].numpy(), token[part].numpy() + 1, int(size))
            logits[part] = network.newest(windows)
    return logits


def _unseen(network: Network, token: int) -> int:
    """Tokens at the beginning of a stream on which its token `token` does not depend."""
    encoder = network.config["encoder"]
    window = encoder["window"]
    attention = encoder["attention"]
    # Segments of moving landmarks are counted from the stream's first token, and older by up to one than the window.
    segment = window // attention["count"] if attention.get("landmarks") == "continual" else 1
    return max(0, token + 1 - encoder["layers"] * (window + segment)) // segment * segment
