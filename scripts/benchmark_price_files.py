"""How long a file of prices takes to be read: by the clock, and of one processor.

``python scripts/benchmark_price_files.py`` prints Markdown.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from hringur.data.trading.market_files import read_prices


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_500_000)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    print("| rows | file [MB] | clock [s] | processor [s] | busy processes beside it |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "prices.csv", args.rows)
        for _ in range(args.runs):
            clock, processor = time.perf_counter(), time.process_time()
            assert read_prices(path).days == args.rows
            clock, processor = time.perf_counter() - clock, time.process_time() - processor
            size, load = path.stat().st_size / 1e6, os.getloadavg()[0]
            print(f"| {args.rows:,} | {size:.0f} | {clock:.2f} | {processor:.2f} | {load:.0f} |")


def write(path: Path, rows: int) -> Path:
    """A random walk of so many days, from the year 1 on."""
    prices = 100 * np.exp(np.random.default_rng(0).normal(0, 2e-4, size=2 * rows).cumsum())
    days = np.datetime64("0001-01-01") + np.arange(rows)
    lines = zip(days.tolist(), prices[::2].tolist(), prices[1::2].tolist(), strict=True)
    with path.open("w") as file:
        file.write("date,open,close\n")
        file.writelines(f"{day},{opened:.6f},{close:.6f}\n" for day, opened, close in lines)
    return path


if __name__ == "__main__":
    main()
