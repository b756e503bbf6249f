// The attention model that names the next place: hringur/agents/tours/attention_model.py, in
// plain typed arrays. Kool et al. 2019, with many starts (Kwon et al. 2020) and road distances.

import { add, layerNorm, linear, load, softmax } from "./tensors.js";

const [FREQUENCIES, CLIP, BOUND, SMALLEST] = [6, 10, 10, 1e-12];
const [HEADS, GLIMPSE_HEADS] = [8, 4];
const [SHORT, LONG, FEATURES, USUAL_PLACES] = [0.15, 0.5, 6, 20];

export async function loadModel() {
  const weights = await load("attention-model.safetensors");
  const of = (name) => weights[name];
  return {
    /** The decoder's tables of an instance: positions in the unit square, distances row by row. */
    encode(positions, distances) {
      const n = positions.length / 2;
      const mean = distances.reduce((sum, d) => sum + d, 0) / (n * n);
      const relative = Float32Array.from(distances, (d) => d / Math.max(mean, 1e-12));
      const edge = edgeFeatures(relative, n);
      let x = linear(placeFeatures(positions, relative, n), of("place.weight"), of("place.bias"));
      for (let layer = 0; of(`layers.${layer}.bias.weight`); layer++) {
        x = encoderLayer(x, edge, n, layer, of);
      }
      return tables(layerNorm(x, of("norm.weight"), of("norm.bias")), edge, n, of);
    },
  };
}

/** Position, as it is and in sines, and the mean and least distance to other places. */
function placeFeatures(positions, relative, n) {
  const features = [];
  for (let i = 0; i < n; i++) {
    const xy = positions.slice(2 * i, 2 * i + 2);
    const row = Array.from(relative.subarray(i * n, i * n + n));
    const octaves = [...Array(FREQUENCIES).keys()].map((octave) => Math.PI * 2 ** octave);
    const angles = Array.from(xy).flatMap((x) => octaves.map((octave) => x * octave));
    const mean = row.reduce((sum, d) => sum + d, 0) / n;
    const least = Math.min(...row.map((d, j) => (i === j ? d + 10 : d)));
    features.push(...xy, ...angles.map(Math.sin), ...angles.map(Math.cos), mean, least);
  }
  return Float32Array.from(features);
}

/** The distance at two ranges, and how many places are on the way, strictly and loosely. */
function edgeFeatures(relative, n) {
  const edge = new Float32Array(n * n * FEATURES);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const apart = relative[i * n + j];
      let [least, passed, near] = [9, 0, 0];
      for (let k = 0; k < n; k++) {
        const detour = k === i || k === j ? 9 : relative[i * n + k] + relative[k * n + j] - apart;
        const loosely = Math.exp(-4 * detour);
        least = Math.min(least, detour);
        near += loosely;
        passed += loosely ** 5;
      }
      const ranges = [Math.exp(-apart / SHORT), Math.exp(-apart / LONG)];
      edge.set([apart, ...ranges, least, 0.2 * passed, 0.2 * near], (i * n + j) * FEATURES);
    }
  }
  return edge;
}

/** Self-attention with distance biases, then a feed-forward network; norms come first. */
function encoderLayer(x, edge, n, layer, of) {
  const get = (name) => of(`layers.${layer}.${name}`);
  const normed = layerNorm(x, get("attention_norm.weight"), get("attention_norm.bias"));
  const projected = linear(normed, get("attention.weight"));
  const bias = linear(edge, get("bias.weight")); // n n heads
  const width = x.length / n;
  const part = width / HEADS;
  const sharpness = Math.log(n) / Math.log(USUAL_PLACES);
  const attended = new Float32Array(x.length);
  for (let head = 0; head < HEADS; head++) {
    const at = (row, which) => row * 3 * width + which * width + head * part;
    for (let i = 0; i < n; i++) {
      const scores = Array.from({ length: n }, (_, j) => {
        const score = dot(projected, at(i, 0), projected, at(j, 1), part);
        return sharpness * (score / Math.sqrt(part) + bias[(i * n + j) * HEADS + head]);
      });
      softmax(scores).forEach((weight, j) => {
        for (let k = 0; k < part; k++) {
          attended[i * width + head * part + k] += weight * projected[at(j, 2) + k];
        }
      });
    }
  }
  x = add(x, linear(attended, get("output.weight"), get("output.bias")));
  const inner = layerNorm(x, get("feed_forward.0.weight"), get("feed_forward.0.bias"));
  const hidden = linear(inner, get("feed_forward.1.weight"), get("feed_forward.1.bias"));
  const rectified = hidden.map((value) => Math.max(0, value));
  return add(x, linear(rectified, get("feed_forward.3.weight"), get("feed_forward.3.bias")));
}

