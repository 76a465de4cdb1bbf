"""Problem generators: functions that return tensors and need no download."""

from ibcore.tasks.arithmetic import (
    Moduli,
    NumberView,
    Split,
    constant_predictor,
    moduli,
    number_inputs,
    remainder_tables,
)
from ibcore.tasks.concepts import ConceptView, concept_inputs, sample_concepts
from ibcore.tasks.concepts_prior import concept_prior
from ibcore.tasks.episodes import Episodes, table_episodes
from ibcore.tasks.grid import Nodes, axis, grid
from ibcore.tasks.images import ColoredDigits, Digits, colored_digits, digits
from ibcore.tasks.modular import Modular, modular_addition, modular_labels
from ibcore.tasks.omniglot import Glyphs, glyphs_from_arrays, read_omniglot, rotated
from ibcore.tasks.omniglot_pools import Pool, glyph_episodes, glyph_pool
from ibcore.tasks.omniglot_synthetic import synthetic_glyphs
from ibcore.tasks.render import patches
from ibcore.tasks.sparse import SparseRegression, sparse_regression, stack_problems

__all__ = [
    "ColoredDigits",
    "ConceptView",
    "Digits",
    "Episodes",
    "Glyphs",
    "Modular",
    "Moduli",
    "Nodes",
    "NumberView",
    "Pool",
    "SparseRegression",
    "Split",
    "axis",
    "colored_digits",
    "concept_inputs",
    "concept_prior",
    "constant_predictor",
    "digits",
    "glyph_episodes",
    "glyph_pool",
    "glyphs_from_arrays",
    "grid",
    "modular_addition",
    "modular_labels",
    "moduli",
    "number_inputs",
    "patches",
    "read_omniglot",
    "remainder_tables",
    "rotated",
    "sample_concepts",
    "sparse_regression",
    "stack_problems",
    "synthetic_glyphs",
    "table_episodes",
]
