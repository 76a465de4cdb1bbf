"""The experiments of laboratory 1: one file per kind, gathered here."""

from ibcore.redshift.experiments import (
    hysteresis,
    modular,
    random_networks,
    references,
    transformers,
)

EXPERIMENTS = (
    *random_networks.EXPERIMENTS,
    *references.EXPERIMENTS,
    *modular.EXPERIMENTS,
    *hysteresis.EXPERIMENTS,
    *transformers.EXPERIMENTS,
)

__all__ = ["EXPERIMENTS"]
