"""Where learning starts: initial weights together with the rates of the steps that follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from ibcore.metainit.maml import check_parameters
from ibcore.metainit.rates import full_rates, names_below, rate_table

RateKind = Literal["fixed", "shared", "each"]
RATE_KINDS: tuple[RateKind, ...] = get_args(RateKind)


@dataclass(frozen=True, eq=False)
class Start:
    """Initial weights and inner rates, by name of parameter.

    They can be taken apart: ``Start(learned.params, other.rates)`` asks what the weights alone
    are worth.

    Attributes
    ----------
    params
        Every parameter of the model.
    rates
        Of the parameters that are adapted: a number for each of their numbers, or one for all.

    Examples
    --------
    >>> import torch
    >>> start = Start({"w": torch.ones(2)}, {"w": torch.tensor(0.1)})
    >>> copy = start.copy()
    >>> copy.params["w"].zero_().tolist(), start.params["w"].tolist()
    ([0.0, 0.0], [1.0, 1.0])
    """

    params: dict[str, Tensor]
    rates: dict[str, Tensor]

    def copy(self) -> "Start":
        """Return the same numbers in memory of their own, outside any graph."""
        params, rates = (
            {name: value.detach().clone() for name, value in part.items()}
            for part in (self.params, self.rates)
        )
        return Start(params, rates)


def first_start(
    model: nn.Module,
    params: Mapping[str, Tensor] | None,
    *,
    rate: float,
    kind: RateKind,
    adapted: tuple[str, ...] | None,
) -> Start:
    """Return where meta-learning begins; the options are those of `MetaLearner`.

    Raises
    ------
    ValueError
        If parameters do not fit the model, or an option is unknown.

    Examples
    --------
    >>> net = nn.Linear(3, 1)
    >>> start = first_start(net, None, rate=0.1, kind="each", adapted=("bias",))
    >>> start.rates
    {'bias': tensor([0.1000])}
    """
    if kind not in RATE_KINDS:
        raise ValueError(f"unknown rates {kind!r}; choose one of {', '.join(RATE_KINDS)}")
    own: Mapping[str, Tensor] = dict(model.named_parameters())
    chosen = dict(own if params is None else params)
    check_parameters(model, chosen)
    names = list(chosen) if adapted is None else names_below(model, adapted)
    table = rate_table(dict.fromkeys(names, rate), chosen)
    return Start(chosen, full_rates(chosen, rate, names) if kind == "each" else table).copy()
