"""Sets of images: by name (``load_images``), or from memory (``as_image_set``), as one record.

images = load_images("mnist"); images = as_image_set(array, labels)
domains = load_domains("glyphs"); faces = draw_faces(8, seed=0)
"""

from hringur.data.images.arrays import as_image_set
from hringur.data.images.domains import Domains, load_domains
from hringur.data.images.faces import Faces, draw_faces
from hringur.data.images.image_set import ImageSet
from hringur.data.images.images import load_images

__all__ = [
    "Domains",
    "Faces",
    "ImageSet",
    "as_image_set",
    "draw_faces",
    "load_domains",
    "load_images",
]
