"""An episode of a trained agent: the film, a filmstrip, and the probabilities of its actions."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from hringur.agents.reinforce.action_distributions import OneOf
from hringur.agents.reinforce.agent import Reinforce
from hringur.agents.reinforce.observations import tensors
from hringur.evaluation.figures import save
from hringur.evaluation.films.game import (
    Game,
    GameRecord,
    Mask,
    Probabilities,
    decisions_figure,
    filmstrip,
)
from hringur.evaluation.films.video import check_video, film_game
from hringur.evaluators.episodes import HELD_OUT_SEED

MOST_ACTIONS = 6
"""Most actions whose probabilities over time are drawn."""


def film_agent(
    agent: Any,
    env_id: str,
    env_options: Mapping[str, Any],
    path: str | Path,
    *,
    seed: int = HELD_OUT_SEED,
    max_steps: int | None = None,
    likeliest: bool = True,
) -> tuple[GameRecord, list[Path]]:
    """Play one episode, and write ``path`` (.mp4 or .gif) with figures beside it.

    They are ``game-filmstrip.png`` and, for an agent with few actions whose probabilities are
    known, ``game-decisions.png``. Options that only ease training are overruled. Without
    ``likeliest`` actions are drawn.
    """
    path = check_video(path)
    heeds_masks = "action_masks" in inspect.signature(agent.predict).parameters

    def choose(observation: Any, mask: Mask) -> Any:
        masks = {"action_masks": mask} if heeds_masks and mask is not None else {}
        return agent.predict(observation, deterministic=likeliest, **masks)[0]

    game = Game(
        env_id,
        env_options,
        choose,
        probabilities=probabilities_of(agent),
        seed=seed,
        max_steps=max_steps,
    )
    written = [film_game(game, path)]
    figures = {"filmstrip": filmstrip(game.record)}
    if game.record.chances and len(game.record.names) <= MOST_ACTIONS:
        figures["decisions"] = decisions_figure(game.record)
    for name, figure in figures.items():
        written.append(save(figure, path.with_name(f"{path.stem}-{name}.png")))
    return game.record, written


def probabilities_of(agent: Any) -> Probabilities | None:
    """The probabilities of an agent's actions; None for one without a policy, such as DQN."""
    if isinstance(agent, Reinforce):
        return _of_reinforce(agent) if isinstance(agent.actions, OneOf) else None
    policy = getattr(getattr(agent, "model", agent), "policy", None)
    if not hasattr(policy, "get_distribution"):
        return None
    return _of_sb3(policy, "action_masks" in inspect.signature(agent.predict).parameters)


def _of_reinforce(agent: Reinforce) -> Probabilities:
    @torch.no_grad()
    def chances(observation: Any, mask: Mask = None) -> Float[np.ndarray, " A"]:
        seen = tensors(agent.leaves, observation, agent.fabric.device)
        softmax = agent.network.logits(seen)[0].float().softmax(dim=0)
        return _among(softmax.cpu().numpy(), mask)

    return chances


def _of_sb3(policy: Any, heeds_masks: bool) -> Probabilities:
    @torch.no_grad()
    def chances(observation: Any, mask: Mask = None) -> Float[np.ndarray, " A"]:
        seen, _ = policy.obs_to_tensor(observation)
        softmax = policy.get_distribution(seen).distribution.probs[0]
        return _among(softmax.cpu().numpy(), mask if heeds_masks else None)

    return chances


def _among(chances: Float[np.ndarray, " A"], mask: Mask) -> Float[np.ndarray, " A"]:
    if mask is None or not np.any(mask):
        return chances
    allowed = chances * (np.asarray(mask) != 0)
    return allowed / allowed.sum()
