"""A sheet of stylized examples: one row a pair, one column a subject."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from pcakd.errors import ImageError

CELL = (320, 214)
_GAP = 6
_HEADER = 26
_QUALITY = 88


def list_pairs(folder: Path) -> list[Path]:
    """List the pair folders (each with a ``content.jpg``) of a run's ``examples``, sorted."""
    if not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if (each / "content.jpg").is_file())


def draw_sheet(folder: Path, *, order: Sequence[str] = ()) -> bytes | None:
    """Draw the examples of a run as one JPEG grid with column labels.

    Args:
        folder: Holds ``<pair>/{content,style,<subject>}.jpg``.
        order: Subjects in the order of their columns; others follow by name.

    Returns:
        The JPEG file, or None where there are no examples.

    Raises:
        ImageError: A picture cannot be read.
    """
    pairs = list_pairs(folder)
    if not pairs:
        return None
    found = {each.stem for pair in pairs for each in pair.glob("*.jpg")} - {"content", "style"}
    ranked = [name for name in order if name in found]
    columns = ["content", "style", *ranked, *sorted(found - set(ranked))]
    width = len(columns) * (CELL[0] + _GAP) + _GAP
    height = len(pairs) * (CELL[1] + _GAP) + _HEADER
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=17)
    for column, name in enumerate(columns):
        left = _GAP + column * (CELL[0] + _GAP)
        draw.text((left + CELL[0] / 2, _HEADER / 2), _title(name), "black", font, anchor="mm")
        for row, pair in enumerate(pairs):
            sheet.paste(_cell(pair / f"{name}.jpg", font), (left, _HEADER + row * (CELL[1] + _GAP)))
    return _encode(sheet)


def _title(name: str) -> str:
    return {"content": "content (input)", "style": "style (input)"}.get(name, name)


def _cell(path: Path, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> Image.Image:
    """Fit a picture into a cell on white; a missing one says so."""
    if not path.is_file():
        cell = Image.new("RGB", CELL, "#eeeeee")
        centre = (CELL[0] / 2, CELL[1] / 2)
        ImageDraw.Draw(cell).text(centre, "missing", "#666666", font, anchor="mm")
        return cell
    try:
        with Image.open(path, formats=("JPEG",)) as picture:
            return ImageOps.pad(picture.convert("RGB"), CELL, Image.Resampling.LANCZOS, "white")
    except (OSError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path} cannot be read ({error}); delete it or run again") from error


def _encode(sheet: Image.Image) -> bytes:
    stream = BytesIO()
    sheet.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return stream.getvalue()
