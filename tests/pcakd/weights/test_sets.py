"""Names of weight sets."""

from pcakd.weights import (
    all_weight_sets,
    get_weight_set,
    list_weight_sets,
)


def test_names():
    assert {(entry.backbone, entry.name) for entry in all_weight_sets()} == {
        ("vgg16", "caffe"),
        ("vgg16", "torchvision"),
        ("vgg19", "caffe"),
        ("vgg19", "torchvision"),
        ("mobilenet_v1", "keras"),
        ("alexnet", "torchvision"),
        ("mobilenet_v2", "torchvision"),
        ("timm/tf_efficientnet_lite0", "pypi"),
    }
    assert list_weight_sets("vgg16") == ("caffe", "torchvision")
    assert {len(get_weight_set("vgg16", name).shapes) for name in ("caffe", "torchvision")} == {
        16,
        26,
    }
