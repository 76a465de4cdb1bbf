"""What figures of stored numbers share: each control chooses among values that are stored."""

from collections.abc import Mapping
from typing import Any

from ibcore.explorers.base import Explorer
from ibcore.explorers.checks import check_among, check_names


class StoredFigure(Explorer):
    """A figure whose every parameter takes one of a few values.

    A subclass sets ``_choices``, the values of each parameter, and calls `_start` with the state
    it begins with.
    """

    _choices: dict[str, list[Any]]
    _initial: dict[str, Any]

    def __repr__(self) -> str:
        return f"{self.kind}({self._describe(self._initial)})"

    def initial(self) -> dict[str, Any]:
        """Return the choices that the figure starts from and Reset goes back to."""
        return dict(self._initial)

    def _describe(self, p: Mapping[str, Any]) -> str:
        """Return a state in words."""
        raise NotImplementedError

    def _start(self, usual: Mapping[str, Any], **asked: Any) -> None:
        """Begin with what was asked for, and with the usual where nothing was."""
        chosen = {name: value for name, value in asked.items() if value is not None}
        self._initial = self._checked({**usual, **chosen})

    def _checked(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters, or raise a ValueError unless each is one of its choices."""
        check_names(params, self._choices)
        for name, values in self._choices.items():
            check_among(name, params[name], values)
        return {name: params[name] for name in self._choices}
