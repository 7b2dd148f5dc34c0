"""The phases before the last one, kept for trainings that differ in the last one alone."""

import hashlib
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from pcakd.distillation.run_files.checkpoint import (
    CHECKPOINT,
    Progress,
    load_checkpoint,
    save_checkpoint,
)
from pcakd.distillation.run_files.logger import LOSSES
from pcakd.eigenbases import load_eigenbases, save_eigenbases
from pcakd.errors import OutputError, PcakdError, TrainingError
from pcakd.utils.files import make_folder, write_text

EIGENBASES = "eigenbases.safetensors"
"""Name of the eigenbases in a run's folder."""

SESSION = "session"
"""The key of the settings that has the machine and the code (`describe_session`)."""

_DIGITS = 16


class SharedPhases:
    """A place for the state of a training at the start of its last phase.

    Args:
        folder: Folder of all such states.
        settings: All that the phases before the last one depend on, as JSON values.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        text = json.dumps(settings, sort_keys=True)
        self._settings: dict[str, Any] = json.loads(text)
        self._folder = folder / hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]

    def keep(self, output: Path, progress: Progress, state: dict[str, Tensor]) -> None:
        """Keep the state of a training that comes to its last phase, unless there is one already.

        A training of several sessions is not kept, because another machine or release may have
        computed a part of it. If the place cannot be written, a warning says so.

        Args:
            output: The folder of the training.
            progress: Its progress.
            state: Named tensors of the network.
        """
        if self._folder.exists() or progress.sessions != [self._settings[SESSION]]:
            return
        try:
            make_folder(self._folder.parent)
            with tempfile.TemporaryDirectory(dir=self._folder.parent, prefix=".") as place:
                whole = Path(place) / "whole"
                whole.mkdir()
                self._copy(output, whole, self._settings)
                save_checkpoint(whole / CHECKPOINT, progress, state, fingerprint=self._settings)
                try:
                    whole.rename(self._folder)
                except OSError:
                    if not self._folder.exists():  # no other training was faster
                        raise
        except (PcakdError, OSError) as error:
            sys.stderr.write(f"warning: the phases are not shared: {error}\n")

    def adopt(self, output: Path, fingerprint: dict[str, Any]) -> bool:
        """Let a training begin with its last phase; return whether a state for it is there.

        A state that is damaged is not taken, and a warning says so.

        Args:
            output: The folder of the training, which has no checkpoint yet.
            fingerprint: The settings of the training.

        Raises:
            OutputError: The folder cannot be written.
        """
        if not self._folder.is_dir():
            return False
        try:
            progress, state = load_checkpoint(self._folder / CHECKPOINT, fingerprint=self._settings)
            self._copy(self._folder, output, fingerprint)
        except OutputError:
            raise
        except PcakdError as error:
            sys.stderr.write(
                f"warning: {error}; delete {self._folder}, whose phases are trained again now\n"
            )
            return False
        save_checkpoint(output / CHECKPOINT, progress, state, fingerprint=fingerprint)
        return True

    def _copy(self, source: Path, target: Path, card: Mapping[str, Any]) -> None:
        """Copy eigenbases, with the settings as their card, and losses."""
        eigenbases, means, _ = load_eigenbases(source / EIGENBASES)
        wanted = json.loads(json.dumps(card))
        save_eigenbases(target / EIGENBASES, eigenbases, channel_means=means, card=wanted)
        try:
            text = (source / LOSSES).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TrainingError(f"cannot read {source / LOSSES} ({error})") from error
        write_text(target / LOSSES, text)
