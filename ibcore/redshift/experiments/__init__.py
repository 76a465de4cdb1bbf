"""The experiments of laboratory 1: one file per kind, gathered here."""

from ibcore.redshift.experiments import random_networks, references

EXPERIMENTS = (*random_networks.EXPERIMENTS, *references.EXPERIMENTS)

__all__ = ["EXPERIMENTS"]
