"""Train the translation model behind the sentences of ``StopDecoding-v0``, and write their file.

    python scripts/train_interpreter.py PAIRS.csv --output hringur/data/languages/sentences.csv.gz

``PAIRS.csv`` (or ``.csv.gz``) has columns split, en and is. The model learns from the pairs of the
split "train" to write the next Icelandic word when only the first English words were heard: a
recurrent network reads the English, another one the Icelandic written so far, which attends to what
was heard. How much was heard is drawn for each word (Elbayad et al. 2020), so one model serves any
delay. The file has held-out sentences, and the words that the model would write: a row for each
number of English words heard, the end counting as one, and a column for each word written.
"""

import csv
import gzip
import io
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from torch import Tensor, nn
from torch.nn import functional as F

PAD, END, UNKNOWN = 0, 1, 2
Pair = tuple[list[str], list[str]]


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """Train, measure, write."""

    pairs: tyro.conf.Positional[Path]
    output: Path
    seed: int = 0
    width: int = 128
    dropout: float = 0.3
    batch: int = 64
    lr: float = 3e-3
    seconds: float = 70.0
    """of processor time for training"""
    shortest: int = 4
    longest: int = 9
    """words of a held-out English sentence, of its translation at most two more"""


class Vocabulary:
    """Numbers of the words that occur at least twice."""

    def __init__(self, sentences: list[list[str]]) -> None:
        counts = Counter(word for sentence in sentences for word in sentence)
        kept = sorted(word for word, count in counts.items() if count > 1)
        self.words = ["<pad>", "<end>", "<unknown>", *kept]
        self.number = {word: k for k, word in enumerate(self.words)}

    def rows(self, sentences: list[list[str]]) -> Tensor:
        """Each sentence and its end, padded."""
        known = [[*(self.number.get(w, UNKNOWN) for w in words), END] for words in sentences]
        return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in known], batch_first=True)


class Translator(nn.Module):
    """What tells the next Icelandic word, by what was heard and written."""

    def __init__(self, english: int, icelandic: int, width: int, dropout: float) -> None:
        super().__init__()
        self.hear, self.write = nn.Embedding(english, width), nn.Embedding(icelandic, width)
        self.heard = nn.GRU(width, width, batch_first=True)
        self.written = nn.GRU(width, width, batch_first=True)
        self.key, self.value = nn.Linear(width, width), nn.Linear(2 * width, width)
        self.drop, self.mix = nn.Dropout(dropout), nn.Linear(2 * width, width)
        self.bias = nn.Parameter(torch.zeros(icelandic))

    def forward(self, source: Tensor, before: Tensor, heard: Tensor) -> Tensor:
        """``B G`` words, ``B T`` written before each, ``B T`` how many were heard: ``B T D``."""
        embedded = self.drop(self.hear(source))
        memory = torch.cat([embedded, self.heard(embedded)[0]], dim=-1)
        memory = F.pad(memory, (0, 0, 1, 0))  # nothing heard yet
        state = self.written(self.drop(self.write(before)))[0]
        value = self.value(self.drop(memory))
        scores = state @ self.key(value).mT / value.shape[-1] ** 0.5
        places = torch.arange(memory.shape[1])
        scores = scores.masked_fill(places > heard[..., None], -torch.inf)
        found = torch.cat([state, scores.softmax(dim=-1) @ value], dim=-1)
        return self.drop(torch.tanh(self.mix(self.drop(found))))

    def logits(self, features: Tensor) -> Tensor:
        """Of each word: ``... D`` to ``... V``."""
        return features @ self.write.weight.T + self.bias


def tokens(sentence: str) -> list[str]:
    """Words in small letters, and marks."""
    return re.findall(r"\w+(?:[-'’]\w+)*|[^\w\s]", sentence.lower())


def read(path: Path, split: str) -> list[Pair]:
    """The pairs of a split."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    rows = csv.DictReader(io.StringIO(text))
    return [(tokens(row["en"]), tokens(row["is"])) for row in rows if row["split"] == split]


def before(target: Tensor) -> Tensor:
    """The word before each."""
    return F.pad(target[:, :-1], (1, 0), value=END)


def train(options: Interpreter, source: Tensor, target: Tensor, model: Translator) -> None:
    """Cross entropy of each next word; how much was heard is uniform."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=options.lr, weight_decay=0.01)
    started, step = time.process_time(), 0
    lengths = (source != PAD).sum(dim=1)
    while (share := (time.process_time() - started) / options.seconds) < 1:
        rows = torch.randint(len(source), (options.batch,))
        most = int(lengths[rows].max())
        words = target[rows, : int((target[rows] != PAD).sum(dim=1).max())]
        heard = (torch.rand(words.shape) * (lengths[rows, None] + 1)).long()
        real = words != PAD
        logits = model.logits(model(source[rows, :most], before(words), heard)[real])
        loss = F.cross_entropy(logits, words[real], label_smoothing=0.1)
        for group in optimiser.param_groups:
            group["lr"] = options.lr * (1 - share)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 200 == 0:
            print(f"{step} updates, {time.process_time() - started:.0f} s, {loss:.3f}", flush=True)


@torch.no_grad()
def table(model: Translator, source: Tensor, target: Tensor) -> Tensor:
    """The word that the model would write, by how much was heard and written: ``B G1 T``."""
    columns = []
    for heard in range(source.shape[1] + 1):
        logits = model.logits(model(source, before(target), torch.full(target.shape, heard)))
        logits[..., [PAD, UNKNOWN]] = -torch.inf
        columns.append(logits.argmax(dim=-1))
    return torch.stack(columns, dim=1)


def main(options: Interpreter) -> None:
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    pairs = read(options.pairs, "train")
    english, icelandic = (Vocabulary([pair[side] for pair in pairs]) for side in (0, 1))
    source, target = english.rows([p[0] for p in pairs]), icelandic.rows([p[1] for p in pairs])
    model = Translator(len(english.words), len(icelandic.words), options.width, options.dropout)
    train(options, source, target, model)
    model.eval()
    held_out = [
        pair
        for pair in read(options.pairs, "test")
        if options.shortest <= len(pair[0]) <= options.longest
        and len(pair[1]) <= options.longest + 2
    ]
    source, target = (
        english.rows([p[0] for p in held_out]),
        icelandic.rows([p[1] for p in held_out]),
    )
    guess = table(model, source, target)
    lengths, words = (source != PAD).sum(dim=1), (target != PAD).sum(dim=1)
    right = [guess[k, lengths[k], :n] == target[k, :n] for k, n in enumerate(words)]
    print(
        f"{len(held_out)} sentences; right once all is heard: {torch.cat(right).float().mean():.3f}"
    )
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["en", "is", "writes"])
    for k, (heard, said) in enumerate(held_out):
        rows = guess[k, : lengths[k] + 1, : words[k]].tolist()
        told = [icelandic.words[word] for row in rows for word in row]
        writer.writerow([" ".join(heard), " ".join(said), " ".join(told)])
    options.output.write_bytes(gzip.compress(file.getvalue().encode("utf-8"), mtime=0))


if __name__ == "__main__":
    main(tyro.cli(Interpreter))
