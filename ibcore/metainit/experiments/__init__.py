"""The experiments of laboratory 2: one file per kind, gathered here."""

from ibcore.metainit.experiments import (
    arithmetic,
    complexity,
    concepts,
    few,
    gap,
    omniglot,
    pictures,
    pretraining,
    remainders,
    swap,
)

EXPERIMENTS = (
    *concepts.EXPERIMENTS,
    *gap.EXPERIMENTS,
    *arithmetic.EXPERIMENTS,
    *swap.EXPERIMENTS,
    *few.EXPERIMENTS,
    *omniglot.EXPERIMENTS,
    *pretraining.EXPERIMENTS,
    *complexity.EXPERIMENTS,
    *pictures.EXPERIMENTS,
    *remainders.EXPERIMENTS,
)

__all__ = ["EXPERIMENTS"]
