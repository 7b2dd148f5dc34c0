"""Stylization of images: the public function, which checks and converts its inputs."""

from collections.abc import Callable, Iterator, Sequence
from numbers import Real
from typing import TypedDict

import torch
from jaxtyping import Float
from torch import Tensor

from pcakd.blocks import Autoencoder
from pcakd.coarse_to_fine import measure_style, run_differentiable, run_fast
from pcakd.errors import ConfigError, NumericalError, ShapeError
from pcakd.inputs import Photograph, prepare_input, require_student
from pcakd.linalg import Statistics
from pcakd.styles import Style
from pcakd.transforms import require_transform


class _Options(TypedDict):
    transform: str
    strength: float
    on_step: Callable[[], object]


def stylize(
    student: Autoencoder,
    content: Photograph,
    style: Photograph | Style | Sequence[Style],
    *,
    transform: str = "zca",
    strength: float = 1.0,
    on_step: Callable[[], object] = lambda: None,
) -> Float[Tensor, "*b 3 h w"]:
    """Give photographs the style of another one.

    Each image has its own statistics: a batch gives the results of single calls. PIL images, arrays
    ``(h, w, 3)`` and uint8 tensors are converted to the student's type.

    The result is differentiable where gradients are enabled and an image or a weight of the student
    requires them. Otherwise the images run one by one through the faster tiled blocks.

    Args:
        student: A student, or another autoencoder of four block pairs.
        content: RGB in [0, 1], ``(3, h, w)`` or ``(b, 3, h, w)``, at least 16 × 16, of the
            student's type and on its device.
        style: The same, of any other size, or a style that was measured before; one for all
            contents, or one for each (styles then as a list).
        transform: ``zca``, ``ot`` or ``adain``.
        strength: s in [0, 1]: at each tap F' = (1 - s) F + s T(F), and so for a student's colour
            transfer. With 0 the content is only reconstructed.
        on_step: Called ``pcakd.coarse_to_fine.NUM_STEPS`` times for each content (with gradients:
            for each batch), for a progress bar.

    Returns:
        RGB in [0, 1], of the shape of ``content``. On a CPU a single result is channels-last in
        memory (``permute(1, 2, 0)`` is contiguous).

    Raises:
        ShapeError: An image has another type, layout, size, range of values or device.
        ConfigError: The strength is not in [0, 1], another student made the style, the
            student is none, or a network in
            training has norms that are not folded.
        UnknownNameError: There is no such transform.
        NumericalError: Features are not finite.
    """
    if not isinstance(strength, Real) or not 0.0 <= strength <= 1.0:
        raise ConfigError(f"strength must be a number in [0, 1], got {strength!r}")
    require_transform(transform)
    require_student(student)
    images = prepare_input("content", content, student)
    batch = images if images.dim() == 4 else images[None]
    looks = _prepare_style(style, student, len(batch))
    options = _Options(transform=transform, strength=float(strength), on_step=on_step)
    if _needs_gradients(student, images, looks):
        result = _run_with_gradients(student, batch, looks, options)
    else:
        result = _run_one_by_one(student, batch, looks, options)
        require_numbers(result)
    return result if images.dim() == 4 else result[0]


def require_numbers(result: Tensor) -> None:
    """Check a result, whose values lie in [0, 1] or are NaN, in one pass without a copy.

    Raises:
        NumericalError: It holds NaN.
    """
    if bool(result.sum(dtype=torch.float32).isnan()):
        raise NumericalError(
            "features of this image are not finite; use another student or a wider precision"
        )


Looks = Float[Tensor, "b 3 h w"] | list[Sequence[Statistics]]
"""Style images, or moments as `measure_style` returns them: of one style, or one
for each content."""


def _prepare_style(
    style: Photograph | Style | Sequence[Style], student: Autoencoder, count: int
) -> Looks:
    looks: Looks
    if isinstance(style, Style):
        looks = [style.statistics_for(student)]
    elif isinstance(style, list | tuple) and all(isinstance(each, Style) for each in style):
        looks = [each.statistics_for(student) for each in style]
    elif isinstance(style, list | tuple):
        raise ShapeError(
            f"style is a {type(style).__name__}; expected an image, a batch of images as one "
            "tensor, a Style or a list of Styles"
        )
    else:
        image = prepare_input("style", style, student)
        looks = image if image.dim() == 4 else image[None]
    if len(looks) not in (1, count):
        raise ShapeError(
            f"there are {len(looks)} styles for {count} contents; expected one for all, or one "
            "for each"
        )
    return looks


def _needs_gradients(student: Autoencoder, images: Tensor, looks: Looks) -> bool:
    inputs = [images, *([looks] if isinstance(looks, Tensor) else [])]
    return torch.is_grad_enabled() and any(
        tensor.requires_grad for tensor in (*inputs, *student.parameters())
    )


def _run_with_gradients(
    student: Autoencoder, batch: Tensor, looks: Looks, options: _Options
) -> Float[Tensor, "b 3 h w"]:
    style: Tensor | list[Statistics]
    if isinstance(looks, Tensor):
        style = _ordinary(looks)
    else:
        style = [
            Statistics(
                mean=torch.stack([tap.mean for tap in taps]),
                covariance=torch.stack([tap.covariance for tap in taps]),
            )
            for taps in zip(*looks, strict=True)
        ]
    return run_differentiable(student, _ordinary(batch), style, **options)


def _ordinary(image: Tensor) -> Tensor:
    """Copy a tensor made in inference mode, which autograd cannot use."""
    return image.clone() if image.is_inference() else image


def _run_one_by_one(
    student: Autoencoder, batch: Tensor, looks: Looks, options: _Options
) -> Float[Tensor, "b 3 h w"]:
    targets = _measured(student, looks, len(batch))
    if len(batch) == 1:
        return run_fast(student, batch[0], next(targets), **options)[None]
    result = torch.empty_like(batch, memory_format=torch.contiguous_format, requires_grad=False)
    for image, place in zip(batch, result, strict=True):
        place.copy_(run_fast(student, image, next(targets), **options))
    return result


def _measured(student: Autoencoder, looks: Looks, count: int) -> Iterator[Sequence[Statistics]]:
    """Yield the moments of each content's style; one for all is measured once."""
    if len(looks) == 1:
        only = measure_style(student, looks[0]) if isinstance(looks, Tensor) else looks[0]
        yield from [only] * count
        return
    for look in looks:
        yield measure_style(student, look) if isinstance(look, Tensor) else look
