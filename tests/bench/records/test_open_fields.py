"""Keys that programs compute with have their types; others are free."""

import json
from dataclasses import asdict

import pytest
from random_records import make_record

from bench.records.open_fields import check_open_fields
from bench.records.schema import decode_record
from pcakd.errors import ConfigError


@pytest.mark.parametrize(
    ("config", "environment", "message"),
    [
        ({}, {"memory_bytes": "lots"}, "environment: key 'memory_bytes' must be a valid integer"),
        ({}, {"threads": None}, "environment: key 'threads' must be"),
        ({}, {"torch": 2.9}, "environment: key 'torch' must be a valid string"),
        ({"memory_fraction": "0.75"}, {}, "config: key 'memory_fraction' must be a valid number"),
        ({"quality_max_side": [512]}, {}, "config: key 'quality_max_side' must be"),
    ],
)
def test_a_value_of_another_type_is_one_line(config, environment, message):
    with pytest.raises(ConfigError, match=message):
        check_open_fields(config, environment)
    data = asdict(make_record()) | {"config": config, "environment": environment}
    with pytest.raises(ConfigError, match=message) as error:
        decode_record(json.dumps(data))
    assert "\n" not in str(error.value)


def test_other_keys_are_free():
    known = {"memory_bytes": 2**40, "threads": 2, "memory": "lots", "load": [0.1, {"a": None}]}
    check_open_fields({"memory_fraction": 1, "budget": "none"}, known)
