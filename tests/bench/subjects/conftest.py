"""A student file with an odd name."""

from pathlib import Path

import pytest

from pcakd.students import StudentSpec, create_student, save_student


@pytest.fixture
def student_file(tmp_path: Path) -> Path:
    path = tmp_path / "odd+name@home.safetensors"
    save_student(path, create_student(StudentSpec(architecture="tiny", ranks=(2, 3, 4, 5))))
    return path
