"""The experiments of laboratory 2: one file per kind, gathered here."""

from ibcore.metainit.experiments import arithmetic, concepts, few, gap, omniglot, swap

EXPERIMENTS = (
    *concepts.EXPERIMENTS,
    *gap.EXPERIMENTS,
    *arithmetic.EXPERIMENTS,
    *swap.EXPERIMENTS,
    *few.EXPERIMENTS,
    *omniglot.EXPERIMENTS,
)

__all__ = ["EXPERIMENTS"]
