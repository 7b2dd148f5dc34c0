"""A record's environment is complete."""

import json

import torch

from bench.machine.environment import describe_environment


def test_environment_is_json_and_names_the_processor():
    environment = describe_environment(torch.device("cpu"))
    assert json.loads(json.dumps(environment)) == environment
    assert environment["threads"] == torch.get_num_threads()
    assert environment["device_name"] == environment["cpu"] != ""
