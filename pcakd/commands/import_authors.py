"""``pcakd import-authors``: convert a student that the authors released to a student file."""

import argparse

from pcakd.commands.parser import add_example, path_argument
from pcakd.students import save_student
from pcakd.students.authors import import_authors
from pcakd.utils.files import require_safetensors


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    parser.add_argument(
        "source",
        type=path_argument,
        metavar="SRC",
        help=".npz file, or folder of a TensorFlow checkpoint",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=path_argument,
        metavar="OUT.safetensors",
        help="file to write",
    )
    add_example(
        parser,
        "pcakd import-authors pcakd_vgg19.npz -o authors_vgg19.safetensors",
        "pcakd stylize day.jpg dusk.jpg -o out.jpg --student authors_vgg19.safetensors",
    )


def run(args: argparse.Namespace) -> int:
    """Convert the student and print its architecture and size."""
    require_safetensors(args.output)
    student = import_authors(args.source)
    save_student(args.output, student)
    ranks = ", ".join(map(str, student.spec.ranks))
    print(
        f"{args.output}: {student.spec.architecture} ({ranks}), {student.num_params:,} parameters"
    )
    return 0
