"""Made-up tables with the columns of the stored ones, small and without symmetries."""

from itertools import product

import numpy as np
import pandas as pd

CONCEPTS = {"striped": "0101010101010101", "red, or a triangle": "1111111100001111"}
LOOKS = (("meta", 0), ("meta", 1), ("meta", 10), ("random", 200))


def concept_frame() -> pd.DataFrame:
    """Return pictures of two architectures, as ``metainit.pictures`` stores them."""
    rng = np.random.default_rng(3)
    orders = [rng.permutation(16).astype(np.uint8).tobytes() for _ in range(2)]
    rows = []
    known = {}  # the ideal learner and memory are the same beside every architecture
    cases = product(("MLP", "LSTM"), CONCEPTS.items(), range(2), (0, 1, 5, 10, 15))
    for architecture, (concept, text), order, support in cases:
        labels = np.array([*text], dtype=np.uint8)
        for method, budget in (*LOOKS, ("ideal", 0), ("memory", 0)):
            sure = 100 * support / 16 * (method != "random") * (budget != 0 or method == "ideal")
            noise = rng.integers(-60, 61, 16)
            beliefs = np.clip(100 + (2.0 * labels - 1) * sure + noise, 0, 200).astype(np.uint8)
            if method == "memory":
                beliefs = np.where(rng.random(16) < 0.2, 100, 200 * labels).astype(np.uint8)
            if method in ("ideal", "memory"):
                beliefs = known.setdefault((concept, order, support, method), beliefs)
            hits = np.where(beliefs == 100, 0.5, (beliefs > 100) == labels)
            row = {"architecture": architecture, "view": "bits", "network": 0, "seed": 0}
            row |= {"parameters": 1249 if architecture == "MLP" else 1169}
            row |= {"concept": concept, "order": order, "shown": orders[order]}
            row |= {"labels": labels.tobytes(), "support": support, "method": method}
            row |= {"budget": budget, "probabilities": beliefs.tobytes(), "accuracy": hits.mean()}
            rows.append(row)
    return pd.DataFrame(rows)


def remainder_frame() -> pd.DataFrame:
    """Return answers for the moduli 1 to 6, as ``metainit.remainders`` stores them."""
    rng = np.random.default_rng(4)
    x = np.arange(100)
    rows = []
    for view, split in product(("bits", "circular"), ("interpolation", "extrapolation")):
        before = rng.normal(2, 1, 100).astype(np.float16)
        for support, modulus in product((20, 100), range(1, 7)):
            drawn = np.random.default_rng([support, modulus, len(split)]).integers(
                100, size=support
            )
            shown = np.bincount(drawn, minlength=100).astype(np.uint8)
            far = split == "extrapolation" and modulus > 3
            noise = rng.normal(0, 30 if far else 50 / support, 100)
            for budget, answers in enumerate((before, (x % modulus + noise).astype(np.float16))):
                error = np.mean((answers.astype(float) - x % modulus) ** 2)
                trained = modulus <= 3 if split == "extrapolation" else modulus % 2 == 1
                row = {"view": view, "split": split, "support": support, "modulus": modulus}
                row |= {"architecture": "MLP", "network": 0, "seed": 0, "budget": budget}
                row |= {"moduli": "train" if trained else "test", "error": error}
                row |= {"outputs": answers.tobytes(), "shown": shown.tobytes()}
                rows.append(row)
    return pd.DataFrame(rows)
