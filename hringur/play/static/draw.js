// Draw and mix: two digits, what lies between their codes, and faces with their attributes.

import { element, find, normal, uniform } from "./elements.js";
import { loadDigits, loadFaces, sphere } from "./image_models.js";
import { paint, Pad } from "./pad.js";

const STEPS = 9;
const AXES = 8;
const ATTRIBUTES = ["Smile", "Age", "Narrow eyes", "Blonde", "Beard", "Glasses", "Long hair"];
let digits, faces, samples;
const pads = {};
const state = { codes: {}, code: null, face: null, edited: null };

export const current = () => ({
  ...state, left: pads.left.image, right: pads.right.image, share: Number(find("#share").value),
});

export async function show() {
  if (samples) return;
  samples = await (await fetch("samples.json")).json();
  digits = await loadDigits();
  prepareDigits();
  loadFaces().then(prepareFaces); // larger, and below
}

const unpacked = (bytes) => Float32Array.from(bytes, (byte) => byte / 255);

// Digits -----------------------------------------------------------------------------------------

function prepareDigits() {
  const strip = find("#strip");
  for (let k = 0; k < STEPS; k++) {
    const go = () => {
      find("#share").value = k / (STEPS - 1);
      mix();
    };
    const canvas = element("canvas", { width: 84, height: 84 });
    const words = `${Math.round((100 * k) / (STEPS - 1))} % of the right digit`;
    strip.append(element("button", { type: "button", "aria-label": words, click: go }, canvas));
  }
  for (let axis = 0; axis < AXES; axis++) {
    const name = `axis-${axis}`;
    find("#axes").append(element("label", {}, `z${axis + 1}`,
      element("input", { type: "range", id: name, min: -3, max: 3, step: 0.05, value: 0, input: fromAxes })));
  }
  for (const side of ["left", "right"]) {
    pads[side] = new Pad(find(`#${side}`), (image) => {
      state.codes[side] = Array.from(digits.encode(image));
      if (state.codes.left && state.codes.right) mix();
    });
    find(`#${side}-digit`).addEventListener("change", ({ target }) => pads[side].show(sample(target.value)));
    find(`#${side}-clear`).addEventListener("click", () => pads[side].clear());
  }
  find("#share").addEventListener("input", mix);
  find("#prior").addEventListener("click", () => {
    const draw = normal(uniform(Date.now()));
    setCode(Array.from({ length: AXES }, draw));
  });
  pads.left.show(sample(find("#left-digit").value));
  pads.right.show(sample(find("#right-digit").value));
}

const sample = (digit) => unpacked(samples.digits[digit]);

/** The codes between both digits, and the one at the slider. */
function mix() {
  const { left, right } = state.codes;
  const canvases = document.querySelectorAll("#strip canvas");
  const share = Number(find("#share").value);
  canvases.forEach((canvas, k) => {
    const at = k / (STEPS - 1);
    paint(canvas, digits.decode(sphere(left, right, at)), 1, digits.side);
    canvas.parentElement.setAttribute("aria-pressed", Math.abs(at - share) < 0.06);
  });
  setCode(sphere(left, right, share));
}

function setCode(code) {
  code.forEach((value, axis) => (find(`#axis-${axis}`).value = value));
  showCode(code);
}

function fromAxes() {
  showCode(Array.from({ length: AXES }, (_, axis) => Number(find(`#axis-${axis}`).value)));
}

function showCode(code) {
  state.code = code;
  paint(find("#mixed"), digits.decode(code), 1, digits.side);
}

// Faces ------------------------------------------------------------------------------------------

function prepareFaces(loaded) {
  faces = loaded;
  samples.faces.forEach((bytes, k) => {
    const canvas = element("canvas", { width: 64, height: 64 });
    find("#faces").append(element("button", {
      type: "button", "aria-label": `Face ${k + 1}`, "aria-pressed": false, click: () => choose(k),
    }, canvas));
    paint(canvas, unpacked(bytes), 3, 32);
  });
  ATTRIBUTES.forEach((words, number) => {
    find("#attributes").append(element("label", {}, words,
      element("input", { type: "range", id: `attribute-${number}`, min: -1, max: 1, step: 0.25, value: 0, input: soon })));
  });
  find("#plain").addEventListener("click", () => choose(state.face));
  choose(0);
  for (const number of [1, 5]) find(`#attribute-${number}`).value = 1; // so that there is something to see
  edit();
}

function choose(k) {
  state.face = k;
  [...find("#faces").children].forEach((button, other) => button.setAttribute("aria-pressed", other === k));
  ATTRIBUTES.forEach((_, number) => (find(`#attribute-${number}`).value = 0));
  paint(find("#before"), unpacked(samples.faces[k]), 3, 32);
  edit();
}

let waiting = false;
function soon() {
  if (!waiting) requestAnimationFrame(edit);
  waiting = true;
}

/** All attributes given or taken away, one after the other. */
function edit() {
  waiting = false;
  let image = unpacked(samples.faces[state.face]);
  const changes = ATTRIBUTES.flatMap((words, number) => {
    const strength = Number(find(`#attribute-${number}`).value);
    image = faces.edit(image, number, strength);
    return strength ? [`${words.toLowerCase()} ${strength > 0 ? "+" : "−"}${Math.abs(strength)}`] : [];
  });
  state.edited = Array.from(image);
  paint(find("#after"), image, 3, 32);
  find("#after").setAttribute("aria-label", `The face with ${changes.join(", ") || "nothing changed"}`);
}
