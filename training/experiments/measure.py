"""How right a system is on held-out clips: at the last token of each."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .columns import Streams
from .fit import cut_windows
from .network import Network

_TOKENS = 2048  # computed at a time


@torch.no_grad()
def right_decisions(network: Network, streams: Streams) -> int:
    """Clips whose label is the most probable one at the token that decides."""
    row, token = streams.decisions.T
    logits = decision_logits(network, streams)
    return int((logits.argmax(-1) == streams.labels[row, token]).sum())


@torch.no_grad()
def decision_logits(network: Network, streams: Streams) -> Tensor:
    """(clips, labels) in float32, as the program computes it."""
    row, token = streams.decisions.T
    if network.sliding:
        first = _unseen(network, int(token.min()))
        columns = streams.columns[:, first:]
        rows = max(1, _TOKENS // columns.shape[1])
        return torch.cat([network(part.float()) for part in columns.split(rows)])[row, token - first]
    window, count = network.config["encoder"]["window"], len(network.config["labels"])
    sizes = np.minimum(token.numpy() + 1, window)
    logits = torch.zeros(len(row), count)
    for size in np.unique(sizes):
        same = np.flatnonzero(sizes == size)
        for part in np.array_split(same, max(1, len(same) * size // _TOKENS)):
            windows = cut_windows(streams.columns, row[part].numpy(), token[part].numpy() + 1, int(size))
            logits[part] = network.newest(windows)
    return logits


def _unseen(network: Network, token: int) -> int:
    """Tokens of a stream's beginning that its token `token` knows nothing of: they need not be computed."""
    encoder = network.config["encoder"]
    window = encoder["window"]
    attention = encoder["attention"]
    # Segments of moving landmarks are counted from the stream's first token, and older by up to one than the window.
    segment = window // attention["count"] if attention.get("landmarks") == "continual" else 1
    return max(0, token + 1 - encoder["layers"] * (window + segment)) // segment * segment
