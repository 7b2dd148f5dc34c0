"""Files that are written whole or not at all; tensors in safetensors files."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pcakd.errors import OutputError, PcakdError, shorten

if TYPE_CHECKING:
    from torch import Tensor


SAFETENSORS = ".safetensors"
_HEADER = "pcakd"


def to_path(path: object, what: str, *, error: type[PcakdError] = OutputError) -> Path:
    """Return a path, given as text or as a path.

    Args:
        path: The path.
        what: What it is the path of, for the error message.
        error: The type of error to raise.

    Raises:
        PcakdError: (as ``error``) It is neither.

    >>> to_path(None, "the style file")
    Traceback (most recent call last):
    pcakd.errors.OutputError: the path of the style file is None; give a text or a pathlib.Path
    """
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    if not isinstance(path, str):
        raise error(f"the path of {what} is {shorten(path)}; give a text or a pathlib.Path")
    return Path(path)


def require_parent(path: Path) -> None:
    """Check that the folder of ``path`` exists and that a file can be written at ``path``.

    Raises:
        OutputError: The parent folder is missing or not a folder, or ``path`` is a folder, a
            device, a pipe or a socket.
    """
    if not path.parent.is_dir():
        raise OutputError(
            f"cannot write {path}: the folder {path.parent} does not exist; create it"
        )
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; name a file")
    if path.exists() and not path.is_file():
        raise OutputError(f"cannot write {path}: it is a device or a pipe; name a file")


def require_output(path: Path, *suffixes: str) -> None:
    """Check like `require_parent`, and that no file of another kind would be replaced.

    Args:
        path: The file to write.
        suffixes: Ends of names of files that may be replaced.

    Raises:
        OutputError: As `require_parent`, or the file exists and its name ends otherwise.
    """
    require_parent(path)
    if path.exists() and not path.name.endswith(suffixes):
        raise OutputError(
            f"{path} exists and does not end in {' or '.join(suffixes)}; name another file"
        )


def require_safetensors(path: Path) -> None:
    """Check that a safetensors file can be written at ``path``.

    Raises:
        OutputError: As `require_parent`, or the name does not end in ``.safetensors``.
    """
    require_parent(path)
    if path.suffix != SAFETENSORS:
        raise OutputError(f"cannot write {path}: the file must end in {SAFETENSORS}")


def make_folder(path: Path) -> None:
    """Make a folder and its parents where they are missing, and check that it takes files.

    Raises:
        OutputError: ``path`` or one above it is a file, or the place cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise OutputError(f"cannot write into {path}: {error.strerror or error}") from error


@contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a temporary file, which replaces ``path`` when the block ends without an exception.

    An exception, a full disk or a killed process leaves the file that was at ``path`` unchanged.

    Raises:
        OutputError: The place cannot be written.
    """
    path = to_path(path, "the output")
    require_parent(path)
    try:
        # a short name: one made from the target's would be too long where that has 255 bytes
        descriptor, name = tempfile.mkstemp(prefix=".pcakd-", suffix=".part", dir=path.parent)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes private files; set the mode that open() would have set
        umask = os.umask(0)
        os.umask(umask)
        partial.chmod(0o666 & ~umask)
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text atomically, with Unix line ends on every platform.

    Raises:
        OutputError: The place cannot be written.
    """
    with write_atomically(path) as stream:
        stream.write(text.encode())


def write_safetensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, "Tensor"],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors and string metadata as one safetensors file, atomically.

    Raises:
        OutputError: The place cannot be written, or its name does not end in ``.safetensors``.
    """
    from safetensors.torch import save

    path = to_path(path, "the output")
    require_safetensors(path)
    packed = save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        metadata=dict(metadata) if metadata else None,
    )
    with write_atomically(path) as stream:
        stream.write(packed)


def pack_header(header: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata of a safetensors file that hold JSON values.

    They are one key: safetensors does not keep the order of several.

    >>> pack_header({"version": 1})
    {'pcakd': '{"version": 1}'}
    """
    return {_HEADER: json.dumps(header, sort_keys=True)}


def unpack_header(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return the JSON values of `pack_header`.

    Raises:
        KeyError: There is no header.
        ValueError: It is no JSON object.
    """
    try:
        header = json.loads(metadata[_HEADER])
    except RecursionError as error:
        raise ValueError("the header is nested too deeply") from error
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    return header


def read_safetensors(
    path: str | os.PathLike[str], *, error: type[PcakdError] = PcakdError
) -> tuple[dict[str, "Tensor"], dict[str, str]]:
    """Read a safetensors file: its tensors on the CPU and its string metadata.

    Args:
        path: The file.
        error: The type of error to raise.

    Raises:
        PcakdError: (as ``error``) The file is missing, unreadable, not safetensors (a pickle, say),
            or holds a number that is not finite.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    path = to_path(path, "the file", error=error)
    if not path.is_file():
        raise error(f"{path} is not a file; check the path")
    try:
        with safe_open(path, framework="pt", device="cpu") as stream:
            metadata = dict(stream.metadata() or {})
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as cause:
        reason = " ".join(str(cause).split())
        raise error(f"{path} cannot be read as safetensors ({reason}); use another file") from cause
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise error(f"{path}: tensor {name!r} holds a value that is not finite; file damaged")
    return tensors, metadata
