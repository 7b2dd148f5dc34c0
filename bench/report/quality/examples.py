"""A sheet of stylized examples: one row for each image pair, one column for each subject."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from bench.records.schema import Record
from bench.records.store import name_example
from pcakd.errors import ImageError

CELL = (320, 214)
_GAP = 6
_HEADER = 26
_QUALITY = 88


def evaluated_subjects(records: Iterable[Record]) -> dict[str, set[str]]:
    """Return the subjects that have metric values, by the name of the image pair."""
    subjects: dict[str, set[str]] = {}
    for record in records:
        if record.kind == "quality" and record.status == "ok" and record.case.pair:
            subjects.setdefault(record.case.pair, set()).add(record.case.subject)
    return subjects


def list_examples(folder: Path, names: Iterable[str]) -> list[Path]:
    """List the folders of image pairs (each with a ``content.jpg``) in a run's ``examples``."""
    return [folder / name for name in sorted(names) if (folder / name / "content.jpg").is_file()]


def draw_sheet(
    folder: Path, evaluated: Mapping[str, AbstractSet[str]], *, order: Sequence[str] = ()
) -> bytes | None:
    """Draw the examples of a run as one JPEG grid with column labels.

    Images of other image pairs or subjects are skipped: another run left them there.

    Args:
        folder: Holds ``<image pair>/{content,style,<subject>}.jpg``.
        evaluated: `evaluated_subjects` of the records of the report.
        order: Subjects in the order of their columns; others follow by name.

    Returns:
        The JPEG file, or None where there are no examples.

    Raises:
        ImageError: An image cannot be read.
    """
    pairs = list_examples(folder, evaluated)
    if not pairs:
        return None
    shown = {pair.name: evaluated[pair.name] | {"content", "style"} for pair in pairs}
    found = {
        name
        for pair in pairs
        for name in evaluated[pair.name]
        if (pair / name_example(name)).is_file()
    } - {"content", "style"}  # the input has a column already
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
            path = pair / name_example(name) if name in shown[pair.name] else None
            sheet.paste(_cell(path, font), (left, _HEADER + row * (CELL[1] + _GAP)))
    return _encode(sheet)


def _title(name: str) -> str:
    return {"content": "content (input)", "style": "style (input)"}.get(name, name)


def _cell(path: Path | None, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> Image.Image:
    """Fit an image into a cell on white; a missing one is labelled."""
    if path is None or not path.is_file():
        cell = Image.new("RGB", CELL, "#eeeeee")
        centre = (CELL[0] / 2, CELL[1] / 2)
        ImageDraw.Draw(cell).text(centre, "missing", "#666666", font, anchor="mm")
        return cell
    try:
        with Image.open(path, formats=("JPEG",)) as image:
            return ImageOps.pad(image.convert("RGB"), CELL, Image.Resampling.LANCZOS, "white")
    except (OSError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path} cannot be read ({error}); delete it or run again") from error


def _encode(sheet: Image.Image) -> bytes:
    stream = BytesIO()
    sheet.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return stream.getvalue()
