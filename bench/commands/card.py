"""``bench card``: write the quality of a student or a trained peer into its card."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.analysis.stats import mean_interval
from bench.quality.protocol import METRICS, describe_size
from pcakd.commands.parser import path_argument
from pcakd.errors import ConfigError

_COLUMNS = ("subject", "pair", "gram", "ssim", "lpips")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = "example: python -m bench card runs/vgg16/vgg16.safetensors --scores dev.json"
    parser.add_argument(
        "student",
        type=path_argument,
        metavar="FILE",
        help="student file, .safetensors; or that of a trained peer, whole or packed: its card "
        "has the metric values of each",
    )
    parser.add_argument(
        "--scores",
        type=path_argument,
        metavar="JSON",
        help="metric values, as `pcakd-bench quality --json` writes them",
    )
    parser.add_argument(
        "--photos",
        type=path_argument,
        metavar="DIR",
        help="folder of the training photographs that the card lists: their perceptual hashes are "
        "added to FILE.json, so that copies of them are recognised among image pairs",
    )
    parser.add_argument(
        "--pairs-name",
        default="pairs",
        metavar="NAME",
        help="name of the image pairs in the card (default: pairs)",
    )


def run(args: argparse.Namespace) -> int:
    """Add means with intervals to the header of a student file and to the card beside it.

    The file of a trained peer is left as it is.

    Raises:
        PcakdError: A file is missing or damaged, or has no metric values of the student.
    """
    if args.scores is None and args.photos is None:
        raise ConfigError("nothing is given to add; give --scores JSON, --photos DIR or both")
    if args.photos is not None:
        _add_pictures(_card_beside(args.student), args.photos)
    return _add_scores(args) if args.scores is not None else 0


def _add_pictures(path: Path, folder: Path) -> None:
    """Add the perceptual hashes of the photographs of a card's manifest to the card.

    Raises:
        PcakdError: The card has no manifest, or the folder lacks one of its photographs.
    """
    from bench.quality.unseen import read_folder
    from pcakd.images.perceptual import METHOD
    from pcakd.utils.files import write_text

    card = _read_json(path)
    manifest = card.get("manifest") if isinstance(card, dict) else None
    if not isinstance(manifest, dict):
        raise ConfigError(f"{path} lists no photographs; there is nothing to add hashes to")
    found = read_folder(folder)
    missing = [name for name, digest in manifest.items() if digest not in found.files]
    if missing:
        raise ConfigError(
            f"{folder} lacks {len(missing)} of the {len(manifest)} photographs of {path}, the "
            f"first is {missing[0]}; give the folder of the training"
        )
    hashes = {name: found.pictures.get(found.files[manifest[name]]) for name in manifest}
    known = {name: text for name, text in hashes.items() if text is not None}
    card["pictures"] = {"method": METHOD, "hashes": known}
    write_text(path, json.dumps(card, indent=2, sort_keys=True) + "\n")
    print(f"{path}: perceptual hashes of {len(known)} photographs")


def _add_scores(args: argparse.Namespace) -> int:
    from bench.peers.storage import is_peer_file
    from pcakd.students import load_student, save_student
    from pcakd.utils.files import write_text

    if is_peer_file(args.student):
        return _add_peer_scores(args)
    student = load_student(args.student)
    scores = _summarise(_read_rows(args.scores), args.student.stem, args.pairs_name)
    student.card["scores"] = scores
    save_student(args.student, student)
    beside = _card_beside(args.student)
    card = _read_json(beside) if beside.is_file() else dict(student.card)
    card["scores"] = scores
    write_text(beside, json.dumps(card, indent=2, sort_keys=True) + "\n")
    print(json.dumps(scores, indent=2))
    return 0


def _add_peer_scores(args: argparse.Namespace) -> int:
    """Add metric values to the card of a peer; its weights, whose hash the card has, stay."""
    from bench.peers.storage import file_stem, is_packed_file
    from pcakd.utils.files import write_text

    scores = _summarise(_read_rows(args.scores), file_stem(args.student), args.pairs_name)
    beside = _card_beside(args.student)
    card = _read_json(beside)
    before = card.get("scores", {}) if isinstance(card, dict) else None
    if not isinstance(before, dict):
        raise ConfigError(f"{beside} is not the card of a peer; use that of its training")
    decoder = "float16" if is_packed_file(args.student) else "float32"
    card["scores"] = before | {decoder: scores}
    write_text(beside, json.dumps(card, indent=2, sort_keys=True) + "\n")
    print(json.dumps(scores, indent=2))
    return 0


def _card_beside(path: Path) -> Path:
    from bench.peers.storage import file_stem

    return path.with_name(f"{file_stem(path)}.json")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as JSON ({error}); use another file") from error


def _read_rows(path: Path) -> list[dict[str, Any]]:
    rows = _read_json(path)
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and row.keys() >= set(_COLUMNS) for row in rows
    ):
        raise ConfigError(
            f"{path} holds no rows of {', '.join(_COLUMNS)}; use `pcakd-bench quality`"
        )
    return rows


def _summarise(rows: Sequence[dict[str, Any]], subject: str, pairs_name: str) -> dict[str, object]:
    own = [row for row in rows if row["subject"] == subject]
    if not own:
        known = ", ".join(sorted({str(row["subject"]) for row in rows}))
        raise ConfigError(f"there are no metric values of {subject!r}, only of {known}")
    means: dict[str, object] = {
        metric.name: mean_interval(
            [float(row[metric.name]) for row in own], bounds=metric.bounds
        )._asdict()
        for metric in METRICS
        if all(metric.name in row for row in own)
    }
    return {
        "pairs": pairs_name,
        "count": len(own),
        "transform": "zca",
        "protocol": "; or ".join(dict.fromkeys(row.get("size", describe_size()) for row in own)),
        **means,
    }
