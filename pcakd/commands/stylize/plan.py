"""What ``pcakd stylize`` reads and writes, decided and checked before the work starts."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pcakd.errors import ImageError, OutputError
from pcakd.images import WRITTEN_FORMATS, image_format, output_suffix, scan_folder
from pcakd.utils.files import require_parent


@dataclass(frozen=True, slots=True)
class Job:
    """One photograph and the file that its stylized version goes to."""

    source: Path
    target: Path


@dataclass(slots=True, kw_only=True)
class Plan:
    """The work of one call.

    Attributes:
        output: The image file or folder that the results go to.
        into_folder: Whether ``output`` is a folder.
        single: Whether one photograph was named, no folder and no list.
        jobs: What to do, in order.
        existing: Results that exist and are not made again.
        unread: Files in the folders that are no images of a known format.
        problems: Why a folder gives nothing, one line each.
    """

    output: Path
    into_folder: bool
    single: bool
    jobs: list[Job] = field(default_factory=list)
    existing: list[Path] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def make_plan(
    contents: Sequence[Path],
    output: str,
    *,
    recursive: bool = False,
    suffix: str | None = None,
    skip_existing: bool = False,
    other_inputs: Sequence[Path] = (),
) -> Plan:
    """Find the photographs and name their results.

    Args:
        contents: Photographs and folders of them.
        output: An image file for one photograph; else a folder. An existing folder and a name with
            a slash at its end are folders for one photograph too.
        recursive: Whether to search the folders inside the folders; their structure is kept.
        suffix: The suffix of results in a folder (``".jpg"``); None keeps each photograph's own,
            or one of a similar format where its own cannot be written.
        skip_existing: Whether to leave out photographs whose result exists.
        other_inputs: Further files that must not be overwritten, for example the style.

    Raises:
        ImageError: There is no photograph.
        OutputError: Two results would have one name, a result would replace an input, or the
            output's name does not fit.
    """
    single = len(contents) == 1 and not contents[0].is_dir()
    folder = not single or output.endswith(("/", os.sep)) or Path(output).is_dir()
    plan = Plan(output=Path(output), into_folder=folder, single=single)
    if folder:
        _check_folder_name(output)
        for content in contents:
            _add_content(plan, content, recursive=recursive, suffix=suffix)
        if not plan.jobs:
            raise ImageError(plan.problems[0])
    else:
        require_parent(plan.output)
        _check_format(plan.output, suffix)
        plan.jobs.append(Job(contents[0], plan.output))
    plan.jobs = _without_repeats(plan.jobs)
    _check_inputs_stay(plan.jobs, [*contents, *other_inputs])
    if skip_existing:
        plan.existing = [job.target for job in plan.jobs if job.target.exists()]
        plan.jobs = [job for job in plan.jobs if not job.target.exists()]
    return plan


def _check_folder_name(output: str) -> None:
    path = Path(output)
    if path.suffix.lower() in WRITTEN_FORMATS and not path.is_dir() and not output.endswith("/"):
        raise OutputError(
            f"{output} is named like an image, and several results need a folder; "
            f"name a folder, or end it in a slash"
        )
    if path.exists() and not path.is_dir():
        raise OutputError(f"cannot write into {output}: it is a file; name a folder")


def _check_format(path: Path, suffix: str | None) -> None:
    kind = image_format(path)
    if suffix is not None and WRITTEN_FORMATS[suffix] != kind:
        raise OutputError(
            f"{path} does not fit --format {suffix[1:]}; leave --format out, or end it in {suffix}"
        )


def _add_content(plan: Plan, content: Path, *, recursive: bool, suffix: str | None) -> None:
    if not content.is_dir():
        plan.jobs.append(Job(content, _target(plan.output, content, Path(), suffix)))
        return
    if plan.output.is_dir() and plan.output.samefile(content):
        raise OutputError(f"{plan.output} is the folder of the photographs; name another folder")
    listing = scan_folder(content, recursive=recursive, skip=plan.output)
    plan.unread += listing.others
    if not listing.images:
        hint = "" if recursive else " (--recursive searches the folders inside it)"
        plan.problems.append(f"{content} holds no image that can be read{hint}")
    for image in listing.images:
        inner = image.parent.relative_to(content)
        plan.jobs.append(Job(image, _target(plan.output, image, inner, suffix)))


def _target(output: Path, source: Path, inner: Path, suffix: str | None) -> Path:
    ending = suffix or output_suffix(source)
    return output / inner / (source.name.removesuffix(source.suffix) + ending)


def _without_repeats(jobs: Sequence[Job]) -> list[Job]:
    """Drop photographs that were named twice.

    Raises:
        OutputError: Two photographs would be written to one file.
    """
    kept: dict[str, Job] = {}
    for job in jobs:
        other = kept.setdefault(os.path.normcase(job.target), job)
        if other is not job and other.source.resolve() != job.source.resolve():
            raise OutputError(
                f"{other.source} and {job.source} would both be written to {job.target}; "
                "rename one, or write them into two folders"
            )
    return list(kept.values())


def _check_inputs_stay(jobs: Sequence[Job], others: Sequence[Path]) -> None:
    """Check that no result replaces an input, under any name or link.

    Raises:
        OutputError: One does.
    """
    inputs = {_identity(path) for path in (*(job.source for job in jobs), *others)}
    for job in jobs:
        if job.target.exists() and _identity(job.target) in inputs:
            raise OutputError(f"{job.target} is one of the inputs; choose another output")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return the numbers that a file has under each of its names."""
    if not path.exists():
        return None
    state = path.stat()
    return state.st_dev, state.st_ino
