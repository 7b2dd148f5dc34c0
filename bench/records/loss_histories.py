"""Loss histories: where a student's lies, and its copy in a run folder. No torch."""

from collections.abc import Mapping
from pathlib import Path

from bench.records.store import HISTORIES_FOLDER
from pcakd.errors import ConfigError
from pcakd.utils.files import make_folder, write_atomically
from pcakd.zoo import find_file

_SUFFIX = ".losses.csv"
_OF_A_TRAINING = "losses.csv"


def find_history(student: str) -> Path | None:
    """Return the file of the losses of a student's training, or None where there is none.

    Args:
        student: The name of a shipped student (its history is beside it in the package), or the
            path of a student's file: beside it lies ``STEM.losses.csv``, or the ``losses.csv`` of
            a training.
    """
    path = Path(student)
    if path.suffix == ".safetensors":
        places = [path.with_name(f"{path.stem}{_SUFFIX}"), path.with_name(_OF_A_TRAINING)]
    else:
        places = [Path(str(find_file(student, _SUFFIX)))]
    return next((place for place in places if place.is_file()), None)


def copy_histories(folder: Path, histories: Mapping[str, str]) -> None:
    """Copy loss histories to ``histories/NAME.csv`` of a run folder, each whole or not at all.

    Args:
        folder: The run folder.
        histories: The file of each name.

    Raises:
        ConfigError: A history cannot be read.
        OutputError: The folder cannot be written.
    """
    for name, history in histories.items():
        try:
            content = Path(history).read_bytes()
        except OSError as error:
            raise ConfigError(
                f"cannot read {history}: {error.strerror or error}; remove it or make it readable"
            ) from error
        place = folder / HISTORIES_FOLDER
        make_folder(place)
        with write_atomically(place / f"{name}.csv") as stream:
            stream.write(content)


def plain_name(subject: str, precision: str) -> str:
    """Return the name of a subject without its precision.

    >>> plain_name("vgg16+fp16", "fp16"), plain_name("vgg16", "fp32")
    ('vgg16', 'vgg16')
    """
    return subject.removesuffix(f"+{precision}")
