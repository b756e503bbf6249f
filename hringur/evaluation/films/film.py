"""An episode of a trained agent: the film, a filmstrip, and the probabilities of its actions."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hringur.agents.reinforce.action_distributions import OneOf
from hringur.agents.reinforce.agent import Reinforce
from hringur.agents.reinforce.observations import tensors
from hringur.data.figures import save
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
    masked = True
    policy: Any = getattr(getattr(agent, "model", agent), "policy", None)
    if isinstance(agent, Reinforce):
        if not isinstance(agent.actions, OneOf):
            return None

        def probabilities(observation: Any) -> Tensor:
            seen = tensors(agent.leaves, observation, agent.fabric.device)
            return agent.network.logits(seen)[0].float().softmax(dim=0)
    elif hasattr(policy, "get_distribution"):
        masked = "action_masks" in inspect.signature(agent.predict).parameters

        def probabilities(observation: Any) -> Tensor:
            seen, _ = policy.obs_to_tensor(observation)
            return policy.get_distribution(seen).distribution.probs[0]
    else:
        return None

    @torch.no_grad()
    def among_allowed(observation: Any, mask: Mask = None) -> Float[np.ndarray, " A"]:
        found = probabilities(observation).cpu().numpy()
        if not masked or mask is None or not np.any(mask):
            return found
        allowed = found * (np.asarray(mask) != 0)
        return allowed / allowed.sum()

    return among_allowed
