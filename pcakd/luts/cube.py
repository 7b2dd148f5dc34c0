"""Files of look-up tables, ``.cube``: Resolve, Premiere and ffmpeg (``lut3d``) read them.

Source: Adobe, "Cube LUT Specification", version 1.0. Red changes fastest.
"""

import os

import torch

from pcakd.errors import PcakdError
from pcakd.luts.table import MOST_SIZE, Lut
from pcakd.utils.files import require_output, to_path, write_text

_SUFFIX = ".cube"
_MOST_BYTES = 64 * MOST_SIZE**3


def write_cube(path: str | os.PathLike[str], lut: Lut, *, title: str) -> None:
    """Write a table, whole or not at all, with six decimals.

    Args:
        path: The file.
        lut: The table.
        title: One line that programs show; quotes are left out, and ? stands for other than ASCII.

    Raises:
        OutputError: The file cannot be written, or would replace one of another kind.
    """
    path = to_path(path, "the look-up table")
    require_output(path, _SUFFIX)
    shown = " ".join(title.replace('"', "").encode("ascii", "replace").decode().split())
    rows = lut.values.permute(2, 1, 0, 3).reshape(-1, 3).tolist()
    lines = [f'TITLE "{shown}"', f"LUT_3D_SIZE {lut.size}", "DOMAIN_MIN 0 0 0", "DOMAIN_MAX 1 1 1"]
    lines += [f"{red:.6f} {green:.6f} {blue:.6f}" for red, green, blue in rows]
    write_text(path, "\n".join(lines) + "\n")


def read_cube(path: str | os.PathLike[str]) -> Lut:
    """Read a three-dimensional table over [0, 1]³.

    Raises:
        PcakdError: The file is missing, damaged, or of another kind.
    """
    path = to_path(path, "the look-up table", error=PcakdError)
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is no file")
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        return _parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, PcakdError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PcakdError(f"{path} cannot be read as a look-up table ({reason})") from error


def _parse(text: str) -> Lut:
    size, rows = 0, []
    for line in text.splitlines():
        words = line.split()
        if not words or line.startswith(("#", "TITLE")):
            continue
        if words[0] == "LUT_3D_SIZE":
            size = int(words[1]) if len(words) == 2 else 0
        elif words[0] in ("DOMAIN_MIN", "DOMAIN_MAX"):
            wanted = 0.0 if words[0] == "DOMAIN_MIN" else 1.0
            if [float(word) for word in words[1:]] != [wanted] * 3:
                raise ValueError("its domain is not [0, 1]")
        elif words[0][0].isalpha():
            raise ValueError(f"{words[0]} is not known here")
        else:
            rows.append([float(word) for word in words])
    if not 1 < size <= MOST_SIZE or len(rows) != size**3 or any(len(row) != 3 for row in rows):
        raise ValueError(f"{len(rows)} colours do not make a table of LUT_3D_SIZE {size}")
    values = torch.tensor(rows).reshape(size, size, size, 3)
    return Lut(values=values.permute(2, 1, 0, 3).contiguous())
