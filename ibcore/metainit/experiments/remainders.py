"""What one network answers for each number x, modulus by modulus, before and after a step."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ibcore.metainit.experiments.architectures import Net
from ibcore.metainit.experiments.arithmetic import (
    NOISE,
    TEST_SEED,
    Arithmetic,
    Learned,
    Numbers,
    arithmetic_cells,
    learn_moduli,
    number_objects,
)
from ibcore.metainit.experiments.learning import LARGE, PAPER, Meta
from ibcore.metainit.scores import squared_error
from ibcore.population import member_seed
from ibcore.runs import Experiment
from ibcore.tasks import Episodes, constant_predictor, moduli, remainder_tables, table_episodes

STEPS = (0, 1)


def run_remainders(cell: Learned, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each modulus, support size and budget.

    Support sets are those of ``metainit.arithmetic``, of which the first is drawn for each
    modulus.  ``outputs`` are 200 bytes, the network's answers for x = 0 to 99 as float16;
    ``shown`` are 100 bytes, how often the support set shows each x.  ``error`` is the mean squared
    error over all x, ``constant`` that of the best constant, and ``moduli`` says whether the
    modulus belongs to the training or the test moduli of the split.

    Examples
    --------
    >>> config = Arithmetic((Numbers(Net()),), meta=Meta(steps=1), support=(20,))
    >>> frame = run_remainders(arithmetic_cells(config)[0], torch.device("cpu"))
    >>> len(frame), len(frame.outputs[0]), sum(frame.shown[0])
    (80, 200, 20)
    """
    learner, parts = learn_moduli(cell, device), []
    for kind, chosen in zip(("train", "test"), moduli(cell.split), strict=True):
        tables = remainder_tables(chosen).to(device)
        for support in cell.support:
            drawn = first_episodes(cell, tables, support)
            counts = torch.stack([row.bincount(minlength=tables.shape[1]) for row in drawn.picked])
            for budget in STEPS:
                outputs = learner.predict(drawn.support, drawn.query[0], inner_steps=budget)
                columns = {
                    "modulus": chosen,
                    "outputs": _bytes(outputs[..., 0], np.float16),
                    "shown": _bytes(counts, np.uint8),
                    "error": squared_error(outputs, drawn.query[1]).tolist(),
                    "constant": constant_predictor(chosen).tolist(),
                }
                frame = pd.DataFrame(columns)
                parts.append(frame.assign(moduli=kind, support=support, budget=budget))
    return pd.concat(parts, ignore_index=True).assign(
        split=cell.split,
        architecture=cell.condition.net.architecture,
        view=cell.condition.view,
        network=cell.network,
        seed=cell.seed,
    )


def first_episodes(cell: Learned, tables: Tensor, support: int) -> Episodes:
    """Return the first support sets on which ``metainit.arithmetic`` tests the same network.

    Examples
    --------
    >>> cell = arithmetic_cells(Arithmetic((Numbers(Net()),)))[0]
    >>> first_episodes(cell, remainder_tables([2, 3]), 20).picked.shape
    torch.Size([2, 20])
    """
    seed = member_seed(TEST_SEED, cell.network)
    x = number_objects(cell, tables.device)
    return table_episodes(x, tables, support=support, noise=NOISE, seed=seed)


def _bytes(rows: Tensor, kind: type[np.float16] | type[np.uint8]) -> list[bytes]:
    return [row.astype(kind).tobytes() for row in rows.cpu().numpy()]


_MLP = Net("MLP", 2, 64)
_TWO = (Numbers(_MLP, "bits"), Numbers(_MLP, "circular"))

REMAINDERS: Experiment[Arithmetic, Learned] = Experiment(
    name="metainit.remainders",
    question="What does one network answer for each number, before and after the inner step?",
    tiers={
        "smoke": Arithmetic(
            _TWO,
            meta=Meta(steps=60, tasks=4, rate=0.001),
            support=(20, 100),
            repeats=1,
            networks=1,
        ),
        "laptop": Arithmetic(_TWO, repeats=1, networks=1),
        "paper": Arithmetic(
            (Numbers(LARGE[0], "bits"), Numbers(LARGE[0], "circular")),
            meta=PAPER,
            repeats=1,
            networks=1,
        ),
    },
    cells=arithmetic_cells,
    run_cell=run_remainders,
)

EXPERIMENTS = (REMAINDERS,)
