// REINFORCE (Williams 1992) learns to trade while the page looks on.
// The policy holds the asset with probability sigmoid(w . features): a constant, the price in its
// deviations, and whether it holds now. Rewards to go, less their mean over the other episodes.

import { earned, makePath, state } from "./market.js";

const EPISODES = 64;
const [RATE, DECAY1, DECAY2] = [0.1, 0.9, 0.99]; // of Adam

export const features = (x, held) => [1, x, held ? 1 : -1];
export const holds = (weights, x, held) =>
  1 / (1 + Math.exp(-features(x, held).reduce((sum, f, k) => sum + f * weights[k], 0)));

export class Reinforce {
  constructor(law, random, days) {
    Object.assign(this, { law, random, days, updates: 0, weights: [0, 0, 0] });
    this.moments = [0, 0, 0].map(() => [0, 0]);
  }

  /** One step of Adam along the estimated gradient; returns the mean return of the episodes. */
  update() {
    const { law, random, days, weights } = this;
    const episodes = Array.from({ length: EPISODES }, () => {
      const prices = makePath(law, random.normal, days + 1);
      const scores = [];
      const rewards = [];
      let held = 0;
      for (let day = 0; day < days; day++) {
        const x = state(law, prices, day);
        const chance = holds(weights, x, held);
        const next = random.uniform() < chance ? 1 : 0;
        scores.push(features(x, held).map((f) => f * (next - chance))); // of log probability
        rewards.push(earned(law, prices, day, held, next) - (day === days - 1 ? next * law.sell_cost : 0));
        held = next;
      }
      for (let day = days - 2; day >= 0; day--) rewards[day] += rewards[day + 1];
      return { scores, rewards };
    });
    this.step(gradient(episodes, days));
    return episodes.reduce((sum, { rewards }) => sum + rewards[0], 0) / EPISODES;
  }

  step(along) {
    this.updates++;
    along.forEach((slope, k) => {
      const moment = this.moments[k];
      moment[0] += (1 - DECAY1) * (slope - moment[0]);
      moment[1] += (1 - DECAY2) * (slope ** 2 - moment[1]);
      const mean = moment[0] / (1 - DECAY1 ** this.updates);
      const square = moment[1] / (1 - DECAY2 ** this.updates);
      this.weights[k] += (RATE * mean) / (Math.sqrt(square) + 1e-8);
    });
  }
}

/** Mean over episodes of the sum over days of score times (return to go - mean of the others'). */
function gradient(episodes, days) {
  const sum = [0, 0, 0];
  for (let day = 0; day < days; day++) {
    const total = episodes.reduce((all, { rewards }) => all + rewards[day], 0);
    for (const { scores, rewards } of episodes) {
      const others = (total - rewards[day]) / (EPISODES - 1);
      scores[day].forEach((score, k) => (sum[k] += (score * (rewards[day] - others)) / EPISODES));
    }
  }
  return sum;
}
