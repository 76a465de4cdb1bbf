"""Checks of what a figure is asked to show: the message names the value and the choices."""

import math
from collections.abc import Iterable, Mapping
from typing import Any


def check_among(name: str, value: object, choices: Iterable[object]) -> None:
    """Raise unless ``value`` is one of ``choices``, of the same type.

    Raises
    ------
    ValueError
        If it is none of them.

    Examples
    --------
    >>> check_among("width", 33, (8, 16))
    Traceback (most recent call last):
    ...
    ValueError: width must be one of 8, 16, got 33
    """
    known = tuple(choices)
    if not any(value == choice and type(value) is type(choice) for choice in known):
        listed = ", ".join(repr(choice) for choice in known)
        raise ValueError(f"{name} must be one of {listed}, got {value!r}")


def check_whole(name: str, value: object, bounds: tuple[int, int]) -> None:
    """Raise unless ``value`` is a whole number between the bounds, both included.

    Raises
    ------
    ValueError
        If it is not.

    Examples
    --------
    >>> check_whole("depth", 3, (1, 6))
    """
    inside = isinstance(value, int) and bounds[0] <= value <= bounds[1]
    if not inside or isinstance(value, bool):
        raise ValueError(
            f"{name} must be a whole number from {bounds[0]} to {bounds[1]}, got {value!r}"
        )


def check_number(name: str, value: object, bounds: tuple[float, float]) -> None:
    """Raise unless ``value`` is a finite number between the bounds, both included.

    Raises
    ------
    ValueError
        If it is not.

    Examples
    --------
    >>> check_number("weight_scale", 2, (0.25, 16.0))
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and bounds[0] <= value <= bounds[1]):  # type: ignore[arg-type,operator]
        raise ValueError(f"{name} must be a number from {bounds[0]} to {bounds[1]}, got {value!r}")


def check_names(params: Mapping[str, Any], expected: Iterable[str]) -> None:
    """Raise unless ``params`` has exactly the expected names.

    Raises
    ------
    ValueError
        If a parameter is unknown or missing.

    Examples
    --------
    >>> check_names({"seed": 0}, ["seed"])
    """
    if set(params) != set(expected):
        raise ValueError(f"params must be {sorted(expected)}, got {sorted(params)}")
