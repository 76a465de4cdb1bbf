"""Parity: a transformer guided by a recurrent network, for which it is easy."""

from ibcore.guidance.experiments.sequence_config import (
    Budget,
    Condition,
    Reader,
    SequenceCell,
    Sequences,
    sequence_cells,
)
from ibcore.guidance.experiments.sequence_runs import run_sequences
from ibcore.guidance.experiments.sequence_tasks import Parity
from ibcore.runs import Experiment

FEW = (
    Condition("unguided", rates=(1.0, 3.0)),
    Condition("longer", longer=2),
    Condition("trained", "trained", rates=(1.0, 3.0)),
    Condition("untrained", "untrained"),
    Condition("noise", "noise"),
)
ALL = (*FEW, Condition("distillation", distilled=True))

PARITY: Experiment[Sequences, SequenceCell] = Experiment(
    name="guidance.parity",
    question="Does a recurrent network's guidance teach a transformer parity?",
    tiers={
        "smoke": Sequences(
            (Parity(16),),
            Reader("Transformer", 16),
            Reader("RNN", 32, depth=1),
            FEW,
            Budget(steps=80, batch_size=32, sequences=1024),
            Budget(steps=200, batch_size=32, sequences=1024, learning_rate=1e-2),
            held_out=300,
            networks=2,
        ),
        "laptop": Sequences(
            (Parity(16),),
            Reader("Transformer", 16),
            Reader("RNN", 32, depth=1),
            ALL,
            Budget(steps=200, batch_size=32, sequences=4096),
            Budget(steps=300, batch_size=32, sequences=4096, learning_rate=3e-3),
            held_out=500,
        ),
        "paper": Sequences(
            tuple(Parity(length) for length in (16, 32, 64)),
            Reader("Transformer", 256, depth=4),
            Reader("RNN", 256, depth=1),
            ALL,
            Budget(steps=20_000, sequences=200_000),
            Budget(steps=20_000, sequences=200_000),
        ),
    },
    cells=sequence_cells,
    run_cell=run_sequences,
)

EXPERIMENTS = (PARITY,)
