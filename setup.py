"""Metadata, dependencies, extras and the entry point of Hringur: nowhere else."""

from pathlib import Path

from setuptools import find_packages, setup

# Lower bounds are what the code needs; each is tested with the newest release of its line
# (NumPy 2.4, Gymnasium 1.4, torch 2.13, Python 3.11) and has no upper bound without a reason.
REQUIRED = [
    "gymnasium>=1.3",  # environments and their vectors
    "jaxtyping>=0.3",  # shapes in signatures
    "lightning-fabric>=2.4",  # devices, precision, several processes
    "matplotlib>=3.9",  # maps and curves
    "networkx>=3.3",  # road graph, Christofides
    "numpy>=2.0",
    "ortools>=9.12",  # exact tours, proven
    "rich>=13",  # progress and tables
    "safetensors>=0.5",  # weights that cannot execute code
    "scipy>=1.13",  # bootstrap intervals
    "tensorboard>=2.18",  # the log
    "torch>=2.4",
    "tyro>=0.9",  # command line from dataclasses
]

EXTRAS = {
    "sb3": ["stable-baselines3>=2.7", "sb3-contrib>=2.7"],  # PPO, A2C, DQN, MaskablePPO
    "human": ["pygame>=2.5"],  # render_mode="human": a window
    "test": ["beartype>=0.19", "mypy>=1.13", "pytest>=8.3", "ruff>=0.9", "vrplib>=1.5"],
}

setup(
    name="hringur",
    version="0.1.0",
    description="Neural networks that make discrete decisions, reported against a known optimum",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.11",
    packages=find_packages(include=["hringur", "hringur.*"]),
    package_data={
        "hringur": [
            "py.typed",
            "data/iceland/*",
            "data/held_out/*.npz",
            "models/*.safetensors",
        ]
    },
    install_requires=REQUIRED,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["hringur = hringur.cli:main"]},
    classifiers=[
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
