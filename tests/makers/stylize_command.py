"""Calls of ``pcakd stylize``."""

from pcakd.cli import main


def stylize_into(folder, content, output, *options):
    student = folder / "tiny.safetensors"
    arguments = ["stylize", content, folder / "style.png", "-o", output, "--student", student]
    return main([str(a) for a in (*arguments, "--device", "cpu", *options)])


def run_stylize(*arguments):
    return main(["stylize", *map(str, arguments), "--device", "cpu"])


def file_names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
