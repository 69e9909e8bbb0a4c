"""The network of docs/model-format.md, over whole sequences at once. Its folded state is that page's tensors.

Streaming gives the same outputs one token at a time; here masks stand for ring buffers, which trains faster.
"""

from .classifier import Classifier
from .network import Network

__all__ = ["Classifier", "Network"]
