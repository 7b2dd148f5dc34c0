"""PCA-based knowledge distillation of photorealistic style transfer.

The names below are the public interface. Each is imported when it is first used, so that
``import pcakd`` is fast and imports no torch.

>>> import pcakd
>>> student = pcakd.load_student("vgg16")
>>> content, style = pcakd.load_image("day.jpg"), pcakd.load_image("dusk.jpg")  # doctest: +SKIP
>>> pcakd.save_image("out.png", student(content, style))  # doctest: +SKIP

Source: Chiu and Gurari, "PCA-Based Knowledge Distillation Towards Lightweight and Content-Style
Balanced Photorealistic Style Transfer Models", CVPR 2022, arXiv 2203.13452.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from pcakd.errors import PcakdError

if TYPE_CHECKING:
    from pcakd.backbones import list_backbones, load_backbone
    from pcakd.distillation.config import DistillConfig
    from pcakd.distillation.recipe import AutoencoderWeights, Recipe, StylizationWeights
    from pcakd.distillation.run import distill
    from pcakd.distillation.schedule import Schedule
    from pcakd.eigenbases import Eigenbasis, fit_eigenbases
    from pcakd.images import load_image, save_image
    from pcakd.pipeline import stylize
    from pcakd.students import Student, list_students, load_card, load_student
    from pcakd.styles import Style, extract_style, load_style, mix_styles

__version__ = "0.2.0"

__all__ = [
    "AutoencoderWeights",
    "DistillConfig",
    "Eigenbasis",
    "PcakdError",
    "Recipe",
    "Schedule",
    "Student",
    "Style",
    "StylizationWeights",
    "__version__",
    "distill",
    "extract_style",
    "fit_eigenbases",
    "list_backbones",
    "list_students",
    "load_backbone",
    "load_card",
    "load_image",
    "load_student",
    "load_style",
    "mix_styles",
    "save_image",
    "stylize",
]

_MODULES = {
    "AutoencoderWeights": "pcakd.distillation.recipe",
    "DistillConfig": "pcakd.distillation.config",
    "Eigenbasis": "pcakd.eigenbases",
    "Recipe": "pcakd.distillation.recipe",
    "Schedule": "pcakd.distillation.schedule",
    "Student": "pcakd.students",
    "Style": "pcakd.styles",
    "StylizationWeights": "pcakd.distillation.recipe",
    "distill": "pcakd.distillation.run",
    "extract_style": "pcakd.styles",
    "fit_eigenbases": "pcakd.eigenbases",
    "list_backbones": "pcakd.backbones",
    "list_students": "pcakd.students",
    "load_backbone": "pcakd.backbones",
    "load_card": "pcakd.students",
    "load_image": "pcakd.images",
    "load_student": "pcakd.students",
    "load_style": "pcakd.styles",
    "mix_styles": "pcakd.styles",
    "save_image": "pcakd.images",
    "stylize": "pcakd.pipeline",
}
"""Where each public name is defined."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'pcakd' has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
