"""What the columns of a file of prices stand for, whatever their vendor calls them.

Names are compared by their words: "Adj. Close", "5. adjusted close", "adjClose", "CLOSE_ADJ" and
"SPY.Adjusted" are one name. docs/stock_trading.md lists the vendors.
"""

import re
from collections.abc import Sequence
from typing import Any, Literal

from hringur.data.text import number
from hringur.types import UserError

Role = Literal["date", "open", "close", "adj open", "adj close", "split"]

SYNONYMS = {
    "adjusted": "adj", "adjustment": "adj", "adjust": "adj", "unadjusted": "unadj",
    "opening": "open", "closing": "close", "splits": "split", "prices": "price",
    "coefficient": "ratio", "factor": "ratio",
}  # fmt: skip
GLUED = re.compile(
    "unadjusted|unadj|adjusted|adjustment|adjust|adj|opening|open|closing|close|high|low|volume"
    "|splits|split|stock|factor|ratio|coefficient|price|flag|trade|trading|day|date"
)
"""Words that vendors write without a gap: closeadj, closeunadj, splitfactor, adjustflag."""

ROLES: dict[str, Role] = {
    "open": "open",
    "close": "close",
    "close last": "close",
    "adj open": "adj open",
    "adj": "adj close",
    "adj close": "adj close",
    "split": "split",
    "split ratio": "split",
    "stock split": "split",
}
"""By the words of a name, in any order; "price" may stand among them."""

DATES = (
    "date", "trade date", "quote date", "timestamp", "datetime", "day", "trading day",
    "index", "unnamed", "",
)  # fmt: skip
"""By preference: an index without a name is one of dates only where nothing else is."""

SYMBOLS = {
    "symbol", "ticker", "tic", "name", "asset", "code", "instrument", "security", "stock",
    "company", "id", "secid", "permno", "isin", "cusip", "figi", "ric", "pair", "coin",
    "gvkey", "permco", "sid", "conid", "wkn", "sedol", "valor", "cik", "lei", "stkcd",
    "stockid", "assetid", "symbolid", "tickerid", "securityid", "instrumentid", "companyid",
}  # fmt: skip
"""Words of a column that says which asset a row is of."""

MEASURES = {
    "open", "high", "low", "close", "price", "adj", "unadj", "volume", "vol", "vwap", "average",
    "turnover", "amount", "value", "trades", "transactions", "count", "shares", "shrout", "out",
    "outstanding", "cap", "rate", "yield", "return", "ret", "change", "bid", "ask", "spread",
    "earnings", "eps", "lot", "flag", "is", "has", "fold", "ratio", "rating", "fiscal", "quarter",
    "year", "decade", "period",
}  # fmt: skip
"""Words of columns that stay the same for long although the asset is one."""

COUNTERS = {"index", "unnamed", "row", "level", ""}

ADJUSTING = r"ajex|split|fac(tor|pr|shr)|bonus|consolidat|rights|stock\W?div"
"""Parts of names of what changes the meaning of prices, beside "adjusted"."""

YAHOO_HELP = re.compile(r"(?<=\S)\s*(Adjusted c|C)lose price adjusted for .*")
"""What Yahoo's page says of a column, which a copy of the page has in its heading."""


def words_of(name: str) -> list[str]:
    """The words of a column's name, in lower case, each in one spelling."""
    words = []
    for word in re.findall(r"[^\W\d_]+", YAHOO_HELP.sub("", name).lower()):
        glued = GLUED.findall(word)
        words += glued if "".join(glued) == word else [word]
    return [SYNONYMS.get(word, word) for word in words]


def roles_of(names: Sequence[str], where: str) -> dict[Role, int]:
    """Where the columns stand that have a role.

    Raises:
        UserError: two columns have one role.
    """
    found: dict[Role, int] = {}
    every = [[word for word in words_of(name) if word != "price"] for name in names]
    by_words = {frozenset(words.split()): role for words, role in ROLES.items()}
    for at, words in enumerate(every):
        role = by_words.get(frozenset(words))
        if role is not None and role in found:
            raise UserError(
                f"{where}: the column {role!r} is there twice: "
                f"{names[found[role]]!r} and {names[at]!r}"
            )
        if role is not None:
            found[role] = at
    joined = [" ".join(words) for words in every]
    for date in DATES:
        if date in joined:
            if joined.count(date) > 1 and date in COUNTERS:
                continue  # names without a word: none at all, perhaps
            if joined.count(date) > 1:
                raise UserError(f"{where}: the column {date!r} is there twice")
            return {"date": joined.index(date), **found}
    return found


def may_matter(name: str) -> bool:
    """Whether a column without a role may be prices, or change what they mean: it is named."""
    other = {"open", "close"} & set(words_of(name))
    return bool(other or re.search(f"adj|div|{ADJUSTING}", name.lower()))


def is_harmless(name: str) -> bool:
    """Whether prices are the same without it: dividends, and prices before adjusting."""
    return not re.search(f"(?<!un)adj|{ADJUSTING}", name.lower())


def ratio(cell: Any) -> float:
    """New shares for an old one: 7, "7:1" or "7/1"; an empty cell is 0, for no split.

    Raises:
        ValueError: it is nothing of this kind.
    """
    if cell is None or not str(cell).strip():
        return 0.0
    new, colon, old = str(cell).replace("/", ":").partition(":")
    return number(new) / number(old) if colon else number(cell)


def is_symbol(name: str) -> bool:
    """Whether a column says which asset a row is of."""
    words = set(words_of(name))
    return bool(words & SYMBOLS) and not words & MEASURES and not may_matter(name)


def is_usual(name: str) -> bool:
    """Whether a column beside prices needs no word, as every vendor has it."""
    words = {*words_of(name)}
    return is_symbol(name) or words <= COUNTERS or bool(words & {"high", "low", "volume", "vol"})


def is_measure(name: str) -> bool:
    """Whether a column says how much of something there is, or counts rows: never an asset."""
    return bool({*words_of(name)} & MEASURES or {*words_of(name)} <= COUNTERS) or may_matter(name)


def prefixes_of(names: Sequence[str]) -> dict[str, list[int]]:
    """Columns by the symbol before the dot, as R's quantmod names them: SPY.Open, SPY.Adjusted."""
    found: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        split = re.fullmatch(r"(.+)\.(Open|High|Low|Close|Volume|Adjusted)", name)
        if split and not {"adj", "unadj"} & set(words_of(split[1])):
            found.setdefault(split[1], []).append(at)
    return found
