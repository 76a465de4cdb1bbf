"""The experiments of laboratory 1: one file per kind, gathered here."""

from ibcore.redshift.experiments import (
    boolean,
    guesses,
    hysteresis,
    modular,
    priors,
    random_networks,
    references,
    shortcuts,
    shoulders,
    splines,
    transformers,
)

EXPERIMENTS = (
    *random_networks.EXPERIMENTS,
    *references.EXPERIMENTS,
    *priors.EXPERIMENTS,
    *modular.EXPERIMENTS,
    *hysteresis.EXPERIMENTS,
    *shortcuts.EXPERIMENTS,
    *guesses.EXPERIMENTS,
    *boolean.EXPERIMENTS,
    *transformers.EXPERIMENTS,
    *shoulders.EXPERIMENTS,
    *splines.EXPERIMENTS,
)

__all__ = ["EXPERIMENTS"]
