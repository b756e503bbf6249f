import pytest

from hringur.data.sentences.styles import load_sentences
from hringur.generative.rewriting.forms import WordForms

VERBS = "walk speak sing know seek turn sow bring bind hear eat think drink call find send".split()
WITH_E = (
    "take love hate move make give come abide raise serve live hide write bite smite ride drive"
    " strive shine smoke rule rise"
).split()
NAMES = "nazareth japheth heth seth gath".split()


def verses(ending):
    """Verbs in the third person, without the last of each kind, and bare ones."""
    stems = VERBS[:-1] + [verb if ending == "s" else verb[:-1] for verb in WITH_E[:-1]]
    thirds = [stem + ending for stem in stems]
    said = [("he", third, "in", name) for third in thirds for name in NAMES[:4]]
    return said + [("they", verb, "and", verb) for verb in VERBS + WITH_E for _ in range(3)]


@pytest.fixture(scope="module")
def forms():
    return WordForms(verses("eth"), verses("s"))


def test_a_lost_ending_takes_its_new_form_by_what_is_known(forms):
    given = [("he", "walketh", "and", "loveth", "in", "nazareth")]
    assert forms.rewrite(given) == [("he", "walks", "and", "loves", "in", "nazareth")]


def test_words_that_were_never_seen_follow_their_kin(forms):
    assert forms.form("sendeth") == "sends"  # neither style has it, nor sendeth
    assert forms.form("riseth") == "rises"
    assert forms.form("gath") == "gath" and forms.form("heth") == "heth"
    assert forms.form("elizabeth") == "elizabeth"  # no word of its stem is known


def test_nothing_is_lost_the_other_way_or_between_equals(forms):
    given = [("he", "walks", "and", "loves", "the", "3eth", ".")]
    assert WordForms(verses("s"), verses("s")).rewrite(given) == given
    assert WordForms([], []).rewrite(given) == given


def test_rules_of_verses_are_those_of_english():
    verses = load_sentences("verses").train
    found = WordForms(verses["archaic"], verses["modern"])
    assert {lost: set(new) for lost, new in found.rules.items()} == {
        "eth": {"s", "es"},
        "our": {"or"},
    }
    assert found.form("overturneth") == "overturns"
