"""Classifies recordings and streams of sound with audio-classifierd.

import audio_classifier

table = audio_classifier.classify(["dog.wav"], model="general", window=3)
for event in audio_classifier.stream(blocks, rate=16000, emit="events"):
    print(event.label, event.t0)
"""

from __future__ import annotations

from .classifier import Classifier, classify, describe, features, stream
from .errors import AudioClassifierError, ProgramDied, RequestError
from .records import Event, FileResult, Model, Prediction, Recording, Score
from .torch_model import load_model

__all__ = [
    "AudioClassifierError",
    "Classifier",
    "Event",
    "FileResult",
    "Model",
    "Prediction",
    "ProgramDied",
    "Recording",
    "RequestError",
    "Score",
    "classify",
    "describe",
    "features",
    "load_model",
    "stream",
]
