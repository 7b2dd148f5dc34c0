"""Registries of names."""

import pytest

from pcakd.errors import UnknownNameError
from pcakd.utils.registry import Registry


@pytest.fixture
def registry():
    result = Registry("backbone")
    result.register("vgg19", 19)
    result.register("mobilenet_v1", 1)
    return result


def test_entries_are_found_and_listed_in_order(registry):
    assert registry.get("vgg19") == 19
    assert registry.names() == ("vgg19", "mobilenet_v1")


def test_a_name_is_registered_once(registry):
    with pytest.raises(ValueError, match="backbone 'vgg19' is registered twice"):
        registry.register("vgg19", 20)
    assert registry.get("vgg19") == 19


def test_an_unknown_name_is_answered_with_the_nearest_one(registry):
    with pytest.raises(UnknownNameError) as error:
        registry.get("vgg18")
    expected = "backbone 'vgg18' is not known; did you mean 'vgg19'? Known: mobilenet_v1, vgg19"
    assert str(error.value) == expected
    with pytest.raises(UnknownNameError, match=r"'resnet' is not known\. Known: mobilenet_v1"):
        registry.get("resnet")
