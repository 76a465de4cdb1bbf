"""Text: a recurrent language model guided by a transformer, on a grammar whose entropy is known."""

from ibcore.guidance.experiments.grammar import Nested
from ibcore.guidance.experiments.sequence_config import (
    Budget,
    Condition,
    Reader,
    SequenceCell,
    Sequences,
    sequence_cells,
)
from ibcore.guidance.experiments.sequence_runs import run_sequences
from ibcore.guidance.experiments.sequence_tasks import Shakespeare
from ibcore.runs import Experiment

FEW = (
    Condition("unguided", rates=(1.0, 3.0)),
    Condition("trained", "trained"),
    Condition("untrained", "untrained"),
    Condition("noise", "noise"),
)
ALL = (
    Condition("unguided", rates=(1.0, 3.0, 10.0)),
    Condition("longer", longer=2),
    Condition("trained", "trained", rates=(1.0, 3.0)),
    Condition("untrained", "untrained"),
    Condition("noise", "noise"),
    Condition("distillation", distilled=True),
)

TEXT: Experiment[Sequences, SequenceCell] = Experiment(
    name="guidance.text",
    question="Does a transformer's guidance improve a recurrent language model?",
    tiers={
        "smoke": Sequences(
            (Nested(words=6, kinds=3, length=16),),
            Reader("RNN", 32),
            Reader("Transformer", 16),
            FEW,
            Budget(steps=80, batch_size=32, sequences=1024),
            Budget(steps=150, batch_size=32, sequences=1024, learning_rate=1e-2),
            held_out=300,
            networks=2,
        ),
        "laptop": Sequences(
            (Nested(words=8, kinds=4, length=16),),
            Reader("RNN", 32),
            Reader("Transformer", 16),
            ALL,
            Budget(steps=200, batch_size=32, sequences=4096),
            Budget(steps=300, batch_size=32, sequences=4096, learning_rate=1e-2),
            held_out=500,
        ),
        "paper": Sequences(
            (Nested(words=64, kinds=16, depth=6, length=128), Shakespeare()),
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

EXPERIMENTS = (TEXT,)
