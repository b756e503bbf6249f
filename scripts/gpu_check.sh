#!/usr/bin/env bash
# Checks and timings for a machine with an NVIDIA GPU; the figures go into docs/benchmarks.md with
# the card and the date. Needs an environment in which Hringur is installed: PYTHON=.venv/bin/python
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-.venv/bin/python}
out=${OUT:-runs/gpu}
command -v nvidia-smi >/dev/null || { echo "gpu_check: no NVIDIA driver here" >&2; exit 2; }

nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv
date --iso-8601
"$python" -m pytest tests/agents tests/estimators tests/training

echo "== instances a second, as POMO (width 128, 3 layers, 20 starts)"
for options in "" "--compile"; do
  for batch in 512 4096; do
    "$python" scripts/benchmark_training.py --device cuda --batch "$batch" $options
  done
done

echo "== ten minutes of training, then the held-out instances"
"$python" -m hringur train attention-model --device cuda --batch 512 --seconds 600 \
  --folder "$out/attention-model"
"$python" -m hringur evaluate "$out/attention-model" --held-out iceland-20 \
  --method greedy all-starts --device cuda

echo "== steps a second of REINFORCE on trading, environments on the processor"
"$python" -m hringur train reinforce --env StockTrading-v0 --n-envs 1024 --device cuda \
  --seconds 60 --folder "$out/reinforce"

echo "== images a second of WAE-MMD"
"$python" -m hringur train wae-mmd --dataset mnist --batch 512 --device cuda --seconds 60 \
  --folder "$out/wae-mmd"

echo "== score on Breakout after ten minutes, mixed precision, environments on all cores"
"$python" -m hringur train reinforce --env ThreeActionBreakout-v0 \
  --n-envs 256 --precision bf16-mixed --device cuda \
  --seconds 600 --evaluate-every-seconds 300 --folder "$out/breakout"
"$python" -m hringur evaluate "$out/breakout" --actions sampled --device cuda \
  --video "$out/breakout.gif"
