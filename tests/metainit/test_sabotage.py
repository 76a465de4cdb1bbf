"""The learned start in the place of the random one: claims that compare the two turn red."""

import pandas as pd
import pytest

from ibcore.runs import evaluate, load, read_ledger


def as_learned(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of random starts what one learned step has reached, network by network."""
    keys = ["architecture", "view", "network", "seed", "support"]
    learned = frame[frame.method == "meta"]
    one = learned[learned.budget == 1][[*keys, "accuracy"]]
    random = frame[frame.method == "random"].drop(columns="accuracy")
    return pd.concat([learned, random.merge(one, on=keys)])


def learned_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(gap_random=frame.gap_meta, reduction=0.0, advantage=0.0)


def learned_arm(frame: pd.DataFrame) -> pd.DataFrame:
    """Give every arm of `metainit.tuned` the accuracies of the start learned for one step."""
    keys = ["architecture", "network", "support"]
    one = frame[frame.arm == "learned for 1"][[*keys, "accuracy"]]
    return frame.drop(columns="accuracy").merge(one, on=keys)


def learned_start(frame: pd.DataFrame) -> pd.DataFrame:
    """Give random starts of `metainit.pretraining` what meta-learned ones have reached."""
    keys = ["optimizer", "budget", "support", "network"]
    learned = frame[frame.start == "meta"]
    random = frame[frame.start == "random"].drop(columns="accuracy")
    random = random.merge(learned[[*keys, "accuracy"]], on=keys)
    return pd.concat([learned, random])


def learned_weights(frame: pd.DataFrame) -> pd.DataFrame:
    """Give Adam from random starts in `metainit.overshoot` the errors of Adam from learned ones."""
    keys = ["moduli", "optimizer", "budget", "chosen", "network"]
    learned = frame[frame.start == "learned"]
    random = frame[frame.start == "random"].drop(columns="error")
    return pd.concat([learned, random.merge(learned[[*keys, "error"]], on=keys)])


def learned_step(frame: pd.DataFrame) -> pd.DataFrame:
    """Give Adam from random weights in `metainit.omniglot-four` the best of the learned arms."""
    keys = ["architecture", "network", "alphabets"]
    best = frame[frame.arm.isin(["learned", "learned, adam"])].groupby(keys).accuracy.max()
    random = frame[frame.arm == "adam"].drop(columns="accuracy").join(best, on=keys)
    return pd.concat([frame[frame.arm != "adam"], random])


SABOTAGE = {
    "metainit.vacuous-budget": as_learned,
    "metainit.plain-wins": as_learned,
    "metainit.gap-reduced": learned_gaps,
    "metainit.gap-budget": learned_gaps,
    "metainit.advantage": learned_gaps,
    "metainit.weights-carry": learned_start,
    "metainit.lstm-needs-start": learned_arm,
    "metainit.representation-conv-plain": as_learned,
    "metainit.matched-ten": learned_start,
    "metainit.matched-one": learned_start,
    "metainit.start-ahead-beyond": learned_weights,
    "metainit.start-ahead-later": learned_weights,
    "metainit.ten-mlp": learned_arm,
    "metainit.one-lstm": learned_arm,
    "metainit.adam-lstm": learned_arm,
    "metainit.real-ahead": learned_step,
    "metainit.real-lstm": learned_step,
    "metainit.real-ten": learned_step,
}


@pytest.mark.parametrize("name", SABOTAGE)
def test_a_learned_start_in_the_place_of_the_random_one_is_seen(name: str) -> None:
    claim = read_ledger()[name]
    frame = load(str(claim.experiment), claim.tier)
    assert evaluate(claim, frame).passed
    assert not evaluate(claim, SABOTAGE[name](frame)).passed
