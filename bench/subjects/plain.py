"""The shipped students layer by layer, without tiles, to compare tiles and their threads with.

``python:bench.subjects.plain:vgg16`` names one where a subject is named.
"""

from torch import Tensor, nn

from pcakd.blocks import run_plain
from pcakd.coarse_to_fine import run_fast
from pcakd.inputs import prepare_input
from pcakd.pipeline import require_numbers
from pcakd.students import Student, load_student


class PlainStudent(nn.Module):
    """A student whose blocks run on whole maps, channels-last on a CPU.

    Attributes:
        transforms: The one transform of the comparison.
    """

    transforms = ("zca",)

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student

    def forward(self, content: Tensor, style: Tensor, *, transform: str) -> Tensor:
        """Stylize ``1 × 3 × h × w`` RGB in [0, 1] with a style of any size.

        Images and result are checked as ``pcakd.stylize`` does.
        """
        content, style = (
            prepare_input(name, image, self.student)
            for name, image in (("content", content), ("style", style))
        )
        result = run_fast(
            self.student, content[0], style[0], transform=transform, run_block=run_plain
        )
        require_numbers(result)
        return result[None]


def vgg16() -> PlainStudent:
    """Return the shipped student of VGG-16."""
    return PlainStudent(load_student("vgg16"))


def mobilenet_v1() -> PlainStudent:
    """Return the shipped student of MobileNet-V1."""
    return PlainStudent(load_student("mobilenet_v1"))
