// Trade: the visitor, REINFORCE and the best policy on the same prices.

import { element, find, normal, percent, shape, uniform } from "./elements.js";
import { best, makePath, state, wealth } from "./market.js";
import { holds, Reinforce } from "./reinforce.js";

const [BEFORE, DAYS] = [30, 60];
const [UPDATES, MORE, CURVE] = [150, 100, 10]; // at first; at a press of the button; of a point
const TRADERS = { you: "You", reinforce: "REINFORCE", best: "Best policy" };
const COLOURS = { you: "vermillion", reinforce: "blue", best: "green", hold: "soft" };
let law, learner, game;
const curve = [];

export const current = () => ({ ...game, law, weights: learner.weights });

export async function show(query) {
  const first = !law;
  if (first) {
    law = await (await fetch("trading.json")).json();
    const random = uniform(1);
    learner = new Reinforce(law, { uniform: random, normal: normal(random) }, DAYS);
    listen();
    learn(UPDATES);
  }
  const seed = Number.parseInt(query.get("seed"), 10);
  if (first || (seed && seed !== game.seed)) begin(seed || 1 + Math.floor(Math.random() * 1e6));
}

function begin(seed) {
  const prices = makePath(law, normal(uniform(seed)), BEFORE + DAYS + 1);
  game = { seed, prices, first: BEFORE, positions: { you: [], reinforce: [], best: [] } };
  history.replaceState(null, "", `#trade?seed=${seed}`);
  render();
}

const day = () => game.positions.you.length;
const held = (who) => game.positions[who].at(-1) ?? 0;
const over = () => day() === DAYS;

/** One evening: everyone decides on the close that they see. */
function decide(position) {
  if (over()) return;
  const x = state(law, game.prices, BEFORE + day());
  const { you, reinforce, best: theBest } = game.positions;
  reinforce.push(holds(learner.weights, x, held("reinforce")) > 0.5 ? 1 : 0);
  theBest.push(best(law, x, held("best")));
  you.push(position);
  render();
}

/** So many updates, some in each frame, so that the curve is seen to grow. */
function learn(updates) {
  let [left, sum] = [updates, 0];
  const frame = () => {
    for (let k = 0; k < CURVE && left > 0; k++, left--) sum += learner.update() / CURVE;
    curve.push(sum);
    sum = 0;
    renderLearning();
    find("#more").disabled = left > 0;
    if (left > 0) requestAnimationFrame(frame);
    else if (game) renderHint();
  };
  frame();
}

