"""The check that no image pair holds a photograph of a training, or a copy of one.

Files are compared by their SHA-256, pictures by their perceptual hash: re-encoded, resized and
mirrored copies are found (`pcakd.images.perceptual`).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from bench.plan.image_pairs import ImagePair
from bench.subjects import find_card
from pcakd.errors import ConfigError, ImageError
from pcakd.images import list_images, load_image
from pcakd.images.perceptual import (
    MAX_DISTANCE,
    METHOD,
    NUM_BITS,
    count_differing_bits,
    hash_picture,
    unpack_hashes,
)

_PICTURES = "pictures"
"""Key of a card: the method of the perceptual hashes and the hash of each photograph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPhotos:
    """What is known of the photographs of a training.

    Attributes:
        source: Where they are or who was trained on them, for messages.
        files: Name of each photograph by the SHA-256 of its file.
        pictures: Perceptual hash of each photograph by its name; empty if they are not known.
    """

    source: str
    files: Mapping[str, str]
    pictures: Mapping[str, str] = field(default_factory=dict)

    def find(self, path: Path) -> str | None:
        """Return which photograph a file is, or is a copy of, in words; None if it is new.

        Raises:
            ImageError: The file cannot be read.
        """
        if name := self.files.get(digest_file(path)):
            return f"is {name} of {self.source}"
        if not self.pictures:
            return None
        names, known = list(self.pictures), unpack_hashes(self.pictures.values())
        image = load_image(path)
        for picture in (image, image.flip(-1)):
            text = hash_picture(picture)
            if text is None:
                return None
            bits = count_differing_bits(unpack_hashes([text]), known)
            nearest = int(bits.argmin())
            if bits[nearest] <= MAX_DISTANCE:
                return (
                    f"looks like {names[nearest]} of {self.source} ({bits[nearest]} of "
                    f"{NUM_BITS} bits of their perceptual hashes differ)"
                )
        return None


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        ImageError: It cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror or error}") from error


def read_folder(folder: Path) -> TrainingPhotos:
    """Hash the photographs of a folder.

    Raises:
        ImageError: The folder holds no photographs, or one cannot be read.
    """
    files, pictures = {}, {}
    with tqdm(list_images(folder), desc="perceptual hashes", unit="photo", leave=False) as bar:
        for photo in bar:
            files[digest_file(photo)] = photo.name
            if text := hash_picture(load_image(photo)):
                pictures[photo.name] = text
    source = f"the training photographs in {folder}"
    return TrainingPhotos(source=source, files=files, pictures=pictures)


def read_card(path: Path, name: str) -> TrainingPhotos | None:
    """Read what a card says of the photographs of a training; None if it lists none.

    Args:
        path: The card, a JSON file.
        name: Name of the network.

    Raises:
        ConfigError: The file cannot be read as a card.
    """
    try:
        card: Any = json.loads(path.read_bytes())
        manifest = card.get("manifest", {})
        pictures = card.get(_PICTURES, {})
        known = pictures.get("hashes", {}) if pictures.get("method") == METHOD else {}
        files = {str(digest): str(photo) for photo, digest in manifest.items()}
        unpack_hashes(known.values())
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{path} is not a card ({error}); remove it") from error
    if not files:
        return None
    source = f"the training photographs of {name}"
    return TrainingPhotos(source=source, files=files, pictures=known)


def require_unseen(pairs: Sequence[ImagePair], photos: TrainingPhotos) -> None:
    """Check that no image pair contains a photograph of a training, or a copy of one.

    Raises:
        ConfigError: A pair contains one.
        ImageError: A file cannot be read.
    """
    for path, found in _find_seen(pairs, photos):
        raise ConfigError(f"{path} {found}; score over others")


def describe_seen(pairs: Sequence[ImagePair], photos: TrainingPhotos) -> list[str]:
    """Return one line for each image that was trained on, and one if only files were compared.

    Raises:
        ImageError: A file cannot be read.
    """
    lines = [f"warning: {path} {found}" for path, found in _find_seen(pairs, photos)]
    if not photos.pictures:
        lines.append(
            f"note: image pairs were compared with {photos.source} by their files alone: their "
            "card holds no perceptual hashes (`pcakd-bench card --photos` adds them)"
        )
    return lines


def _find_seen(pairs: Sequence[ImagePair], photos: TrainingPhotos) -> Iterator[tuple[Path, str]]:
    for pair in pairs:
        for path in (pair.content, pair.style):
            if found := photos.find(path):
                yield path, found


def report_seen(subjects: Sequence[str], pairs: Sequence[ImagePair]) -> list[str]:
    """Compare image pairs with the photographs that the cards of subjects list.

    Args:
        subjects: Names for `bench.subjects.parse_subject`; those without a card are left out.
        pairs: The image pairs.

    Returns:
        The lines of `describe_seen`; subjects with the same photographs share theirs.

    Raises:
        PcakdError: A card or an image cannot be read.
    """
    groups: dict[str, tuple[TrainingPhotos, dict[str, None]]] = {}
    for text in subjects:
        path = find_card(text)
        photos = read_card(path, path.stem) if path else None
        if path and photos:
            key = json.dumps([sorted(photos.files.items()), bool(photos.pictures)])
            groups.setdefault(key, (photos, {}))[1].setdefault(path.stem)
    return [
        line
        for photos, names in groups.values()
        for line in describe_seen(
            pairs, replace(photos, source=f"the training photographs of {', '.join(names)}")
        )
    ]


def find_nearest(
    hashes: Sequence[str], mirrored: Sequence[str]
) -> Iterator[tuple[int, "np.ndarray[tuple[int, ...], np.dtype[np.int64]]"]]:
    """Compare each picture with all later ones, as it is and mirrored.

    Yields:
        The index of a picture and the distances (the smaller of both) to those after it.
    """
    plain, turned = unpack_hashes(hashes), unpack_hashes(mirrored)
    for index in range(len(plain) - 1):
        later = plain[index + 1 :]
        yield (
            index,
            np.minimum(
                count_differing_bits(plain[index : index + 1], later),
                count_differing_bits(turned[index : index + 1], later),
            ),
        )
