"""Two runs held by one page at once, over the real network and with the real codec."""

import hashlib
from collections.abc import Callable

from app.modules import read_modules
from tests.app.fake import FakeGenerator, Gate, chest
from tests.browser.conftest import Visit

HOLD_TWO = """async ([folder, fields]) => {
    const load = (path) => import(`${folder}/${path}`);
    const [{ Session }, { View }] = [await load('session.js'), await load('view.js')];
    const [{ Transport }, { Memory, newId }] = [await load('data/transport.js'), await load('data/memory.js')];
    const ignore = () => {};
    const stage = { say: ignore, show: ignore, explain: ignore, busyChanged: ignore, drive: ignore, picture: ignore };
    const transport = new Transport(window.gradio_config.root, '/gradio_api');
    const view = new View([{ name: 'Lung', width: 1500, level: -600 }]);
    const session = new Session(view, stage, transport, new Memory(() => null), 'somebody');
    const held = [];
    for (const seed of [1, 2]) {
        const run = newId();
        await transport.ask('start', { ...fields, seed, run, visitor: 'somebody' });
        held.push(session.hold(run));
    }
    session.show(held[0]);
    window.held = held;
    window.shown = view;
}"""
STATES = "() => window.held.map(({ manifest }) => manifest && manifest.state)"
COMPLETE = """() => window.held.every((feed) => feed.manifest && feed.manifest.state === 'finished'
    && feed.holds(feed.manifest.chunks))"""
DIGESTS = """() => Promise.all([...window.held, window.shown].map(async ({ volume }) => {
    const digest = await crypto.subtle.digest('SHA-256', volume.hu);
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}))"""


def test_two_runs_held_at_once_are_both_complete_and_one_is_shown(visit: Callable[..., Visit], gate: Gate) -> None:
    generator = FakeGenerator(gate)
    page = visit(generator).page
    folder = f"/viewer/{read_modules().version}"
    page.evaluate(HOLD_TWO, [folder, {"findings": "Clear.", "impression": "", "chunks": 2, "steps": 4}])
    gate.open(5)
    page.wait_for_function(f"({STATES})().join() === 'running,waiting'")
    gate.open(100)
    page.wait_for_function(COMPLETE)
    first, second = (hashlib.sha256(chest(32, seed, "I").tobytes()).hexdigest() for seed in (1, 2))
    assert page.evaluate(DIGESTS) == [first, second, first]
    assert len(generator.requests) == 2
