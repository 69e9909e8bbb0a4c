#!/usr/bin/env python3
"""Online action detection on feature streams.

Trains a small model on synthetic streams, scores a new stream step by step with audio-classifierd, and reports when
actions begin.

    python3 training/examples/onset_detection.py --out /tmp/actions

With features and labels of one's own see docs/feature-streams.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from classifier_training.export import export_weights
from classifier_training.landmarks import collect_landmarks
from classifier_training.metrics import average_precision, starts
from classifier_training.model import Classifier
from classifier_training.model_files import write_json
from classifier_training.program import find_program

WIDTH = 64  # features a step
STEPS_PER_SECOND = 4
ACTIONS = ("dive", "jump", "pour", "throw", "wave")
LABELS = ("background", *ACTIONS)


def stream(steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (steps, WIDTH) and labels (steps,): noise, and now and then an action.

    An action goes from one direction in feature space to a second one. Flashes, which are single steps in the direction
    of an action, are background.
    """
    directions = 0.7 * np.random.default_rng(0).standard_normal((len(ACTIONS), 2, WIDTH))
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((steps, WIDTH)) * 1.5
    labels = np.zeros(steps, np.int64)
    for step in rng.choice(steps, steps // 15, replace=False):
        features[step] += directions[rng.integers(len(ACTIONS)), 0]
    at = int(rng.integers(10, 30))
    while at < steps:
        action, length = int(rng.integers(len(ACTIONS))), int(rng.integers(8, 24))
        end = min(at + length, steps)
        phase = (np.arange(end - at) / length)[:, None]
        features[at:end] += (1 - phase) * directions[action, 0] + phase * directions[action, 1]
        labels[at:end] = action + 1
        at = end + int(rng.integers(10, 40))
    return features.astype(np.float32), labels


def configuration(window: int, landmarks: int) -> dict[str, Any]:
    """The model's config.json, but for its weights."""
    return {
        "format_version": 1,
        "name": "actions",
        "description": "Synthetic actions in feature streams.",
        "licence": "CC0-1.0",
        "labels": list(LABELS),
        "frontend": None,
        "input_width": WIDTH,
        "stem": {"kind": "linear", "frames": 1},
        "encoder": {
            "width": 64, "layers": 2, "heads": 4, "feed_forward": 128, "window": window,
            "attention": {
                "kind": "continual-nystrom", "landmarks": "fixed", "count": landmarks,
                "inverse": {"kind": "ridge", "lambda": 1e-2},
            },
            "depth": "stream", "norm": "pre", "activation": "relu", "position": {"kind": "none"},
        },
        "activation": "softmax",
        "background": ["background"],
        "decision": {
            "threshold": 0.85, "threshold_off": 0.2, "min_duration_ms": 0, "max_gap_ms": 0,
            "refractory_ms": 0, "class_thresholds": {},
        },
        "golden": {"tolerance": 1e-4},
        "card": {"data": "synthetic"},
    }  # fmt: skip


def fit(model: Classifier, features: torch.Tensor, labels: torch.Tensor, epochs: int, rate: float) -> None:
    """Every step's label from what came before it; streams are (number, steps, WIDTH)."""
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.02)
    steps = epochs * (len(features) // 8)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    model.train()
    for epoch in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(features))[: len(features) // 8 * 8].split(8):
            loss = loss_of(model(features[batch]).flatten(0, 1), labels[batch].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch + 1}/{epochs}: loss {total / len(features):.3f}", flush=True)


def active(probabilities: np.ndarray, on: float, off: float) -> np.ndarray:
    """From a step that reaches `on` up to the first one below `off`."""
    state, states = False, []
    for p in probabilities:
        state = p >= off if state else p >= on
        states.append(state)
    return np.array(states)


def match(found: np.ndarray, true: np.ndarray, tolerance: int) -> list[int]:
    """The delays of the true onsets with a detection at most `tolerance` steps away; a detection counts once."""
    delays, free = [], list(found)
    for onset in true:
        near = [step for step in free if abs(step - onset) <= tolerance]
        if near:
            best = min(near, key=lambda step: abs(step - onset))
            free.remove(best)
            delays.append(int(best - onset))
    return delays


def report(logits: np.ndarray, labels: np.ndarray, on: float, off: float) -> None:
    """Per-step average precision, and onsets within one and two seconds."""
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    probabilities = exponentials / exponentials.sum(1, keepdims=True)
    print(f"\n{'action':<12}{'AP':>7}{'onsets':>8}{'found in 1 s':>14}{'2 s':>6}{'false':>7}{'mean delay':>12}")
    precisions = []
    for index, action in enumerate(ACTIONS, 1):
        truth = labels == index
        precisions.append(average_precision(probabilities[:, index], truth))
        true, found = starts(truth), starts(active(probabilities[:, index], on, off))
        within = {seconds: match(found, true, seconds * STEPS_PER_SECOND) for seconds in (1, 2)}
        delay = np.mean(within[2]) / STEPS_PER_SECOND if within[2] else float("nan")
        print(
            f"{action:<12}{precisions[-1]:>7.3f}{len(true):>8}{len(within[1]):>14}{len(within[2]):>6}"
            f"{len(found) - len(within[2]):>7}{delay:>10.2f} s"
        )
    print(f"{'mean':<12}{np.nanmean(precisions):>7.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="for the model, the test stream and its logits"
    )
    parser.add_argument("--streams", type=int, default=96, help="streams to train on (default: 96)")
    parser.add_argument("--epochs", type=int, default=12, help="(default: 12)")
    parser.add_argument("--steps", type=int, default=3000, help="steps of the stream to score (default: 3000)")
    parser.add_argument("--window", type=int, default=32, help="steps that each layer looks back on (default: 32)")
    options = parser.parse_args()
    program = find_program()
    torch.manual_seed(0)

    streams = [stream(256, seed) for seed in range(1, options.streams + 1)]
    features = torch.from_numpy(np.stack([x for x, _ in streams]))
    labels = torch.from_numpy(np.stack([y for _, y in streams]))
    config = configuration(options.window, landmarks=8)
    model = Classifier(config, dropout=0.1)
    flat = features.flatten(0, 1)
    model.input.mean.copy_(flat.mean(0))
    model.input.scale.copy_(1 / flat.std(0))
    fit(model, features, labels, options.epochs, rate=2e-3)
    print("landmarks: k-means over the queries and keys, then a few epochs with them in place")
    model.fix_landmarks(collect_landmarks(model, lambda: model(features), count=8, seed=0))
    fit(model, features, labels, max(1, options.epochs // 4), rate=5e-4)

    folder = options.out / "actions"
    folder.mkdir(parents=True, exist_ok=True)
    test, truth = stream(options.steps, seed=10_000)
    write_json(folder / "config.json", {**config, "weights": export_weights(model, test[:100], folder)})
    np.save(options.out / "test.npy", test)
    np.savetxt(options.out / "test.txt", test, fmt="%.9g")
    command = ["encode", "--model", folder, "--features", options.out / "test.npy", "--out", options.out / "logits.npy"]
    subprocess.run([program, *command], check=True)
    decision = config["decision"]
    report(np.load(options.out / "logits.npy"), truth, decision["threshold"], decision["threshold_off"])


if __name__ == "__main__":
    main()
