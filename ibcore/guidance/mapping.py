"""Which layer of the guide each layer of the target is compared with."""

from collections.abc import Sequence
from typing import Literal, get_args

LayerMapping = Literal["even", "last", "all"]
MAPPINGS: tuple[LayerMapping, ...] = get_args(LayerMapping)
Pairs = Sequence[tuple[str, str]]


def layer_pairs(
    guide: Sequence[str], target: Sequence[str], mapping: LayerMapping | Pairs = "even"
) -> list[tuple[str, str]]:
    r"""Return pairs of a guide's layer and a target's layer.

    Parameters
    ----------
    guide, target
        Names of layers in the order in which they are computed, g and t of them.
    mapping
        ``"even"``: layer i of the guide, from 0, with layer
        :math:`\operatorname{round}(i\,(t-1)/(g-1))` of the target, as in the paper's public code
        (halves to the even number); a guide of one layer goes with the last of the target.
        ``"last"``: the two last layers.  ``"all"``: every layer with every layer, for guides of
        one representation such as labels.  Or the pairs themselves, the guide's name first.

    Raises
    ------
    ValueError
        If there is no layer, a name is unknown or double, or a pair is given twice.

    References
    ----------
    Subramaniam et al. (2024), "Training the untrainable", public code.

    Examples
    --------
    >>> layer_pairs(["a", "b", "c"], ["1", "2", "3", "4", "5"])
    [('a', '1'), ('b', '3'), ('c', '5')]
    >>> layer_pairs(["labels"], ["1", "2"], "all")
    [('labels', '1'), ('labels', '2')]
    """
    for name, layers in (("guide", guide), ("target", target)):
        if not layers or len(set(layers)) < len(layers):
            raise ValueError(f"the {name} needs layers of different names, got {list(layers)}")
    if not isinstance(mapping, str):
        return _given(guide, target, mapping)
    if mapping not in MAPPINGS:
        raise ValueError(
            f"unknown mapping {mapping!r}; choose one of {', '.join(MAPPINGS)}, or give pairs"
        )
    if mapping == "all":
        return [(one, other) for one in guide for other in target]
    if mapping == "last" or len(guide) == 1:
        return [(guide[-1], target[-1])]
    step = (len(target) - 1) / (len(guide) - 1)
    return [(name, target[round(index * step)]) for index, name in enumerate(guide)]


def _given(guide: Sequence[str], target: Sequence[str], pairs: Pairs) -> list[tuple[str, str]]:
    """Return the pairs after a check of their names."""
    found = [(one, other) for one, other in pairs]
    if not found or len(set(found)) < len(found):
        raise ValueError(f"give at least one pair of layers, and each once, got {found}")
    for one, other in found:
        for name, layer, layers in (("guide", one, guide), ("target", other, target)):
            if layer not in layers:
                raise ValueError(
                    f"the {name} has no layer {layer!r}; it has {', '.join(map(repr, layers))}"
                )
    return found
