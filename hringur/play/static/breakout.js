// Breakout: a recorded game, with the probability of each decision, and its points beside others.

import { element, find } from "./elements.js";

const NAMES = [["Left", "blue"], ["Wait", "vermillion"], ["Right", "green"]];
/** Points of a game (docs/breakout.md); those of this game move with the film. */
const SCORES = [
  ["at random", 1.5, "soft"], ["a person", 30.5, "orange"], ["this game", 0, "vermillion"],
  ["REINFORCE, sampled", 73.6, "blue"], ["REINFORCE, likeliest", 118.8, "blue"], ["PPO, 40 M frames", 274.8, "purple"],
];
const SCALE = 300;
let game = null;
let picture = null;
let shown = -1;
let timer = null;

export async function show() {
  if (game) return;
  game = await (await fetch("breakout.json")).json();
  const [width, height] = game.size;
  picture = new ImageData(width, height);
  Object.assign(find("#screen"), { width, height });
  const slider = find("#moment");
  slider.max = game.frames.length - 1;
  slider.addEventListener("input", () => {
    stop();
    draw();
  });
  find("#play").addEventListener("click", toggle);
  find("#breakout").addEventListener("keydown", keyed);
  draw();
}

/** Space plays and pauses; arrows go from picture to picture, on the slider by itself. */
function keyed(event) {
  const { key, target } = event;
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (key === " " && target.tagName !== "BUTTON") toggle();
  else if (step && target.tagName !== "INPUT") move(step);
  else return;
  event.preventDefault();
}

function move(step) {
  stop();
  find("#moment").value = Number(find("#moment").value) + step;
  draw();
}

const toggle = () => (timer ? stop() : play());

function play() {
  const slider = find("#moment");
  if (slider.value === slider.max) slider.value = 0;
  find("#play").textContent = "Pause";
  find("#played").setAttribute("aria-live", "off"); // fifteen times a second is no reading
  draw();
  const first = Number(slider.value);
  const began = performance.now();
  timer = setInterval(() => {
    slider.value = first + Math.floor(((performance.now() - began) * game.per_second) / 1000);
    draw();
    if (slider.value === slider.max) stop();
  }, 1000 / game.per_second);
}

function stop() {
  clearInterval(timer);
  timer = null;
  find("#play").textContent = "Play";
  find("#played").setAttribute("aria-live", "polite");
}

/** Paint what changed up to picture ``k``: runs of pixels skipped, length, colour. */
function paint(k) {
  if (k < shown) shown = -1; // the first picture has every pixel
  const colours = game.palette.map((one) => parseInt(one.slice(1), 16));
  const pixels = new DataView(picture.data.buffer);
  while (shown < k) {
    const runs = game.frames[++shown];
    let place = 0;
    for (let j = 0; j < runs.length; j += 3) {
      place += runs[j];
      const rgba = ((colours[runs[j + 2]] << 8) | 255) >>> 0;
      for (const end = place + runs[j + 1]; place < end; place++) pixels.setUint32(4 * place, rgba);
    }
  }
}

function draw() {
  const k = Number(find("#moment").value);
  paint(k);
  const canvas = find("#screen");
  canvas.getContext("2d").putImageData(picture, 0, 0);
  const [points, lives] = [game.points[k], game.lives[k]];
  const seconds = (k / game.per_second).toFixed(1);
  const words = `${seconds} s: ${points} points, ${lives} ${lives === 1 ? "life" : "lives"} left`;
  find("#played").textContent = words;
  canvas.setAttribute("aria-label", `Breakout after ${words}`);
  find("#moment").setAttribute("aria-valuetext", words);
  find("#choices").replaceChildren(...NAMES.map(([name, colour], action) => {
    const percent = game.percent[k]?.[action] ?? 0; // nothing is decided after the last picture
    const taken = game.actions[k] === action;
    return row(taken ? `${name} ✓` : name, percent, `${percent} %`, colour, taken && "taken");
  }));
  find("#points").replaceChildren(...SCORES.map(([name, score, colour]) => {
    const value = name === "this game" ? points : score;
    return row(name, (100 * value) / SCALE, String(value), colour);
  }));
}

function row(name, percent, value, colour, kind) {
  const bar = element("span", { class: "bar", style: `--own: var(--${colour}); width: ${percent}%` });
  const track = element("span", { class: "track" }, bar);
  return element("li", { class: kind || null }, element("span", {}, name), track, element("b", {}, value));
}
