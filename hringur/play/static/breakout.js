// Breakout: ten pictures of one game, and its score beside others.

import { element, find } from "./elements.js";

const [WIDE, TALL] = [160, 210];
const MS_A_PICTURE = 900;
/** Seconds, points and lives of each picture (docs/breakout.md). */
const MOMENTS = [
  [0, 0, 5], [7.5, 3, 5], [14.9, 7, 5], [22.4, 9, 5], [29.9, 12, 4],
  [36.3, 15, 4], [43.7, 29, 4], [51.2, 45, 3], [58.7, 55, 2], [66.1, 65, 1],
];
/** Points of a game (docs/breakout.md); those of this game move with the film. */
const SCORES = [
  ["at random", 1.5, "soft"], ["a person", 30.5, "orange"], ["this game", 0, "vermillion"],
  ["REINFORCE, sampled", 73.6, "blue"], ["REINFORCE, likeliest", 118.8, "blue"], ["PPO, 40 M frames", 274.8, "purple"],
];
const SCALE = 300;
let sheet = null;
let timer = null;

export async function show() {
  if (sheet) return;
  sheet = new Image();
  sheet.src = "breakout.png";
  await sheet.decode();
  find("#moment").addEventListener("input", () => {
    stop();
    draw();
  });
  find("#play").addEventListener("click", () => (timer ? stop() : play()));
  draw();
}

function play() {
  const slider = find("#moment");
  if (Number(slider.value) === MOMENTS.length - 1) slider.value = 0;
  find("#play").textContent = "Pause";
  draw();
  timer = setInterval(() => {
    slider.value = Number(slider.value) + 1;
    draw();
    if (Number(slider.value) === MOMENTS.length - 1) stop();
  }, MS_A_PICTURE);
}

function stop() {
  clearInterval(timer);
  timer = null;
  find("#play").textContent = "Play";
}

function draw() {
  const k = Number(find("#moment").value);
  const [seconds, points, lives] = MOMENTS[k];
  const canvas = find("#screen");
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(sheet, k * WIDE, 0, WIDE, TALL, 0, 0, canvas.width, canvas.height);
  const words = `${seconds.toFixed(1)} s: ${points} points, ${lives} ${lives === 1 ? "life" : "lives"} left`;
  find("#played").textContent = words;
  canvas.setAttribute("aria-label", `Breakout after ${words}`);
  find("#points").replaceChildren(...SCORES.map(([name, score, colour]) => {
    const value = name === "this game" ? points : score;
    const bar = element("span", { class: "bar", style: `--own: var(--${colour}); width: ${(100 * value) / SCALE}%` });
    return element("li", {}, element("span", {}, name), element("span", { class: "track" }, bar), element("b", {}, String(value)));
  }));
}
