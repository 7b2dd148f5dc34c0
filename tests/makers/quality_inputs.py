"""Random images in files, and calls of a command of `bench`."""

import argparse
from pathlib import Path
from types import ModuleType

import torch

from pcakd.images import save_image


def save_random(path: Path, height: int, width: int, seed: int = 0) -> None:
    """Write an image of random pixels."""
    generator = torch.Generator().manual_seed(seed)
    save_image(path, torch.rand(3, height, width, generator=generator))


def call(command: ModuleType, *arguments: object) -> int:
    """Run a command with these arguments, and return its exit status."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args([str(each) for each in arguments]))
    return code
