import numpy as np

from hringur.generative.rewriting.markers import MarkerConfig, MarkerEditor

MUSIC = [tuple(f"a {who} who plays the {what} .".split())
         for who in ("musician", "singer") for what in ("violin", "piano", "drum")] * 6  # fmt: skip
SCIENCE = [tuple(f"a {who} who studies the {what} .".split())
           for who in ("physicist", "chemist") for what in ("atom", "cell", "gas")] * 6  # fmt: skip


def test_markers_are_replaced_and_the_rest_is_kept():
    editor = MarkerEditor(MUSIC, SCIENCE, MarkerConfig(price=1.0, enough=20.0))
    given = ("a", "singer", "who", "plays", "the", "drum", ".")
    made = editor.rewrite([given])[0]
    assert made in SCIENCE
    assert editor.rewrite([("a", "zebra", ".")])[0][0] == "a"


def test_a_gain_is_the_difference_of_two_whole_sums():
    """Oracle: the sum of each whole sentence, with the replacement and without."""
    editor = MarkerEditor(MUSIC, SCIENCE, MarkerConfig(enough=2.0))
    vocabulary = editor.vocabulary

    def total(words):
        text = vocabulary.text([words])[:-1]
        likely = editor.model(text[:-2], text[1:-1], text[2:]).sum()
        odds = min(2.0, editor.odds[vocabulary.encode(words)].sum())
        return editor.config.language * likely + editor.config.style * odds

    given = ("a", "singer", "who", "plays", "the", "drum")
    offered = np.array(vocabulary.encode(("atom", "studies")))
    gains = editor._gains(np.array(vocabulary.encode(given)), offered)
    for place in range(len(given)):
        for choice, word in enumerate(("atom", "studies")):
            new = (*given[:place], word, *given[place + 1 :])
            expected = total(new) - total(given) - editor.config.price
            np.testing.assert_allclose(gains[place, choice], expected, rtol=1e-9)


def test_no_more_than_a_share_is_replaced():
    editor = MarkerEditor(MUSIC, SCIENCE, MarkerConfig(price=-100.0, most_share=0.3))
    given = MUSIC[0]
    made = editor.rewrite([given])[0]
    assert sum(a != b for a, b in zip(given, made, strict=True)) == 3  # 2 of 7 are less than 0.3
