"""The commands of ``hringur``, one file each: options as a frozen dataclass, and what they do."""
