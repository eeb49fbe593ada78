"""A vocabulary that is cut: what is kept means what it meant."""

import pytest
import torch
from tokenizers import Tokenizer

from ctflow.demo.text import new_bert, new_tokenizer
from ctflow.demo.vocabulary import WORDS, by_nearness, cut_vocabulary, kept_tokens, split_otherwise
from ctflow.models.bert import Bert

TEXTS = ["The large right pleural effusion has grown.", "No nodule is seen in the left lung, nor atelectasis."]


@pytest.fixture(scope="module")
def whole() -> tuple[Bert, Tokenizer]:
    torch.manual_seed(0)
    tokenizer = new_tokenizer([*TEXTS, "Unneeded words about quixotic zebras vexing jumpy fowl."] * 5)
    return new_bert(tokenizer.get_vocab_size(), 16, 2, 32).eval(), tokenizer


@torch.inference_mode()
def test_texts_that_were_asked_for_are_encoded_as_before(whole: tuple[Bert, Tokenizer]) -> None:
    bert, tokenizer = whole
    smaller, cut = cut_vocabulary(bert, tokenizer, TEXTS, tokenizer.get_vocab_size() - 10, layers=2)
    assert smaller.config.vocab_size == cut.get_vocab_size() == tokenizer.get_vocab_size() - 10
    for text in TEXTS:
        before, after = tokenizer.encode(text), cut.encode(text)
        assert (after.tokens, after.offsets) == (before.tokens, before.offsets)
        states = [
            one(torch.tensor([ids]), torch.ones(1, len(ids)))[-1]
            for one, ids in ((bert, before.ids), (smaller, after.ids))
        ]
        torch.testing.assert_close(*states)
    assert split_otherwise(tokenizer, cut, TEXTS) == 0


def test_other_words_become_pieces_and_none_is_unknown(whole: tuple[Bert, Tokenizer]) -> None:
    bert, tokenizer = whole
    all_tokens = kept_tokens(tokenizer, bert.state_dict()[WORDS], TEXTS, 10**6)
    _, cut = cut_vocabulary(bert, tokenizer, TEXTS, len(all_tokens) // 2 + 40, layers=1)
    words = ["zebras", "quixotic", "Jumpy"]
    assert split_otherwise(tokenizer, cut, words) > 0
    for word in words:
        tokens = cut.encode(word).tokens
        assert "[UNK]" not in tokens
        assert "".join(token.removeprefix("##") for token in tokens[1:-1]) == word.lower()


def test_the_lower_layers_are_kept(whole: tuple[Bert, Tokenizer]) -> None:
    bert, tokenizer = whole
    one_layer, cut = cut_vocabulary(bert, tokenizer, TEXTS, tokenizer.get_vocab_size() - 10, layers=1)
    ids, old = cut.encode(TEXTS[0]).ids, tokenizer.encode(TEXTS[0]).ids
    with torch.inference_mode():
        found = one_layer(torch.tensor([ids]), torch.ones(1, len(ids)))[-1]
        expected = bert(torch.tensor([old]), torch.ones(1, len(old)))[1]
    torch.testing.assert_close(found, expected)


def test_a_vocabulary_too_small_for_the_texts_is_refused(whole: tuple[Bert, Tokenizer]) -> None:
    with pytest.raises(ValueError, match="tokens are needed, and there is room for 20"):
        cut_vocabulary(*whole, TEXTS, 20, layers=1)


def test_words_that_mean_nearly_what_the_texts_words_mean_are_kept_first() -> None:
    meanings = torch.eye(6)
    meanings[5] = meanings[0] + 0.1 * meanings[1]
    assert by_nearness(meanings, tokens=[3, 4, 5], used=[0]) == [5, 3, 4]
