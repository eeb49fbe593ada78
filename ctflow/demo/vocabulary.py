"""A smaller vocabulary for a BERT that others trained: what our texts and plain English need."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from tokenizers import Tokenizer
from tokenizers.processors import BertProcessing

from ctflow.models.bert import Bert

PREFIX = "##"  # of a piece that does not begin a word


def cut_vocabulary(
    bert: Bert, tokenizer: Tokenizer, texts: Iterable[str], size: int, layers: int
) -> tuple[Bert, Tokenizer]:
    """The network with its first `layers`, and the tokenizer, with the `size` tokens that are needed most.

    Kept are the special tokens, every single ASCII character, all tokens of `texts`, and then those with the lowest
    numbers, since a vocabulary of WordPiece begins with what is most frequent. A word whose token is gone becomes
    smaller pieces, and never unknown if all of its letters are kept. Raises ValueError where `size` is too small.
    """
    kept = kept_tokens(tokenizer, texts, size)
    config = replace(bert.config, vocab_size=len(kept), num_hidden_layers=layers)
    smaller = Bert(config)
    weights = {name: tensor for name, tensor in bert.state_dict().items() if name in smaller.state_dict()}
    words = "embeddings.word_embeddings.weight"
    weights[words] = weights[words][torch.tensor(kept)]
    smaller.load_state_dict(weights)
    return smaller, _renumbered(tokenizer, kept)


def kept_tokens(tokenizer: Tokenizer, texts: Iterable[str], size: int) -> list[int]:
    """The numbers of the tokens that are kept, from the lowest on."""
    vocabulary = tokenizer.get_vocab()
    special = {vocabulary[token.content] for token in tokenizer.get_added_tokens_decoder().values()}
    characters = {
        number for token, number in vocabulary.items() if token.isascii() and len(token.removeprefix(PREFIX)) == 1
    }
    used = {number for text in texts for number in tokenizer.encode(text).ids}
    needed = special | characters | used
    if len(needed) > size:
        raise ValueError(f"{len(needed)} tokens are needed, and there is room for {size}")
    words = {number for token, number in vocabulary.items() if token.isascii() and token.removeprefix(PREFIX).isalpha()}
    rest = sorted(words - needed)
    return sorted(needed | set(rest[: size - len(needed)]))


def split_otherwise(before: Tokenizer, after: Tokenizer, texts: Sequence[str]) -> float:
    """The share of the words of `texts` that become other tokens."""
    words = [word for text in texts for word in text.split()]
    other = sum(before.encode(word).tokens != after.encode(word).tokens for word in words)
    return other / len(words)


def _renumbered(tokenizer: Tokenizer, kept: list[int]) -> Tokenizer:
    """The tokenizer with only these tokens, numbered from 0 on in their order."""
    number = {old: new for new, old in enumerate(kept)}
    whole = json.loads(tokenizer.to_str()) | {"post_processor": None}
    whole["model"]["vocab"] = {token: number[old] for token, old in whole["model"]["vocab"].items() if old in number}
    for token in whole["added_tokens"]:
        token["id"] = number[token["id"]]
    renumbered = Tokenizer.from_str(json.dumps(whole))
    ids = renumbered.get_vocab()
    renumbered.post_processor = BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    return renumbered
