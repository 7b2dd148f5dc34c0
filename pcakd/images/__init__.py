"""Image files in and out: a common image file becomes an RGB tensor, a tensor becomes a file."""

from pcakd.images.folders import Listing, list_images, pick_evenly, scan_folder
from pcakd.images.formats import WRITTEN_FORMATS, image_format, output_suffix
from pcakd.images.metadata import srgb_profile
from pcakd.images.read import MAX_PIXELS, image_size, load_image, load_image_with_exif
from pcakd.images.write import save_image

__all__ = [
    "MAX_PIXELS",
    "WRITTEN_FORMATS",
    "Listing",
    "image_format",
    "image_size",
    "list_images",
    "load_image",
    "load_image_with_exif",
    "output_suffix",
    "pick_evenly",
    "save_image",
    "scan_folder",
    "srgb_profile",
]
