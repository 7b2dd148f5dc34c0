"""The typed errors of this project; a command line prints one as one line and exits with 2."""


def shorten(value: object) -> str:
    """Return a value that was given by mistake as one short line for an error message.

    >>> shorten({"a": 1}), shorten([0] * 100)
    ("{'a': 1}", 'a list')
    """
    text = repr(value)
    return text if len(text) <= 60 and text.isprintable() else f"a {type(value).__name__}"


class PcakdError(Exception):
    """Base of every error that bad input can cause; its text is one line that says what to do."""


class UnknownNameError(PcakdError):
    """A name that no registry, table or configuration knows."""


class ShapeError(PcakdError):
    """An image or tensor of the wrong shape, type, device or range of values."""


class NumericalError(PcakdError):
    """A computation whose numbers left the range of its type."""


class ImageError(PcakdError):
    """An image file that is missing, broken, hostile or of a kind that cannot be used."""


class WeightsError(PcakdError):
    """Teacher weights that are missing, damaged or not what their name says."""


class StudentFileError(PcakdError):
    """A student file that is missing, damaged or inconsistent."""


class StyleFileError(PcakdError):
    """A style file that is missing, damaged or inconsistent."""


class OutputError(PcakdError):
    """A place that cannot be written."""


class ConfigError(PcakdError):
    """A configuration, option or record that does not make sense."""


class MissingExtraError(PcakdError):
    """An optional library that is not installed; the text names the extra that brings it."""


class TrainingError(PcakdError):
    """A distillation that cannot start, resume or recover."""


class CollapsedTrainingError(TrainingError):
    """A distillation that collapsed as often as its recipe allows."""
