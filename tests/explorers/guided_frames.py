"""Made-up tables of guided networks with the columns of the stored ones."""

from itertools import product

import numpy as np
import pandas as pd

GAINS = {
    "unguided": ("none", 0.0),
    "unguided, tuned": ("none", 0.001),
    "untrained CNN": ("untrained CNN", 0.06),
    "pixels": ("pixels", 0.0),
    "random features": ("random features", -0.36),
    "labels": ("labels", -0.02),
    "labels, last layer": ("labels", 0.07),
    "distillation": ("none", 0.05),
}


def _row(rng, condition, guide, gain, network):
    """Return what is measured of one network."""
    noise = 0.01 * rng.standard_normal() * (condition != "unguided")
    return {
        "condition": condition,
        "guide": guide,
        "test_accuracy": 0.52 + 0.01 * network + gain + noise,
        "train_accuracy": 1.0,
        "test_loss": 3.0 - 4 * gain + noise - 0.2 * network,
        "cnn_similarity": 0.6 + gain / 2 + noise,
        "unlabeled": 0,
        "network": network,
        "seed": 0,
    }


def conditions_frame(*, networks: int = 4) -> pd.DataFrame:
    """Return a table as ``guidance.wide`` stores it."""
    rng = np.random.default_rng(5)
    rows = [
        _row(rng, condition, guide, gain, network)
        for network in range(networks)
        for condition, (guide, gain) in GAINS.items()
    ]
    return pd.DataFrame(rows)


def unlabeled_frame() -> pd.DataFrame:
    """Return a table as ``guidance.unlabeled`` stores it: one guide lacks the middle count."""
    rng = np.random.default_rng(6)
    counts = {"untrained CNN": (0, 200, 800), "pixels": (0, 800), "distillation": (0, 200, 800)}
    rows = [_row(rng, "unguided", "none", 0.0, network) for network in range(3)]
    for network in range(3):
        for condition, measured in counts.items():
            guide, gain = GAINS[condition]
            for count in measured:
                row = _row(rng, condition, guide, gain + count / 8000, network)
                rows.append({**row, "unlabeled": count})
    return pd.DataFrame(rows)


def curves_frame() -> pd.DataFrame:
    """Return a table as ``guidance.curves`` stores it; the references differ in their layers."""
    rng = np.random.default_rng(7)
    looks = product(("unguided", "untrained CNN", "distillation"), range(3), (0, 2, 10, 50, 200))
    rows = []
    for condition, network, step in looks:
        learned = 1 - np.exp(-step / (60 if condition == "untrained CNN" else 20))
        row = {"condition": condition, "network": network, "step": step, "final": step == 200}
        row |= {"test_accuracy": 0.1 + 0.45 * learned + 0.02 * rng.random()}
        row |= {"train_accuracy": 0.1 + 0.9 * learned}
        row |= {"test_loss": 2.3 + learned * (condition == "unguided") + 0.1 * rng.random()}
        for reference, depth in (("untrained CNN", 4), ("trained CNN", 3)):
            for guide, target in product(range(depth), range(2)):
                near = abs(guide / (depth - 1) - target)
                alike = 0.9 - 0.5 * near - 0.3 * learned * (condition == "unguided")
                pair = {"guide_layer": guide + 1, "target_layer": target + 1}
                pair |= {"mapped": guide * 2 // depth == target, "reference": reference, "seed": 0}
                rows.append({**row, **pair, "similarity": alike + 0.02 * rng.random()})
    return pd.DataFrame(rows)


def pictures_frame() -> pd.DataFrame:
    """Return what networks say of 40 pictures, as ``guidance.pictures`` stores it."""
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 10, 40).astype(np.uint8)
    pixels = rng.integers(0, 256, (40, 12, 12)).astype(np.uint8)
    rows = []
    for condition, right in (("unguided", 0.5), ("untrained CNN", 0.8), ("trained CNN", 0.6)):
        wrong = rng.random(40) > right
        answers = np.where(wrong, (labels + 1) % 10, labels).astype(np.uint8)
        row = {"condition": condition, "side": 12, "network": 0, "seed": 0}
        row |= {"pixels": pixels.tobytes(), "labels": labels.tobytes()}
        rows.append({**row, "answers": answers.tobytes()})
    return pd.DataFrame(rows)
