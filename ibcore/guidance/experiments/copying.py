"""Copying: a vanilla recurrent network guided by a transformer."""

from ibcore.guidance.experiments.sequence_config import (
    Budget,
    Condition,
    Reader,
    SequenceCell,
    Sequences,
    sequence_cells,
)
from ibcore.guidance.experiments.sequence_runs import run_sequences
from ibcore.guidance.experiments.sequence_tasks import Copying
from ibcore.runs import Experiment

FEW = (
    Condition("unguided"),
    Condition("orthogonal", start="orthogonal"),
    Condition("trained", "trained"),
    Condition("untrained", "untrained"),
    Condition("noise", "noise"),
)
ALL = (
    Condition("unguided", rates=(1.0, 3.0)),
    Condition("longer", longer=2),
    Condition("orthogonal", start="orthogonal"),
    Condition("trained", "trained", rates=(1.0, 3.0)),
    Condition("trained, per token", "trained", "per token"),
    Condition("trained, sequences", "trained", "sequences"),
    Condition("untrained", "untrained"),
    Condition("same architecture", "same architecture"),
    Condition("noise", "noise"),
    Condition("distillation", distilled=True),
)

COPYING: Experiment[Sequences, SequenceCell] = Experiment(
    name="guidance.copying",
    question="Does a transformer's guidance teach a vanilla recurrent network to copy?",
    tiers={
        "smoke": Sequences(
            (Copying(symbols=4, copied=6),),
            Reader("RNN", 32),
            Reader("Transformer", 16),
            FEW,
            Budget(steps=100, batch_size=32, sequences=1024),
            Budget(steps=100, batch_size=32, sequences=1024, learning_rate=1e-2),
            held_out=300,
            networks=2,
        ),
        "laptop": Sequences(
            (Copying(copied=8),),
            Reader("RNN", 32),
            Reader("Transformer", 16),
            ALL,
            Budget(steps=300, batch_size=32, sequences=4096),
            Budget(steps=200, batch_size=32, sequences=4096, learning_rate=1e-2),
            held_out=500,
        ),
        "paper": Sequences(
            (Copying(32, 64),),
            Reader("RNN", 512, depth=4),
            Reader("Transformer", 256, depth=4),
            ALL,
            Budget(steps=20_000, sequences=200_000),
            Budget(steps=20_000, sequences=200_000),
        ),
    },
    cells=sequence_cells,
    run_cell=run_sequences,
)

EXPERIMENTS = (COPYING,)
