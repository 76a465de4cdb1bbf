"""Exercises that are checked in the notebook: `check` says right, or gives a hint.

One file for each chapter; each exercise holds its stub, its solution and the wrong answers that
many give, each with the hint that helps.
"""

from ibcore.exercises.checking import (
    Exercise,
    Outcome,
    Trial,
    Wrong,
    check,
    exercises,
    find,
    try_out,
)

__all__ = [
    "Exercise",
    "Outcome",
    "Trial",
    "Wrong",
    "check",
    "exercises",
    "find",
    "try_out",
]
