"""The student that a training starts from."""

from os import PathLike

from pcakd.backbones import Backbone, get_backbone_entry
from pcakd.distillation.config import DistillConfig
from pcakd.errors import ConfigError
from pcakd.students import Student, factorise_student, load_student
from pcakd.weights.hashing import hash_tensors


def load_start(
    config: DistillConfig, name_or_path: str | PathLike[str], teacher: Backbone
) -> tuple[Student, str]:
    """Load the student to start from, of low rank if that is wanted, and hash its own weights.

    Raises:
        ConfigError: It has no eigenbases, or those of another teacher.
    """
    student = load_student(name_or_path)
    rows = [basis.shape[0] for basis in student.eigenbases]
    own, other = teacher.card, student.card.get("teacher", {})
    hashes = {own.sha256 if own else None, other.get("sha256")} - {None}
    if rows != list(get_backbone_entry(config.backbone).widths) or len(hashes) > 1:
        raise ConfigError(
            f"{name_or_path} has {'the eigenbases of another teacher' if rows else 'no eigenbases'}"
            f"; start from a student of {config.backbone} with the same --weights"
        )
    own_hash = hash_tensors(student.state_dict())
    if config.low_rank is not None:
        student = factorise_student(student, config.low_rank)
    return student, own_hash
