// Estimators: the histograms of gradient estimates beside the exact gradient.

import { chosen as choice, element, find, shape, uniform } from "./elements.js";
import { cost, ESTIMATORS, estimates, exact } from "./one_bit.js";

const [COUNT, BINS] = [4000, 61];
let seed = 1;
let waiting = false;
let last = null;

export const current = () => last;

export async function show() {
  if (last) return;
  find("#bit").addEventListener("input", () => {
    if (!waiting) requestAnimationFrame(render);
    waiting = true;
  });
  find("#again").addEventListener("click", () => {
    seed++;
    render();
  });
  render();
}

function problem() {
  const form = find("#bit");
  const value = (name) => Number(form.elements[name].value);
  const kind = choice(form, "kind");
  return {
    kind, target: value("target"), p: value("p"), samples: value("samples"), temperature: value("temperature"),
    random: uniform(seed), ...cost(kind, value("target")),
  };
}

function render() {
  waiting = false;
  const given = problem();
  const truth = exact(given);
  const found = estimates(given, COUNT);
  const about = Object.entries(found).map(([name, values]) => ({ name, values, ...moments(values) }));
  last = { ...given, truth, about: about.map(({ name, mean, deviation }) => ({ name, mean, deviation })) };
  const range = common(about, truth);
  for (const output of document.querySelectorAll("#bit output")) {
    output.textContent = find("#bit").elements[output.htmlFor.value].value.replace("-", "−");
  }
  find("#exact").textContent = `The exact gradient is ${number(truth)}.`;
  find("#range").textContent = `All run from ${number(range[0])} to ${number(range[1])}.`;
  find("#histograms").replaceChildren(...about.map((one) => row(one, truth, range)));
  renderCost(given);
}

function moments(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, deviation: Math.sqrt(square) };
}

/** The range that all histograms share: plain REINFORCE's bulk, and every mean. */
function common(about, truth) {
  const sorted = about[0].values.slice().sort();
  const at = (share) => sorted[Math.floor(share * (sorted.length - 1))];
  const ends = [at(0.005), at(0.995), truth, ...about.map(({ mean }) => mean)];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = 0.06 * (high - low) + 0.02;
  return [low - room, high + room];
}

const number = (value) => `${value < -5e-4 ? "−" : ""}${Math.abs(value).toFixed(3)}`;

function row({ name, values, mean, deviation }, truth, range) {
  const { name: words, unbiased, reads } = ESTIMATORS[name];
  const bias = mean - truth;
  const error = deviation / Math.sqrt(COUNT);
  const seen = Math.abs(bias) < 3.3 * error ? "none seen" : `${bias > 0 ? "+" : ""}${number(bias)}`;
  return element(
    "li",
    { "data-estimator": name, "data-mean": mean, "data-deviation": deviation, class: unbiased ? "unbiased" : "biased" },
    element("h2", {}, words, element("small", {}, ` ${unbiased ? "unbiased" : "biased"}, reads ${reads}`)),
    histogram(values, mean, truth, range, `${words}: mean ${number(mean)}, spread ${number(deviation)}`),
    element("dl", {},
      element("dt", {}, "bias"), element("dd", {}, seen),
      element("dt", {}, "spread"), element("dd", {}, number(deviation))),
  );
}

function histogram(values, mean, truth, [low, high], words) {
  const counts = new Array(BINS).fill(0);
  const bin = (value) => Math.floor((BINS * (value - low)) / (high - low));
  for (const value of values) if (bin(value) >= 0 && bin(value) < BINS) counts[bin(value)]++;
  const tallest = Math.max(...counts);
  const x = (value) => (100 * (value - low)) / (high - low);
  return shape(
    "svg",
    { viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img", "aria-label": words },
    ...counts.map((count, k) => {
      const tall = count ? Math.max(0.7, 34 * Math.sqrt(count / tallest)) : 0; // roots: tails are seen
      return shape("rect", { x: (100 * k) / BINS, y: 40 - tall, width: 100 / BINS + 0.05, height: tall });
    }),
    shape("line", { class: "truth", x1: x(truth), x2: x(truth), y1: 0, y2: 40 }),
    shape("path", { class: "average", d: `M${x(mean)} 7L${x(mean) - 0.9} 0H${x(mean) + 0.9}Z` }),
  );
}

/** The cost as a curve, with its two values as dots whose areas are their probabilities. */
function renderCost({ f, p }) {
  const svg = find("#cost");
  const xs = Array.from({ length: 61 }, (_, k) => -0.25 + (1.5 * k) / 60);
  const top = Math.max(...xs.map(f), 0.3);
  const low = Math.min(0, ...xs.map(f));
  const x = (value) => 24 + (272 * (value + 0.25)) / 1.5;
  const y = (value) => 104 - (88 * (value - low)) / (top - low);
  svg.setAttribute("viewBox", "0 0 320 128");
  svg.replaceChildren(
    shape("line", { class: "grid", x1: 8, x2: 312, y1: y(0), y2: y(0) }),
    shape("path", { class: "learned", d: xs.map((v, k) => `${k ? "L" : "M"}${x(v)} ${y(f(v))}`).join("") }),
    ...[0, 1].flatMap((b) => [
      shape("circle", { class: "chance", cx: x(b), cy: y(f(b)), r: 14 * Math.sqrt(b ? p : 1 - p) }),
      shape("text", { class: "tick", x: x(b), y: 124, "text-anchor": "middle" }, `x = ${b}`),
    ]),
  );
  svg.setAttribute("aria-label", `The cost is ${number(f(0))} at x = 0 and ${number(f(1))} at x = 1.`);
}
