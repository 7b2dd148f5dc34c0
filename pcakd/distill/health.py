"""Whether a block has learnt anything: R² against its ceiling, dead channels, lost images."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from pcakd.backbones import Backbone
from pcakd.distill.evaluate import evaluate_tap
from pcakd.distill.journal import save_contact_sheet
from pcakd.distill.phases import DecoderPhase
from pcakd.distill.photos import Photos
from pcakd.distill.recipe import Recipe
from pcakd.distill.setting import Setting

_SHEET_PHOTOS = 6
_LOST_IMAGE = 0.5  # a decoder that leaves this share of the image's variance has collapsed


class CollapseError(Exception):
    """A block went wrong and is to be restarted; the text says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Looks at finished phases, on the photographs that are kept from training.

    Attributes:
        recipe: Holds the limits.
        setting: What was trained, and its teacher and eigenbases.
        check_teacher: The teacher in full precision.
        photos: Training photographs and those kept from it.
        folder: Where contact sheets go.
    """

    recipe: Recipe
    setting: Setting
    check_teacher: Backbone
    photos: Photos
    folder: Path

    def examine_tap(self, block: int) -> dict[str, Any]:
        """Return the report of encoder block 1 to 4.

        Raises:
            CollapseError: Its R² is too far below the ceiling, or too many channels are dead.
        """
        recipe, student = self.recipe, self.setting.student
        basis = self.setting.eigenbases[block - 1].basis
        tap = evaluate_tap(student, self.check_teacher, basis, self._held_out(), tap=block)
        if not tap.r2 >= recipe.min_r2_share * tap.ceiling:  # NaN has collapsed too
            raise CollapseError(f"R² {tap.r2:.3f} of a ceiling of {tap.ceiling:.3f}")
        if tap.dead_channels > recipe.max_dead_share * tap.channels:
            raise CollapseError(f"{tap.dead_channels} of {tap.channels} channels are dead")
        tqdm.write(f"tap {block}: R² {tap.r2:.3f} of {tap.ceiling:.3f}, {tap.dead_channels} dead")
        return asdict(tap)

    def examine_decoder(self, phase: DecoderPhase) -> dict[str, Any]:
        """Return the report of a decoder block, and leave a contact sheet of reconstructions.

        Raises:
            CollapseError: It keeps too much of the image's variance as error.
        """
        totals: dict[str, float] = {}
        batches = list(self._held_out())
        with torch.inference_mode():
            for image in batches:
                for name, term in phase.losses(image).items():
                    totals[name] = totals.get(name, 0.0) + float(term) / len(batches)
        if not totals["b"] < _LOST_IMAGE:
            raise CollapseError(f"the image loss is {totals['b']:.3f} of the image's variance")
        image = torch.cat(batches)[:_SHEET_PHOTOS]
        sheet = self.folder / f"block{phase.block}_reconstructions.png"
        save_contact_sheet(sheet, self.setting.student, image, block=phase.block)
        return {"held_out_losses": totals, "scales": dict(phase.scales)}

    def _held_out(self) -> Iterator[Tensor]:
        device = next(self.setting.student.parameters()).device
        recipe, photos = self.recipe, self.photos
        for batch in photos.centre_crops(photos.held_out, size=recipe.batch, crop=recipe.crop):
            yield batch.to(device, memory_format=torch.channels_last)
