"""Logistic regression with a quadratic penalty, fitted by Newton's method."""

from __future__ import annotations

import numpy as np

_STEPS, _SMALL = 50, 1e-8


def fit_logistic(x: np.ndarray, y: np.ndarray, weights: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    """The direction (features,) and the offset that minimise the weighted mean of the losses plus the penalty.

    `x` are (rows, features), `y` (rows,) is 0 or 1, and `weights` (rows,) say how much a row counts. The penalty is
    half of `penalty` times the squared length of the direction.
    """
    ones = np.concatenate([x, np.ones((len(x), 1))], 1)
    share = weights / weights.sum()
    ridge = np.diag([*np.full(x.shape[1], penalty), 0.0])
    solution = np.zeros(ones.shape[1])

    def loss(at: np.ndarray) -> float:
        logits = ones @ at
        return float((share * (np.logaddexp(0, logits) - y * logits)).sum() + at @ ridge @ at / 2)

    current = loss(solution)
    for _ in range(_STEPS):
        probabilities = 1 / (1 + np.exp(-np.clip(ones @ solution, -500, 500)))
        gradient = ones.T @ (share * (probabilities - y)) + ridge @ solution
        curvature = share * np.maximum(probabilities * (1 - probabilities), 1e-9)
        step = np.linalg.solve((ones * curvature[:, None]).T @ ones + ridge + _SMALL * np.eye(len(ridge)), gradient)
        length = 1.0
        while (found := loss(solution - length * step)) > current and length > 1e-6:
            length /= 2
        if current - found < _SMALL:
            break
        solution, current = solution - length * step, found
    return solution[:-1], float(solution[-1])
