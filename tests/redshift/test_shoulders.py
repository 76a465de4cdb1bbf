"""The initial size of the residual branches, and the gain at which complexity rises."""

import torch

from ibcore.nets import Transformer
from ibcore.redshift import sample_sequences
from ibcore.redshift.experiments.transformers import SHOULDERS, TRANSFORMERS, phrases_per_token

CPU = torch.device("cpu")


def test_the_scaled_networks_are_those_of_the_experiment_on_transformers():
    ours = [c for c in SHOULDERS.plan("laptop").values() if c["scale_residual"]]
    others = {(c["activation"], c["depth"], c["head"], c["positions"]): c for c in _transformers()}
    for cell in ours:
        twin = others[cell["activation"], cell["depth"], "tied", True]
        for name in ("gains", "length", "vocabulary", "width", "heads", "seed"):
            assert cell[name] == twin[name]


def _transformers():
    return TRANSFORMERS.plan("laptop").values()


def test_a_cell_measures_the_sequences_of_its_own_condition():
    cell = next(c for c in SHOULDERS.plan("smoke").values() if not c["scale_residual"])
    frame = SHOULDERS.run_cell(cell, CPU)
    net = Transformer(activation="selu", scale_residual=False)
    sequences = sample_sequences(net, networks=2, gains=cell["gains"], length=cell["length"])
    for index, gain in enumerate(cell["gains"]):
        rows = frame[frame.gain == gain]
        assert rows.network.tolist() == list(range(5)) and not rows.scale_residual.any()
        assert rows.lempel_ziv.tolist()[:2] == phrases_per_token(sequences[:, index])