function listen() {
  const acts = { buy: () => decide(1), wait: () => decide(held("you")), sell: () => decide(0) };
  for (const [id, act] of Object.entries(acts)) find(`#${id}`).addEventListener("click", act);
  find("#prices").addEventListener("click", () => begin(1 + Math.floor(Math.random() * 1e6)));
  find("#more").addEventListener("click", () => learn(MORE));
  find("#hint").addEventListener("change", renderHint);
  document.addEventListener("keydown", (event) => {
    if (find("#trade").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    const button = find(`#${{ b: "buy", w: "wait", s: "sell" }[event.key.toLowerCase()] ?? "none"}`);
    if (button && !button.disabled) button.click();
  });
  new ResizeObserver(() => game && renderChart()).observe(find("#chart"));
}

// What the visitor sees --------------------------------------------------------------------------

function render() {
  const long = held("you") === 1;
  find("#buy").disabled = long || over();
  find("#sell").disabled = !long || over();
  find("#wait").disabled = over();
  renderChart();
  renderScores();
  renderHint();
}

function renderChart() {
  const svg = find("#chart");
  const [width, height, left, right, lane] = [Math.max(280, svg.clientWidth), svg.clientHeight || 380, 40, 12, 26];
  const bottom = height - 3 * lane - 34;
  const { close } = game.prices;
  const seen = close.slice(0, BEFORE + day() + 1);
  const reach = Math.max(8, ...seen.map((price) => Math.abs(price - 100))) * 1.12;
  const x = (k) => left + ((width - left - right) * k) / (BEFORE + DAYS);
  const y = (price) => 14 + ((bottom - 14) * (100 + reach - price)) / (2 * reach);
  const line = seen.map((price, k) => `${k ? "L" : "M"}${x(k).toFixed(1)} ${y(price).toFixed(1)}`);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const step = reach > 20 ? 10 : 5;
  const ticks = [-2, -1, 0, 1, 2].map((k) => 100 + k * step).filter((tick) => Math.abs(tick - 100) < reach);
  const signs = game.positions.you.flatMap((position, k) => {
    const before = game.positions.you[k - 1] ?? 0;
    return position === before ? [] : [sign(x(BEFORE + k), y(close[BEFORE + k]), position)];
  });
  svg.replaceChildren(
    ...ticks.map((tick) => shape("line", {
      class: tick === 100 ? "mean" : "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick),
    })),
    ...ticks.map((tick) => shape("text", { class: "tick", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, tick)),
    shape("line", { class: "grid", x1: x(BEFORE), x2: x(BEFORE), y1: 14, y2: height - 18 }),
    shape("path", { class: "price", d: line.join("") }),
    shape("circle", { class: "now", cx: x(seen.length - 1), cy: y(seen.at(-1)), r: 4 }),
    ...signs,
    ...Object.keys(TRADERS).flatMap((who, row) => renderLane(who, bottom + 22 + row * lane, lane, x)),
    shape("text", { class: "tick", x: x(BEFORE), y: height - 3, "text-anchor": "middle" }, "day 0"),
    shape("text", { class: "tick", x: width - right, y: height - 3, "text-anchor": "end" }, `day ${DAYS}`),
  );
  const price = seen.at(-1).toFixed(1);
  svg.setAttribute("aria-label", `Day ${day()} of ${DAYS}: the price is ${price}, its mean 100. You hold ${held("you") ? "the asset" : "cash"}.`);
}

/** A triangle where the visitor bought (up) or sold (down). */
function sign(x, y, bought) {
  const [tip, foot] = bought ? [y + 8, y + 18] : [y - 8, y - 18];
  return shape("path", { class: bought ? "bought" : "sold", d: `M${x} ${tip}L${x - 6} ${foot}H${x + 6}Z` });
}

/** The days on which a trader holds the asset, as bars below the chart. */
function renderLane(who, top, tall, x) {
  const { positions } = game;
  const wide = x(1) - x(0) + 0.5;
  const days = positions[who].flatMap((position, k) =>
    position ? [shape("rect", {
      class: "held", x: x(BEFORE + k), y: top + 4, width: wide, height: tall - 12, style: `fill: var(--${COLOURS[who]})`,
    })] : [],
  );
  const words = shape("text", { class: "tick", x: x(BEFORE) - 8, y: top + tall / 2 + 3, "text-anchor": "end" }, TRADERS[who]);
  const base = shape("line", { class: "grid", x1: x(BEFORE), x2: x(BEFORE + DAYS), y1: top + tall - 8, y2: top + tall - 8 });
  return [words, base, ...days];
}

function renderScores() {
  const { prices, positions } = game;
  const rows = Object.entries(TRADERS).map(([who, name]) => [who, name, wealth(law, prices, BEFORE, positions[who])]);
  rows.push(["hold", "Buy and hold", day() ? wealth(law, prices, BEFORE, Array(day()).fill(1)) : 0]);
  find("#scores tbody").replaceChildren(
    ...rows.map(([who, name, score]) => element(
      "tr",
      { "data-trader": who, "data-score": score },
      element("td", {}, element("span", { class: "swatch", style: `--own: var(--${COLOURS[who]})` }), name),
      element("td", {}, `${score < -5e-5 ? "−" : "+"}${Math.abs(100 * score).toFixed(2)} %`),
    )),
  );
  const mine = wealth(law, prices, BEFORE, positions.you) - wealth(law, prices, BEFORE, positions.best);
  const expected = percent(law.expected, 1);
  find("#day").textContent = !over()
    ? `Day ${day()} of ${DAYS}. You hold ${held("you") ? "the asset" : "cash"}.`
    : mine > 1e-9
      ? `You beat the best policy on these prices; on average nobody does (${expected}).`
      : mine > -1e-9
        ? "You traded as well as the best policy."
        : `The best policy did better by ${percent(-mine, 1)} of log wealth; on average it makes ${expected}.`;
}

function renderHint() {
  const words = find("#hinted");
  words.hidden = !find("#hint").checked || over();
  if (words.hidden) return;
  const x = state(law, game.prices, BEFORE + day());
  const chance = holds(learner.weights, x, held("you"));
  const act = (position) => (position === held("you") ? "waits" : position ? "buys" : "sells");
  words.textContent =
    `In your place the best policy ${act(best(law, x, held("you")))}; ` +
    `REINFORCE would hold the asset tomorrow with probability ${percent(chance)}.`;
}

function renderLearning() {
  const svg = find("#learning");
  const [width, height] = [320, 72];
  const x = (k) => (width * k) / Math.max(14, curve.length - 1);
  const y = (value) => height - 6 - ((height - 14) * (value - LOWEST)) / (law.expected - LOWEST);
  const line = curve.map((value, k) => `${k ? "L" : "M"}${x(k).toFixed(1)} ${y(Math.max(LOWEST, value)).toFixed(1)}`);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(
    shape("line", { class: "optimum", x1: 0, x2: width, y1: y(law.expected), y2: y(law.expected) }),
    shape("path", { class: "learned", d: line.join("") }),
  );
  const words = `${learner.updates} updates, ${percent(curve.at(-1), 1)} an episode while exploring; the best policy ${percent(law.expected, 1)}.`;
  find("#learned").textContent = words;
  svg.setAttribute("aria-label", `Learning curve of REINFORCE: ${words}`);
}

const LOWEST = -0.04; // log wealth at the foot of the learning curve
