"""The weights with which training of the transformer begins: the report and the neighbours matter from the start."""

from dataclasses import replace

import torch
import torch.nn.functional as F

from ctflow.demo.initial import begin_blocks, begin_facts, cosines, look_along, look_around
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.models.stdit_layers import Attention


def test_facts_that_modulate_the_blocks_begin_as_the_reports_and_change_nothing_yet() -> None:
    torch.manual_seed(0)
    model = STDiT(STDiTConfig((4, 8, 8), (2, 4, 4), 4, 2, 16, 2, 2, 2.0, 8, text_facts=3)).requires_grad_(False)
    texts = F.normalize(torch.randn(300, 1, 8), dim=-1)
    report_facts = (texts[:, 0] @ torch.randn(8, 3)).clamp(min=0)
    begin_facts(model, texts.expand(-1, 4, -1), report_facts)
    facts = model.text_facts(texts[:, 0])
    for fact, truth in zip(facts.T, report_facts.T, strict=True):
        assert torch.corrcoef(torch.stack([fact, truth]))[0, 1] > 0.8
    assert model.text_facts(torch.zeros(8)).abs().max() < 0.2 * facts.std()
    x, t = torch.randn(1, 2, 4, 8, 8), torch.tensor([0.5])
    plain = STDiT(replace(model.config, text_facts=0)).requires_grad_(False)
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if name in plain.state_dict()})
    assert torch.equal(model(x, x, texts[:1], t), plain(x, x, texts[:1], t))


def test_heads_begin_by_looking_around_up_down_left_and_right() -> None:
    rows, columns, distance = 3, 4, 1
    tokens, size = rows * columns, rows * columns
    attention = Attention(5 * size, 5, "usual")
    positions = torch.zeros(tokens, 5 * size)
    positions[:, :tokens] = cosines(rows, columns)
    with torch.no_grad():
        attention.qkv.bias.zero_()
        look_around(attention, positions, (rows, columns), distance)
        place = F.layer_norm(positions, positions.shape[-1:])
        query, key, _ = attention.qkv(place).unflatten(-1, (3, 5, -1)).movedim(0, 2).unbind(0)
        look = (query @ key.transpose(1, 2) / size**0.5).softmax(-1).unflatten(1, (rows, columns))
    middle = look[:, 1, 1].unflatten(1, (rows, columns))
    assert [divmod(int(one.argmax()), columns) for one in middle] == [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    assert middle[1:].amax((1, 2)).min() > 0.5
    assert middle[0].max() < 0.3, "wide"
    corner = look[1, 0, 0].unflatten(0, (rows, columns))
    assert divmod(int(corner.argmax()), columns) == (0, 0), "nothing is above the first row"


def test_heads_begin_by_looking_along_the_slices() -> None:
    slabs, size = 4, 6
    attention = Attention(4 * size, 4, "usual")
    places = torch.zeros(slabs, 4 * size)
    places[:, 2 : 2 + slabs - 1] = 3 * cosines(slabs, 1)[:, 1:]
    with torch.no_grad():
        attention.qkv.bias.zero_()
        look_along(attention, places)
        query, key, _ = attention.qkv(places).unflatten(-1, (3, 4, -1)).movedim(0, 2).unbind(0)
        look = (query @ key.transpose(1, 2) / size**0.5).softmax(-1)
    assert look[1:].argmax(-1).tolist() == [[0, 1, 2, 3], [3, 0, 1, 2], [1, 2, 3, 3]]
    assert look[1:].amax(-1).min() > 0.7


def test_blocks_of_the_detail_head_begin_by_changing_nothing_and_depend_on_report_and_time() -> None:
    torch.manual_seed(0)
    config = STDiTConfig((4, 8, 8), (2, 4, 4), 4, 2, 16, 2, 2, 2.0, 8, text_facts=3, detail=2, detail_blocks=2)
    model, plain = (STDiT(one).requires_grad_(False) for one in (config, replace(config, detail_blocks=0)))
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if name in plain.state_dict()})
    begin_blocks(model)
    x, texts, t = torch.randn(1, 2, 4, 8, 8), torch.randn(2, 1, 1, 8), torch.tensor([0.5])
    assert torch.equal(model(x, x, texts[0], t), plain(x, x, texts[0], t))
    for block in model.blocks:  # so that report and time reach the answer through `detail` alone
        for layer in (block.cross_attn.proj, block.text_modulation):
            layer.weight.zero_()
    torch.nn.init.normal_(model.detail.up.weight)
    one, other = (model(x, x, text, t) for text in texts)
    assert not torch.allclose(one, other)
    condition, late, early = model.condition(x, texts[0]), model.modulation_at(0.5), model.modulation_at(0.1)
    assert not torch.allclose(model.step(x, condition, replace(late, detail=early.detail)), one)
