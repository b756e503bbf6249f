"""A trained agent at play: the film, a filmstrip, and how sure it was of each choice."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from hringur.agents.action_distributions import OneOf
from hringur.agents.episodes import HELD_OUT_SEED
from hringur.agents.observations import tensors
from hringur.agents.reinforce import Reinforce
from hringur.evaluation.game import Game, GameRecord, Probabilities, decisions_figure, filmstrip
from hringur.evaluation.plots import save
from hringur.evaluation.video import check_video, film_game


def film_agent(
    agent: Any,
    env_id: str,
    env_options: Mapping[str, Any],
    path: str | Path,
    *,
    seed: int = HELD_OUT_SEED,
    max_steps: int | None = None,
) -> tuple[GameRecord, list[Path]]:
    """Let ``agent`` play one episode, of likeliest actions, and write what is to be seen of it.

    Beside ``game.mp4`` (or .gif) lie ``game-filmstrip.png`` and, where the agent tells its
    probabilities, ``game-decisions.png``.

    Args:
        agent: with ``predict``, as all agents here and those of Stable-Baselines3 have it.
        env_id: the environment, which must draw ``rgb_array``.
        env_options: its options; those that only ease training are overruled.
        path: of the film.
        seed: of the episode; the first of those kept for evaluation when not given.
        max_steps: decisions after which the film ends, if the episode has not by then.

    Raises:
        UserError: the path cannot be written to, or the environment draws no pictures.
    """
    path = check_video(path)
    game = Game(
        env_id,
        env_options,
        lambda observation: agent.predict(observation, deterministic=True)[0],
        probabilities=probabilities_of(agent),
        seed=seed,
        max_steps=max_steps,
    )
    written = [film_game(game, path)]
    figures = {"filmstrip": filmstrip(game.record)}
    if game.record.chances:
        figures["decisions"] = decisions_figure(game.record)
    for name, figure in figures.items():
        written.append(save(figure, path.with_name(f"{path.stem}-{name}.png")))
    return game.record, written


def probabilities_of(agent: Any) -> Probabilities | None:
    """What tells an agent's probability of each action; None where it has none, as DQN.

    Of Reinforce, of SB3's algorithms with a policy network, and of learners that hold one.
    """
    if isinstance(agent, Reinforce):
        return None if not isinstance(agent.actions, OneOf) else lambda seen: _softmax(agent, seen)
    policy = getattr(getattr(agent, "model", agent), "policy", None)
    if not hasattr(policy, "get_distribution"):
        return None
    return lambda seen: _sb3_chances(policy, seen)


@torch.no_grad()
def _softmax(agent: Reinforce, observation: Any) -> Float[np.ndarray, " A"]:
    seen = tensors(agent.parts, observation, agent.fabric.device)
    return agent.network.logits(seen)[0].float().softmax(dim=0).cpu().numpy()


@torch.no_grad()
def _sb3_chances(policy: Any, observation: Any) -> Float[np.ndarray, " A"]:
    seen, _ = policy.obs_to_tensor(observation)
    return policy.get_distribution(seen).distribution.probs[0].cpu().numpy()
