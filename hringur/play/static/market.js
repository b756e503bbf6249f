// Prices that return to their mean, and what a day brings: hringur/data/trading/processes.py
// (OrnsteinUhlenbeck) and hringur/references/trading/wealth.py.

const LEVEL = 100;

/** Opens and closes of so many days: the log price over 100 is x' = reversion x + sigma e. */
export function makePath(law, normal, days) {
  const deviation = law.sigma / Math.sqrt(1 - law.reversion ** 2);
  const part = (share) => {
    const factor = law.reversion ** share;
    return [factor, deviation * Math.sqrt(1 - factor ** 2)];
  };
  const [night, day] = [part(law.overnight), part(1 - law.overnight)];
  const [open, close] = [[], []];
  for (let k = 0; k < days; k++) {
    const opening = k === 0 ? deviation * normal() : night[0] * close[k - 1] + night[1] * normal();
    open.push(opening);
    close.push(day[0] * opening + day[1] * normal());
  }
  const price = (x) => LEVEL * Math.exp(x);
  return { open: open.map(price), close: close.map(price) };
}

/** How many stationary deviations the log price lies from its mean on a day. */
export const state = (law, { close }, day) =>
  (Math.log(close[day] / LEVEL) / law.sigma) * Math.sqrt(1 - law.reversion ** 2);

/** Log wealth gained from one close to the next, by the position before and after (0 or 1). */
export function earned(law, { open, close }, day, before, after) {
  const next = day + 1;
  if (before && after) return Math.log(close[next] / close[day]);
  if (after) return Math.log(close[next] / open[next]) - law.buy_cost;
  if (before) return Math.log(open[next] / close[day]) - law.sell_cost;
  return 0;
}

/** Log wealth of these positions, from the decision of day `first` on; what is held is sold. */
export function wealth(law, prices, first, positions) {
  const held = (k) => positions[k] ?? 0;
  const gains = positions.map((after, k) => earned(law, prices, first + k, held(k - 1), after));
  const sale = positions.at(-1) ? law.sell_cost : 0;
  return gains.reduce((sum, gain) => sum + gain, 0) - sale;
}

/** The best policy: buy below one threshold, sell above the other. */
export const best = (law, x, held) => (x < (held ? law.sells_above : law.buys_below) ? 1 : 0);
