"""Places and roads of Iceland, samplers of tour problems, held-out sets, files of one's own."""

from hringur.faces import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "held_out": "HeldOut",
        "iceland": "places roads",
        "instances": "FixedInstance IcelandPlaces Sampler UniformPoints euclidean fixed_places",
        "length": "tour_length",
    },
)
