"""Sentences and what the translation model writes: sizes, and that it knows only beginnings."""

from hringur.data.languages.sentences import interpreted_sentences


def test_there_is_a_word_for_each_beginning_of_both_sides():
    sentences = interpreted_sentences()
    assert len(sentences) > 100
    for one in sentences:
        assert len(one.writes) == len(one.english) + 2  # nothing, each word, the end
        assert {len(row) for row in one.writes} == {len(one.icelandic) + 1}


def test_the_model_writes_alike_where_the_same_was_heard_and_written():
    known = {}
    for one in interpreted_sentences():
        for g, row in enumerate(one.writes):
            for t, word in enumerate(row):
                heard, written = (*one.english, "<end>")[:g], one.icelandic[:t]
                assert known.setdefault((tuple(heard), tuple(written)), word) == word


def test_hearing_helps():
    """The right words by nothing heard, and by everything."""
    first = last = total = 0
    for one in interpreted_sentences():
        right = [*one.icelandic, "<end>"]
        first += sum(a == b for a, b in zip(one.writes[0], right, strict=True))
        last += sum(a == b for a, b in zip(one.writes[-1], right, strict=True))
        total += len(right)
    assert last / total > 0.4 > first / total
