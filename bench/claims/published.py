"""The claims of the paper, and counts of the architectures of its two students.

Source: Chiu and Gurari, "PCA-Based Knowledge Distillation Towards Lightweight and Content-Style
Balanced Photorealistic Style Transfer Models", CVPR 2022. Its speeds were measured on a GPU.

The counts are those of ``pcakd.students.create_student`` and `bench.profiling.macs` at sizes that
are multiples of 16; a test compares them. They are numbers here, so that reports need no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bench.records.schema import MetricName

TRANSFORM = "zca"
"""The transform of the paper; the claims are checked with its records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """A student of the paper.

    Attributes:
        title: Its name in rows.
        architecture: The architecture that the authors distilled.
        num_params: Deployed parameters of that architecture.
        num_eigenbasis_params: Entries of its eigenbases.
        macs_per_pixel: Multiply-adds of its content path per content pixel.
        subject: The shipped student that is measured in its place.
        stands_for: How the two differ; empty if they do not.
    """

    title: str
    architecture: str
    num_params: int
    num_eigenbasis_params: int
    macs_per_pixel: float
    subject: str
    stands_for: str


VGG_STUDENT = Student(
    title="VGG student",
    architecture="VGG-19, ranks 10, 20, 58 and 64, with its colour layer",
    num_params=283_236,
    num_eigenbasis_params=50_816,
    macs_per_pixel=18_832.5,
    subject="vgg16",
    stands_for="`vgg16`, distilled from VGG-16, replaces the paper's student of VGG-19",
)
MOBILENET_STUDENT = Student(
    title="MobileNet student",
    architecture="MobileNet-V1, ranks 10, 19, 37 and 54",
    num_params=52_742,
    num_eigenbasis_params=20_096,
    macs_per_pixel=2_465.4609375,
    subject="mobilenet_v1",
    stands_for="",
)
STUDENTS = (VGG_STUDENT, MOBILENET_STUDENT)

SMALLEST_PIXELS = 1280 * 720
"""Pixels of HD, the smallest of the paper's six sizes; its claims are not about smaller ones."""

FULL_WIDTH = "vgg19-full"
"""The subject that the paper's VGG student compresses."""

WCT2, PHOTOWCT, PHOTOWCT2 = "wct2-cat5", "photowct", "photowct2"
PEERS: Mapping[str, str] = MappingProxyType(
    {WCT2: "WCT²", PHOTOWCT: "PhotoWCT", PHOTOWCT2: "PhotoWCT²"}
)
"""The existing models that the paper compares with: subject and title."""

ENCODERS: Mapping[str, str] = MappingProxyType(
    {f"{peer}-vgg16": "its encoder is VGG-16" for peer in PEERS}
)
"""Subjects whose quality stands for a peer, and how they differ from it."""


TRAINED: Mapping[str, str] = MappingProxyType({f"{peer}-vgg19": peer for peer in PEERS})
"""Peers that `pcakd-bench train --encoder vgg19` trains; their cost is measured too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedClaim:
    """The claim that ``fast`` is ``least`` to ``most`` times as fast as ``slow``."""

    title: str
    slow: str
    fast: Student
    least: float
    most: float

    @property
    def published(self) -> str:
        """The published figure."""
        return f"about {self.least:g}×"


SPEED_CLAIMS = (
    *(
        SpeedClaim(
            title=f"{VGG_STUDENT.title} faster than {PEERS[peer]}",
            slow=peer,
            fast=VGG_STUDENT,
            least=times,
            most=times,
        )
        for peer, times in ((WCT2, 10), (PHOTOWCT, 10), (PHOTOWCT2, 5))
    ),
    SpeedClaim(
        title=f"{MOBILENET_STUDENT.title} faster than the {VGG_STUDENT.title}",
        slow=VGG_STUDENT.subject,
        fast=MOBILENET_STUDENT,
        least=2,
        most=2,
    ),
)

OVERALL_SPEED = (5.0, 20.0)
OVERALL_PAIRS = (
    *((peer, VGG_STUDENT.subject) for peer in PEERS),
    (WCT2, MOBILENET_STUDENT.subject),
)
"""The speed ratios that the overall claim needs; its smallest and greatest are among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityClaim:
    """The claim that both students are better than a peer in style or in content.

    Attributes:
        peer: The peer.
        published: The claim in words.
        metrics: What it is judged by. Each student was trained on none of some of them, nor on a
            close relative; a remark names the others.
        literature: The metric of the literature, for records that have none of them.
    """

    peer: str
    published: str
    metrics: tuple[MetricName, ...]
    literature: MetricName


def _style(peer: str) -> QualityClaim:
    return QualityClaim(
        peer=peer,
        published="stronger style",
        metrics=("bounded_gram", "alexnet_gram", "sliced_wasserstein", "histogram_correlation"),
        literature="gram",
    )


def _content(peer: str) -> QualityClaim:
    return QualityClaim(
        peer=peer,
        published="better content",
        metrics=("ms_ssim", "gmsd", "haarpsi"),
        literature="ssim",
    )


QUALITY_CLAIMS = (_style(WCT2), _content(PHOTOWCT), _content(PHOTOWCT2))
