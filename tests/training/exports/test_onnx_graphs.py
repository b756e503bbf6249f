"""Networks that leave the house: the same numbers in onnxruntime, at sizes that were not traced."""

import sys

import numpy as np
import pytest
import torch

import hringur
from hringur.agents import Reinforce
from hringur.agents.tours.attention_model import AttentionModelConfig
from hringur.agents.tours.decoding import Decoding
from hringur.agents.tours.pointer_network import PointerNetworkConfig
from hringur.generative import VAE
from hringur.generative.models.vae import VAEConfig
from hringur.training.exports import onnx_graphs
from hringur.types import MissingExtra, UserError

runtime = pytest.importorskip("onnxruntime")
SMALL = {
    "attention-model": AttentionModelConfig(width=16, layers=1, heads=2, decoder_heads=2),
    "pointer-network": PointerNetworkConfig(width=16, attention_width=8),
}


def run(path, given):
    session = runtime.InferenceSession(str(path))
    feed = {one.name: given[one.name] for one in session.get_inputs()}
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, feed), strict=True))


@pytest.mark.parametrize("name", SMALL)
def test_a_tour_is_planned_without_torch(tmp_path, name):
    agent = hringur.TourAgent("EuclideanTSP-v0", SMALL[name], device="cpu")
    encode, begin, step = agent.export_onnx(tmp_path / "agent.onnx")
    instances = agent.sampler.sample(np.random.default_rng(1), 4, 13)
    encoding = run(
        encode,
        {
            "coordinates": instances.coordinates.astype(np.float32),
            "distance": instances.distance.astype(np.float32),
        },
    )
    at = np.zeros((4, 1), dtype=np.int64)
    memory = run(begin, {**encoding, "start": at})
    is_open = np.ones((4, 1, 13), dtype=bool)
    tour = [at]
    for _ in range(12):
        np.put_along_axis(is_open, at[..., None], False, axis=2)
        found = run(step, {**encoding, **memory, "place": at, "is_open": is_open})
        memory = {name.removesuffix("_after"): x for name, x in found.items() if name != "logits"}
        at = np.where(is_open, found["logits"], -np.inf).argmax(axis=2)
        tour.append(at)
    planned = agent.plan(instances, Decoding(method="greedy"))
    np.testing.assert_array_equal(np.concatenate(tour, axis=1), planned)


@pytest.mark.parametrize("env", ["StockTrading-v0", "Taxi-v4", "ThreeActionBreakout-v0"])
def test_a_policy_gives_the_same_logits(tmp_path, env):
    agent = Reinforce(env, device="cpu")
    (path,) = agent.export_onnx(tmp_path / "policy.onnx")
    space = agent.environment.observation_space
    space.seed(0)
    seen = np.stack([space.sample() for _ in range(7)])
    (leaf,) = agent.leaves
    with torch.no_grad():
        wanted = agent.network.logits({leaf.name: torch.from_numpy(seen)}).numpy()
    np.testing.assert_allclose(run(path, {leaf.name: seen})["logits"], wanted, atol=1e-5)


def test_a_model_of_images_draws_and_encodes_the_same(tmp_path):
    images = np.random.default_rng(0).integers(256, size=(20, 1, 12, 12), dtype=np.uint8)
    model = VAE(images, VAEConfig(latent=3, channels=4, hidden=8), device="cpu")
    decoder, encoder = model.export_onnx(tmp_path / "model.onnx")
    assert [path.name for path in (decoder, encoder)] == [
        "model-decoder.onnx",
        "model-encoder.onnx",
    ]
    latent = model.draw(9, seed=1)
    image = run(decoder, {"latent": latent.numpy()})["image"]
    np.testing.assert_allclose(image, model.decode(latent).numpy(), atol=1e-5)
    wanted = model.encode(image).numpy()
    np.testing.assert_allclose(run(encoder, {"image": image})["latent"], wanted, atol=1e-5)


def test_a_graph_that_differs_is_not_written(tmp_path, monkeypatch):
    agent = Reinforce("CartPole-v1", device="cpu")
    with pytest.raises(UserError, match=r"ends with \.onnx, got .*policy\.pt"):
        agent.export_onnx(tmp_path / "policy.pt")
    calls = []

    def other(**seen):  # another function each time, so that the trace cannot be it
        calls.append(seen)
        return agent.network.policy[0](seen["observation"]) + len(calls)

    graph = onnx_graphs.Graph(
        agent.network,
        other,
        lambda size: {"observation": torch.zeros(size, 4)},
        ["logits"],
    )
    with pytest.raises(UserError, match="its logits would not be torch's"):
        onnx_graphs.write_graphs(tmp_path / "policy.onnx", {"": graph})
    for missing in ("onnx", "onnxruntime"):
        with monkeypatch.context() as without:
            without.setitem(sys.modules, missing, None)
            with pytest.raises(MissingExtra, match="'onnx'"):
                agent.export_onnx(tmp_path / "policy.onnx")
    assert not list(tmp_path.iterdir())
