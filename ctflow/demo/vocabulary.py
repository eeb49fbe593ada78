"""A smaller vocabulary for a BERT that others trained: what our texts and plain English need."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from tokenizers.processors import BertProcessing
from torch import Tensor

from ctflow.models.bert import Bert

PREFIX = "##"  # of a piece that does not begin a word
WORDS = "embeddings.word_embeddings.weight"
NEAREST = 3


def cut_vocabulary(
    bert: Bert, tokenizer: Tokenizer, texts: Iterable[str], size: int, layers: int
) -> tuple[Bert, Tokenizer]:
    """The network with its first `layers`, and the tokenizer, with the `size` tokens that are needed most.

    Kept are the special tokens, every single ASCII character, all tokens of `texts`, and then those that mean most
    nearly what these mean, so that "vanished" is known beside "disappeared". A word whose token is gone becomes smaller
    pieces, and never unknown if all of its letters are kept. Raises ValueError where `size` is too small.
    """
    weights = bert.state_dict()
    kept = kept_tokens(tokenizer, weights[WORDS], texts, size)
    config = replace(bert.config, vocab_size=len(kept), num_hidden_layers=layers)
    smaller = Bert(config)
    weights = {name: tensor for name, tensor in weights.items() if name in smaller.state_dict()}
    weights[WORDS] = weights[WORDS][torch.tensor(kept)]
    smaller.load_state_dict(weights)
    return smaller, _renumbered(tokenizer, kept)


def kept_tokens(tokenizer: Tokenizer, meanings: Tensor, texts: Iterable[str], size: int) -> list[int]:
    """The numbers of the tokens that are kept, from the lowest on. `meanings`: their embeddings (tokens, width)."""
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
    rest = by_nearness(meanings, sorted(words - needed), sorted(used))
    return sorted(needed | set(rest[: size - len(needed)]))


def by_nearness(meanings: Tensor, tokens: list[int], used: list[int]) -> list[int]:
    """The `tokens`, first those whose embeddings are nearest to those of `used` ones: to the `NEAREST` of them."""
    if not tokens:
        return []
    towards = F.normalize(meanings - meanings.mean(0), dim=1)
    nearest = (towards[tokens] @ towards[used].T).topk(min(NEAREST, len(used)), dim=1).values.mean(1)
    return [tokens[index] for index in nearest.argsort(descending=True, stable=True).tolist()]


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
