"""The player of learned modular additions: what a network learns as its prefactor grows."""

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.base import Answer, Explorer
from ibcore.explorers.checks import check_among, check_names
from ibcore.explorers.draw import Poster
from ibcore.explorers.packing import fit_pictures
from ibcore.explorers.stored import (
    Summary,
    check_columns,
    in_order,
    nearest,
    plain,
    source_of,
    summarize,
)
from ibcore.runs import load
from ibcore.tasks.modular import modular_labels

if TYPE_CHECKING:
    import pandas as pd

SIDE = 32  # points along each axis of a stored picture
LARGEST = 90_000  # characters of the packed pictures
KEYS = ("activation", "prefactor", "modulus")
ACCURACIES = ("train_accuracy", "test_accuracy")


def _number(name: str, value: object) -> object:
    return float(value) if name == "prefactor" and isinstance(value, int) else value


def _target(modulus: int) -> str:
    """Return the label of each point of the picture as text of 0 and 1, x1 the slow axis."""
    labels = modular_labels(modulus, points=SIDE).flatten().tolist()
    return "".join(map(str, labels))


class ModularPlayer(Explorer):
    """Modular addition, learned: the target, one learned function and the accuracy.

    Labels are 1 where (x1 + x2) mod M is below M / 2, for whole numbers x1, x2 from 0 to 15.
    The reader chooses activation, prefactor and M, or lets the prefactor run.

    Parameters
    ----------
    activation, prefactor, modulus
        What to start from; by default the first activation, the prefactor nearest to 1 and the
        largest modulus of the pictures.
    curves
        Columns activation, prefactor, modulus, network, train_accuracy, test_accuracy; by
        default ``ibcore.runs.load("redshift.modular")``.
    pictures
        Columns activation, prefactor, modulus, picture, train_accuracy, test_accuracy: one row
        for every combination, ``picture`` the 32 x 32 bytes of the function on the grid of
        [-1, 1]^2, x1 the slow axis, 255 times the probability of label 1; by default
        ``ibcore.runs.load("redshift.modular-pictures")``.

    Raises
    ------
    FileNotFoundError
        If a frame is neither given nor stored; the message names the command that computes it.
    ValueError
        If a value is not in the frames, a frame lacks a column or a combination, or the packed
        pictures are too large for a page.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"activation": "relu", "prefactor": 1.0, "modulus": 10}
    >>> row |= {"train_accuracy": 1.0, "test_accuracy": 0.9}
    >>> curves, pictures = pd.DataFrame([row]), pd.DataFrame([{**row, "picture": bytes(1024)}])
    >>> ModularPlayer(curves=curves.assign(network=0), pictures=pictures)
    ModularPlayer(relu, prefactor 1, modulus 10)
    """

    kind: ClassVar[str] = "ModularPlayer"
    heights = (
        "calc(50cqw + 907px)",
        "max(653px, .2619*min(100cqw, 920px) + 424.3px)",
    )

    def __init__(
        self,
        activation: str | None = None,
        *,
        prefactor: float | None = None,
        modulus: int | None = None,
        curves: "pd.DataFrame | None" = None,
        pictures: "pd.DataFrame | None" = None,
    ) -> None:
        accuracies = load("redshift.modular") if curves is None else curves
        learned = load("redshift.modular-pictures") if pictures is None else pictures
        check_columns("curves", accuracies, (*KEYS, "network", *ACCURACIES))
        check_columns("pictures", learned, (*KEYS, "picture", *ACCURACIES))
        self.source = source_of(accuracies)
        self.choices: dict[str, list[Any]] = {
            "activation": in_order(learned["activation"]),
            "prefactor": [float(value) for value in plain(learned["prefactor"])],
            "modulus": plain(learned["modulus"])[::-1],
        }
        self._pictures, self._networks = self._read_pictures(learned)
        self._curves = self._read_curves(accuracies)
        self._packed, self._levels = fit_pictures(self._pictures, LARGEST)
        start = (activation, prefactor, modulus)
        usual = (self.choices["activation"][0], nearest(1, self.choices["prefactor"]))
        defaults = (*usual, self.choices["modulus"][0])
        chosen = [d if value is None else value for value, d in zip(start, defaults, strict=True)]
        self._initial = self._checked(dict(zip(KEYS, chosen, strict=True)))

    def __repr__(self) -> str:
        p = self._initial
        return (
            f"ModularPlayer({p['activation']}, prefactor {p['prefactor']:.3g}, "
            f"modulus {p['modulus']})"
        )

    def setup(self) -> dict[str, Any]:
        """Return choices, packed pictures, their accuracies and the curves."""
        return {
            "choices": self.choices,
            "side": SIDE,
            "targets": {str(modulus): _target(modulus) for modulus in self.choices["modulus"]},
            "levels": self._levels,
            "pictures": self._packed,
            "networks": self._networks,
            "curves": self._curves,
            "source": self.source,
        }

    def initial(self) -> dict[str, Any]:
        """Return the activation, prefactor and modulus that the figure starts from."""
        return dict(self._initial)

    def poster(self) -> Poster:
        """Return the first learned function with its accuracy."""
        p = self._initial
        train, test = self._networks[self._index(p)]
        described = f"{p['activation']}, prefactor {p['prefactor']:.3g}, modulus {p['modulus']}"
        result = f"train accuracy {train:.2f}, test accuracy {test:.2f}"
        return Poster(
            self._pictures[self._index(p)] / 255,
            f"The function that a network ({described}) learned from modular addition, over two "
            f"inputs from 0 to 15: {result}.",
            f"{described}: {result}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return the stored picture, in all its levels, and the accuracy of its network.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or not among those of the pictures.
        """
        index = self._index(self._checked(params))
        train, test = self._networks[index]
        values = self._pictures[index].astype(np.float32) / 255
        return Answer({"train_accuracy": train, "test_accuracy": test}, values.tobytes())

    def _combinations(self) -> list[tuple[Any, ...]]:
        return list(product(*(self.choices[name] for name in KEYS)))

    def _index(self, params: Mapping[str, Any]) -> int:
        return self._combinations().index(tuple(params[name] for name in KEYS))

    def _checked(self, params: Mapping[str, Any]) -> dict[str, Any]:
        check_names(params, KEYS)
        checked = {name: _number(name, params[name]) for name in KEYS}
        for name in KEYS:
            check_among(name, checked[name], self.choices[name])
        return checked

    def _read_pictures(
        self, frame: "pd.DataFrame"
    ) -> tuple[NDArray[np.uint8], list[tuple[float, float]]]:
        """Return pictures (m, 32, 32) and accuracies in the order of the combinations."""
        rows = {tuple(row[name] for name in KEYS): row for row in frame.to_dict("records")}
        wanted = self._combinations()
        if len(frame) != len(wanted) or any(key not in rows for key in wanted):
            raise ValueError(
                f"pictures must have one row for each of the {len(wanted)} combinations of "
                f"{', '.join(KEYS)}, got {len(frame)} rows for {len(rows)} combinations"
            )
        pictures = [np.frombuffer(rows[key]["picture"], dtype=np.uint8) for key in wanted]
        wrong = next((picture.size for picture in pictures if picture.size != SIDE**2), None)
        if wrong is not None:
            raise ValueError(f"a picture must have {SIDE} x {SIDE} bytes, got {wrong}")
        networks = [tuple(round(float(rows[k][name]), 4) for name in ACCURACIES) for k in wanted]
        stacked = np.stack(pictures).reshape(-1, SIDE, SIDE)
        return stacked, [(train, test) for train, test in networks]

    def _read_curves(
        self, frame: "pd.DataFrame"
    ) -> dict[str, dict[str, list[tuple[float, Summary, Summary]]]]:
        """Return ``curves[activation][modulus]``: prefactor, then train and test accuracy."""
        curves: dict[str, dict[str, list[tuple[float, Summary, Summary]]]] = {}
        for name, modulus in product(self.choices["activation"], self.choices["modulus"]):
            rows = frame[(frame["activation"] == name) & (frame["modulus"] == modulus)]
            if rows.empty:
                raise ValueError(
                    f"curves has no networks with activation {name!r} and modulus {modulus}"
                )
            curves.setdefault(name, {})[str(modulus)] = [
                (float(at), *(summarize(group[column]) for column in ACCURACIES))  # type: ignore[misc]
                for at, group in rows.groupby("prefactor")
            ]
        return curves
