"""The architecture as a moderator: which of them lets which pipeline forget the scale."""

from dataclasses import replace

from ibcore.memory.experiments.digits import THREE, Digits, Net, experiment, small
from ibcore.memory.experiments.pipelines import ADAM, ADAM_LOW, SGD, SGD_L2

NETS = (
    Net(),
    Net("ReLU", "relu"),
    Net("ReLU, layer norm", "relu", "layer"),
    Net("ReLU, batch norm", "relu", "batch"),
    Net("ReLU, convolutions", "relu", channels=(8, 16)),
)

_NETS = Digits(
    (SGD, SGD_L2, ADAM_LOW, ADAM),
    scales=THREE,
    looks=(0, 100, 300, 1000, 2000),
    nets=NETS,
)

ARCHITECTURE = experiment(
    "architecture",
    "Does a pipeline that forgets the scale in one architecture forget it in all?",
    smoke=replace(small(_NETS), nets=(NETS[0], NETS[3]), pipelines=(SGD, ADAM)),
    laptop=_NETS,
    paper=replace(_NETS, scales=(0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0), steps=10_000, networks=20),
)

EXPERIMENTS = (ARCHITECTURE,)
