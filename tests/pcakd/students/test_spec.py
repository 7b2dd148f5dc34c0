"""Checks of specifications."""

import pytest
from student_specs import DESIGNED, TINY

from pcakd.errors import ConfigError, UnknownNameError
from pcakd.students import StudentSpec, create_student


def test_specs_are_checked():
    with pytest.raises(ConfigError, match="four positive integers"):
        StudentSpec(architecture="tiny", ranks=(1, 2, 3, 0))
    with pytest.raises(ConfigError, match="no convolution of colours"):
        StudentSpec(
            architecture="designed", ranks=(1, 1, 1, 1), colour_conv=True, designs=DESIGNED.designs
        )
    with pytest.raises(UnknownNameError, match="architecture 'vgg18'"):
        StudentSpec(architecture="vgg18", ranks=(1, 1, 1, 1))
    with pytest.raises(ConfigError, match="regularizer"):
        create_student(TINY, regularizer=float("nan"))
