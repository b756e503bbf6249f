"""Sets of images: by name (``load_images``), or from memory (``as_image_set``), as one record.

images = load_images("mnist"); images = as_image_set(array, labels)
"""

from hringur.data.images.arrays import as_image_set
from hringur.data.images.image_set import ImageSet
from hringur.data.images.images import load_images

__all__ = ["ImageSet", "as_image_set", "load_images"]
