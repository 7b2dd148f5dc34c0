"""Repeated trainings are recognised by their names, if the first training is there too."""

from bench.analysis.trainings import find_trainings


def test_names():
    names = ["a", "a-seed1", "a-seed12", "a+fp16", "a-seed1+fp16", "b-seed1", "a-seed", "a-seed1b"]
    names += ["a-on-gpu", "a-on-other-half+fp16", "a-on-", "b-on-gpu"]
    assert find_trainings(names) == {
        "a-seed1": ("a", "seed", "1"),
        "a-seed12": ("a", "seed", "12"),
        "a-seed1+fp16": ("a+fp16", "seed", "1"),
        "a-on-gpu": ("a", "on", "gpu"),
        "a-on-other-half+fp16": ("a+fp16", "on", "other-half"),
    }


def test_a_training_of_a_training_stands_for_itself():
    again = {"a-seed1-seed2": ("a-seed1", "seed", "2")}
    assert find_trainings(["a-seed1-seed2", "a-seed1"]) == again
    assert find_trainings(["a-on-gpu-seed1", "a-on-gpu", "a"]) == {"a-on-gpu": ("a", "on", "gpu")}
