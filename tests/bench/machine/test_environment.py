"""A record's environment is complete."""

import json

import pytest
import torch

from bench.machine.cgroup import Limits
from bench.machine.environment import describe_environment


def test_environment_is_json_and_names_the_processor():
    environment = describe_environment(torch.device("cpu"))
    assert json.loads(json.dumps(environment)) == environment
    assert environment["threads"] == torch.get_num_threads()
    assert environment["device_name"] == environment["cpu"] != ""


@pytest.mark.parametrize("given", [True, False])
def test_huge_pages_are_in_the_record(monkeypatch, given):
    monkeypatch.setattr("bench.machine.environment.has_huge_pages", lambda: given)
    assert describe_environment(torch.device("cpu"))["huge_pages"] is given


def test_limits_of_control_groups_are_in_the_record(monkeypatch):
    limits = Limits(cpu_quota=0.5, memory_bytes=2**30)
    for module in ("environment", "memory"):
        monkeypatch.setattr(f"bench.machine.{module}.read_limits", lambda: limits)
    environment = describe_environment(torch.device("cpu"))
    assert (environment["cpu_quota"], environment["memory_limit_bytes"]) == (0.5, 2**30)
    assert environment["memory_bytes"] == 2**30
