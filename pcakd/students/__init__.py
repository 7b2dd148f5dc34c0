"""Students: thin autoencoders, described as stages and stored as safetensors."""

from pcakd.students.of_teacher import describe_student
from pcakd.students.spec import ARCHITECTURES, Architecture, StudentSpec
from pcakd.students.storage import list_students, load_card, load_student, save_student
from pcakd.students.student import Student, create_student

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Student",
    "StudentSpec",
    "create_student",
    "describe_student",
    "list_students",
    "load_card",
    "load_student",
    "save_student",
]
