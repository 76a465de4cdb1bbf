"""The experiments of laboratory 4: one file per kind, gathered here."""

from ibcore.memory.experiments import architecture, exact, pipelines, resnet, time

EXPERIMENTS = (
    *exact.EXPERIMENTS,
    *pipelines.EXPERIMENTS,
    *time.EXPERIMENTS,
    *architecture.EXPERIMENTS,
    *resnet.EXPERIMENTS,
)

__all__ = ["EXPERIMENTS"]
