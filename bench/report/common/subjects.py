"""What the subjects of this project's benchmarks are, in a few words."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pcakd.zoo import split_version

REFERENCE = "content"
"""The subject whose output is its content: metrics are read against it, and it is no method."""

DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        REFERENCE: "reference: the content image, unchanged",
        "reinhard": "colour transfer of Reinhard et al. (mean and deviation in CIELAB)",
        "mkl": "linear Monge-Kantorovich colour transfer",
        "histogram": "histogram matching of each colour channel",
        "idt": "iterative distribution transfer of colours",
        "idt-regrain": "iterative distribution transfer with regraining",
        "mobilenet_v1": "shipped student of MobileNet-V1",
        "mobilenet_v1-m": "shipped student of MobileNet-V1, medium",
        "mobilenet_v1-s": "shipped student of MobileNet-V1, small",
        "vgg16": "shipped student of VGG-16",
        "efficientnet-lite0": "student of EfficientNet-Lite0",
        "authors_mobilenet_v1": "the paper authors' student of MobileNet-V1",
        "authors_vgg19": "the paper authors' student of VGG-19",
        "mobilenet_v1-full": "MobileNet-V1 autoencoder at full width",
        "vgg19-full": "VGG-19 autoencoder at full width",
        "dpst": "Deep Photo Style Transfer, an optimisation on features of VGG-19",
        "cap-vstnet": "CAP-VSTNet, reversible residual network",
        "photowct": "PhotoWCT, VGG-19",
        "photowct2": "PhotoWCT², VGG-19",
        "photowct2-vgg16": "PhotoWCT² with a VGG-16 encoder, trained here",
        "wct2-sum": "WCT² that sums its wavelet bands, VGG-19",
        "wct2-cat5": "WCT² that concatenates its wavelet bands, VGG-19",
    }
)
"""Descriptions by the name of the subject."""


def is_reference(subject: str) -> bool:
    """Return whether a label (`bench.records.identity.label_subjects`) names the reference.

    >>> is_reference("content"), is_reference("content (0a1b2c)"), is_reference("vgg16")
    (True, True, False)
    """
    return subject.partition(" (")[0] == REFERENCE


def describe_subjects(names: Iterable[str]) -> str:
    """Return a Markdown list of the subjects that have a description.

    A precision such as ``+fp16``, a look-up table and a filter are parts of a name and do not
    change its description.

    >>> print(describe_subjects(["vgg16+fp16", "mine", "vgg16@1"]))
    - `vgg16`: shipped student of VGG-16
    - `vgg16@1`: shipped student of VGG-16, version 1
    <BLANKLINE>
    """
    known = dict.fromkeys(re.split(r"[+>|]", name)[0] for name in names)
    return "".join(map(_describe, known))


def _describe(name: str) -> str:
    plain, version = split_version(name)
    if plain not in DESCRIPTIONS:
        return ""
    suffix = "" if version is None else f", version {version}"
    return f"- `{name}`: {DESCRIPTIONS[plain]}{suffix}\n"
