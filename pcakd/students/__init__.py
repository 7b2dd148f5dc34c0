"""Students: thin autoencoders, described as stages and stored as safetensors."""

from pcakd.students.low_rank import factorise_student
from pcakd.students.of_teacher import BLOCK_TYPES, BlockType, describe_student, find_block_type
from pcakd.students.spec import ARCHITECTURES, Architecture, StudentSpec
from pcakd.students.storage import list_students, load_card, load_student, save_student
from pcakd.students.student import Student, create_student

__all__ = [
    "ARCHITECTURES",
    "BLOCK_TYPES",
    "Architecture",
    "BlockType",
    "Student",
    "StudentSpec",
    "create_student",
    "describe_student",
    "factorise_student",
    "find_block_type",
    "list_students",
    "load_card",
    "load_student",
    "save_student",
]