/** Queries, keys, values and the output projections folded into sums over places (glimpse.py). */
function tables(x, edge, n, of) {
  const width = x.length / n;
  const part = width / GLIMPSE_HEADS;
  const projected = linear(x, of("project.weight"));
  const at = (row, which, head = 0) => row * 6 * width + which * width + head * part;
  const [first, last, key, value, pointer, residual] = [0, 1, 2, 3, 4, 5];
  const [firstBias, lastBias, edgeBias] = ["first", "last", "edge"].map((name) =>
    linear(edge, of(`${name}_bias.weight`)),
  );
  const score = (which, bias) => {
    const table = new Float32Array(n * GLIMPSE_HEADS * n);
    each(n, n, (i, j) => {
      for (let head = 0; head < GLIMPSE_HEADS; head++) {
        const product = dot(projected, at(i, which, head), projected, at(j, key, head), part);
        const sum = product / Math.sqrt(part) + bias[(i * n + j) * GLIMPSE_HEADS + head];
        table[(i * GLIMPSE_HEADS + head) * n + j] = Math.exp(BOUND * Math.tanh(sum / BOUND));
      }
    });
    return table;
  };
  const scale = 1 / Math.sqrt(width);
  const pointers = new Float32Array(n * width);
  each(n, width, (i, k) => (pointers[i * width + k] = scale * projected[at(i, pointer) + k]));
  const transposed = { shape: [width, width], data: new Float32Array(width * width) };
  const output = of("output.weight").data;
  each(width, width, (i, j) => (transposed.data[j * width + i] = output[i * width + j]));
  const heard = linear(pointers, transposed); // n D: W_o' W_k h_j
  const mix = new Float32Array(GLIMPSE_HEADS * n * n);
  const fromLast = new Float32Array(n * n);
  each(n, n, (i, j) => {
    for (let head = 0; head < GLIMPSE_HEADS; head++) {
      const [from, to] = [at(i, value, head), j * width + head * part];
      mix[(head * n + i) * n + j] = dot(projected, from, heard, to, part);
    }
    fromLast[i * n + j] = dot(projected, at(i, residual), pointers, j * width, width);
    fromLast[i * n + j] += edgeBias[i * n + j];
  });
  return { n, first: score(first, firstBias), last: score(last, lastBias), mix, edge: fromLast };
}

/** Probability of each place being next, after the places of `tour`; 0 where one has been. */
export function nextPlace({ n, first, last, mix, edge }, tour) {
  const [start, here] = [tour[0], tour.at(-1)];
  const open = new Uint8Array(n).fill(1);
  for (const place of tour) open[place] = 0;
  const logits = edge.slice(here * n, here * n + n);
  for (let head = 0; head < GLIMPSE_HEADS; head++) {
    const [from, to] = [(start * GLIMPSE_HEADS + head) * n, (here * GLIMPSE_HEADS + head) * n];
    const weight = Float32Array.from({ length: n }, (_, j) => first[from + j] * last[to + j] * open[j]);
    const sum = Math.max(SMALLEST, weight.reduce((total, one) => total + one, 0));
    weight.forEach((one, j) => {
      if (one) for (let k = 0; k < n; k++) logits[k] += (one / sum) * mix[(head * n + j) * n + k];
    });
  }
  return softmax(logits.map((logit, j) => (open[j] ? CLIP * Math.tanh(logit) : -Infinity)));
}

/** The tour that takes the likeliest place at every step. */
export function greedyTour(table, start) {
  const tour = [start];
  while (tour.length < table.n) {
    const chance = nextPlace(table, tour);
    tour.push(chance.indexOf(Math.max(...chance)));
  }
  return tour;
}

function dot(a, i, b, j, length) {
  let sum = 0;
  for (let k = 0; k < length; k++) sum += a[i + k] * b[j + k];
  return sum;
}

function each(rows, columns, visit) {
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) visit(i, j);
}
