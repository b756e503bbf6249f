"""Metadata, dependencies, extras and the entry point of Hringur: nowhere else."""

import os
import re
from pathlib import Path

from setuptools import find_packages, setup

# Lower bounds are what the code needs; each is tested with the newest release of its line
# (NumPy 2.4, Gymnasium 1.4, torch 2.13, Python 3.11) and has no upper bound without a reason.
REQUIRED = [
    "filelock>=3.12",  # one process at a time trains in a run folder
    "gymnasium>=1.2",  # environments and their vectors; RLlib pins 1.2.2
    "joblib>=1.3",  # comparisons on all processors, or on a cluster
    "jaxtyping>=0.3",  # shapes in signatures
    "lark>=1.2",  # grammars of strings
    "lightning-fabric>=2.4",  # devices, precision, several processes
    "matplotlib>=3.9",  # maps and curves
    "networkx>=3.3",  # road graph, Christofides
    "numpy>=2.0",
    "ortools>=9.12",  # exact tours, proven
    "pillow>=10.1",  # GIFs and the captions of films
    "pydantic>=2.9",  # settings read from files, each value checked
    "rich>=13",  # progress and tables
    "safetensors>=0.5",  # weights that cannot execute code
    "scipy>=1.13",  # bootstrap intervals
    "tensorboard>=2.18",  # the log
    "torch>=2.4",
    "tyro>=0.9",  # command line from dataclasses
]

EXTRAS = {
    "sb3": ["stable-baselines3>=2.7", "sb3-contrib>=2.7"],  # PPO, A2C, DQN, MaskablePPO
    "atari": ["ale-py>=0.12.1"],  # Breakout: the emulator, with the cartridge in its wheel
    "video": ["imageio-ffmpeg>=0.5"],  # .mp4 films, with ffmpeg in its wheel
    "human": ["pygame>=2.5"],  # render_mode="human": a window
    "parquet": ["pyarrow>=15"],  # prices from Parquet files
    # data sets that are fetched or come with scikit-learn, densities of codes, exact transport
    "generative": ["pooch>=1.8", "pot>=0.9.5", "scikit-learn>=1.5"],
    "molecules": ["rdkit>=2024.9"],  # whether a string is a molecule, properties, drawings
    "text": ["sacrebleu>=2.4"],  # BLEU of rewritten sentences
    "hub": ["huggingface_hub>=1.0"],  # push_to_hub, from_pretrained, hub:user/name
    "onnx": ["onnx>=1.16", "onnxruntime>=1.20"],  # export_onnx checks what it writes
    "notebook": ["ipykernel>=6.29"],  # the lecture's cells, with pictures below them
    "docs": ["furo>=2024.8", "myst-nb>=1.2", "sphinx>=8"],  # the documentation site
    "yahoo": ["yfinance>=0.2.54"],  # prices from Yahoo; it needs the network
    "ray": ["ray[default]>=2.9"],  # comparisons on a Ray cluster
    "tune": ["optuna>=4"],  # hringur tune
    "mlflow": ["mlflow>=2.15"],  # scalars to MLflow
    "wandb": ["wandb>=0.17"],  # scalars to Weights & Biases
    "test": [
        "beartype>=0.19",
        "empyrical-reloaded>=0.7",  # ratios of wealth, to compare with
        "hypothesis>=6.100",  # generated command lines and files
        "ipython>=8.20",  # the lecture's cells
        "mypy>=1.13",
        "playwright>=1.45",  # drives the page where a browser is; none comes with it
        "pytest>=8.3",
        "pytest-xdist>=3.6",  # the tests on all processors
        "ruff>=0.9",
        "vrplib>=1.5",
    ],
}

VERSION = "0.1.0"
ADDRESS = os.environ.get("HRINGUR_ADDRESS", "").rstrip("/")
"""Where the project lives; `make release ADDRESS=...` gives it, and links are made of it."""


def description() -> str:
    """The README; its pictures and links lead to the release, or are words where it has no home."""
    text = Path(__file__).with_name("README.md").read_text(encoding="utf-8")

    def absolute(link: re.Match[str]) -> str:
        picture, words, target = link.groups()
        kind = "raw" if picture else "blob"
        home = f"{ADDRESS}/{kind}/v{VERSION}/{target}"
        return f"{picture}[{words}]({home})" if ADDRESS else "" if picture else words

    return re.sub(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)]+)\)", absolute, text)


setup(
    name="hringur",
    version=VERSION,
    description="Neural networks that make discrete decisions, reported against a known optimum",
    long_description=description(),
    long_description_content_type="text/markdown",
    author="The Hringur developers",
    project_urls={
        name: f"{ADDRESS}/blob/v{VERSION}/{file}"
        for name, file in (("Documentation", "docs/index.md"), ("Changelog", "CHANGELOG.md"))
    }
    | {"Source": ADDRESS, "Issues": f"{ADDRESS}/issues"}
    if ADDRESS
    else {},
    keywords=[
        "reinforcement learning",
        "policy gradient",
        "combinatorial optimisation",
        "travelling salesman",
        "gymnasium",
        "trading",
        "generative models",
        "optimal transport",
    ],
    license="MIT",
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.11",
    packages=find_packages(include=["hringur", "hringur.*"]),
    package_data={
        "hringur": [
            "py.typed",
            "data/tours/iceland/*",
            "data/tours/held_out/*.npz",
            "data/languages/*.csv.gz",
            "data/languages/LICENSE-*.txt",
            "data/molecules/molecules.csv.gz",
            "data/molecules/LICENSE-moses.txt",
            "data/sentences/*.csv.gz",
            "data/sentences/LICENSE-*.txt",
            "data/trading/markets/*",
            "data/images/mnist/*.gz",
            "data/images/sprites/*",
            "weights/*.safetensors",
            "play/static/*",
        ]
    },
    install_requires=REQUIRED,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["hringur = hringur.cli:main"]},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
