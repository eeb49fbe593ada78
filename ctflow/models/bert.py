"""BERT without its pooler (Devlin et al., 2019), with the names that published weights have.

transformers has the same network, and takes longer to import than a demo model takes to load.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class BertConfig:
    """Sizes, by the names that transformers gives them."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float


# What else a config of transformers says, and must say here.
FIXED_CONFIG = {"model_type": "bert", "hidden_act": "gelu", "is_decoder": False, "pad_token_id": 0}


class Bert(nn.Module):
    """Token ids -> their states after the embeddings and after each layer. Without dropout."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Token ids (B, L) and mask (B, L), 1 for a token and 0 for padding -> 1 + layers states (B, L, D).

        A mask (B, L, L) says for each token which ones it attends to. `position_ids` (B, L) or (1, L): 0, 1 … if None.
        """
        states = [self.embeddings(input_ids, position_ids)]
        seen = attention_mask.bool()
        seen = seen[:, None, None] if seen.ndim == 2 else seen[:, None]
        for layer in self.encoder.layer:
            states.append(layer(states[-1], seen))
        return tuple(states)


class Embeddings(nn.Module):
    """The sum of a token's word and place. Every token is of the first type: there is one text, not a pair."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(self, input_ids: Tensor, position_ids: Tensor | None = None) -> Tensor:
        words = self.word_embeddings(input_ids) + self.token_type_embeddings.weight[0]
        if position_ids is None:
            return self.LayerNorm(words + self.position_embeddings.weight[: input_ids.shape[1]])
        return self.LayerNorm(words + self.position_embeddings(position_ids))


class Encoder(nn.Module):
    """The layers, one after the other."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))


class Layer(nn.Module):
    """Attention, then a feed-forward network, each added to what comes in and normalised."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(config.hidden_size, config.intermediate_size)})
        self.output = AddAndNorm(config.intermediate_size, config)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        x = self.attention(x, seen)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class Attention(nn.Module):
    """Attention of a text to itself, with its residual connection."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.self = SelfAttention(config)
        self.output = AddAndNorm(config.hidden_size, config)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        return self.output(self.self(x, seen), x)


class SelfAttention(nn.Module):
    """`seen` (B, 1, 1 or L, L): the tokens that may be attended to."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width, self.heads = config.hidden_size, config.num_attention_heads
        if width % self.heads:
            raise ValueError(f"a hidden size of {width} does not divide into {self.heads} heads")
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        q, k, v = (self.by_head(layer(x)) for layer in (self.query, self.key, self.value))
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return attended.transpose(1, 2).flatten(2)

    def by_head(self, x: Tensor) -> Tensor:
        """(B, L, D) -> (B, heads, L, D / heads)."""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


class AddAndNorm(nn.Module):
    """A projection, added to what its part of the layer began with."""

    def __init__(self, width: int, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(width, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + before)
