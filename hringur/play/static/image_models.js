// Autoencoders of images from the package's weights: hringur/generative/networks.py, and the
// completion by which faces are edited, hringur/generative/completion.py. Images are flat,
// channel by channel, with pixels in 0 .. 1.

import { linear, load } from "./tensors.js";

const [STRIDE, SLOPE] = [4, 0.2];
const leaky = (x) => x.map((value) => (value > 0 ? value : SLOPE * value));
const sigmoid = (x) => x.map((value) => 1 / (1 + Math.exp(-value)));

/** A convolution of 3 x 3 (or 1 x 1) with its borders padded by zeros, on side x side cells. */
function convolve(x, weight, bias, side) {
  const [outputs, inputs, kernel] = weight.shape;
  const pad = (kernel - 1) / 2;
  const wide = side + 2 * pad;
  const cells = side * side;
  const padded = new Float32Array(inputs * wide * wide);
  for (let c = 0; c < inputs; c++) {
    for (let row = 0; row < side; row++) {
      const from = c * cells + row * side;
      padded.set(x.subarray(from, from + side), (c * wide + row + pad) * wide + pad);
    }
  }
  const y = new Float32Array(outputs * cells);
  for (let out = 0, w = 0; out < outputs; out++) {
    const sum = new Float64Array(cells).fill(bias.data[out]);
    for (let c = 0; c < inputs; c++) {
      for (let dy = 0; dy < kernel; dy++) {
        for (let dx = 0; dx < kernel; dx++, w++) {
          const factor = weight.data[w];
          for (let row = 0, at = 0; row < side; row++) {
            let from = (c * wide + row + dy) * wide + dx;
            for (let end = at + side; at < end; ) sum[at++] += factor * padded[from++];
          }
        }
      }
    }
    y.set(sum, out * cells);
  }
  return y;
}

/** Squares of 4 x 4 pixels become channels of one cell, and back (Shi et al. 2016). */
function regroup(x, channels, side, unshuffle) {
  const y = new Float32Array(x.length);
  const grid = side / STRIDE;
  for (let c = 0, pixel = 0; c < channels; c++) {
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++, pixel++) {
        const part = (row % STRIDE) * STRIDE + (column % STRIDE);
        const cell = Math.floor(row / STRIDE) * grid + Math.floor(column / STRIDE);
        const other = (c * STRIDE * STRIDE + part) * grid * grid + cell;
        if (unshuffle) y[other] = x[pixel];
        else y[pixel] = x[other];
      }
    }
  }
  return y;
}

/** An autoencoder: encode(image) and decode(code) of one image each. */
export function autoencoder(weights, channels, side) {
  const of = (name) => [weights[`autoencoder/${name}.weight`], weights[`autoencoder/${name}.bias`]];
  return {
    channels, side,
    encode: (image) => see(image, of("encoder.body.1"), of("encoder.body.4"), of("encoder.head"), channels, side),
    decode(code) {
      let x = Float32Array.from(code);
      for (const layer of ["decoder.body.0", "decoder.body.2"]) x = leaky(linear(x, ...of(layer)));
      x = leaky(linear(x, ...of("decoder.body.4")));
      return sigmoid(regroup(convolve(x, ...of("decoder.body.7"), side / STRIDE), channels, side, false));
    },
  };
}

/** From an image to the numbers of an encoder's head. */
function see(image, first, dense, head, channels, side) {
  const cells = regroup(image.map((pixel) => 2 * pixel - 1), channels, side, true);
  const seen = leaky(convolve(cells, ...first, side / STRIDE));
  return linear(leaky(linear(seen, ...dense)), ...head);
}

export async function loadDigits() {
  return autoencoder(await load("digits.safetensors"), 1, 28);
}

/** Codes from one to another: evenly in angle about the origin, and in length (Shoemake 1985). */
export function sphere(start, end, share) {
  const norm = (code) => Math.sqrt(code.reduce((sum, value) => sum + value * value, 0));
  const [one, other] = [norm(start), norm(end)].map((length) => Math.max(length, 1e-12));
  const cosine = start.reduce((sum, value, k) => sum + value * end[k], 0) / (one * other);
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const sine = Math.sin(angle);
  const part = (left) => (sine > 1e-4 ? Math.sin(left * angle) / sine : left);
  const length = (1 - share) * one + share * other;
  return start.map((value, k) => length * ((part(1 - share) * value) / one + (part(share) * end[k]) / other));
}

// Faces ------------------------------------------------------------------------------------------

const [SIDE, COLOURS, STEPS, GRID] = [32, 512, 8, 8];
const PIXELS = SIDE * SIDE;
const [UNMOVED, MOVED] = [0.02, 0.08];

export async function loadFaces() {
  const weights = await load("faces.safetensors");
  const of = (name) => [weights[`${name}.weight`], weights[`${name}.bias`]];
  const bits = weights["completion/evidence.bits"];
  const model = {
    /** 1 where the classifier finds the attribute, else 0. */
    has: (image) =>
      see(image, of("classifier/body.1"), of("classifier/body.4"), of("classifier/head"), 3, SIDE).map((x) => +(x > 0)),

    /** The image with one attribute given (strength above 0) or taken away (below). */
    edit(image, attribute, strength) {
      const now = model.has(image);
      const wanted = strength > 0 ? 1 : 0;
      if (!strength || now[attribute] === wanted) return image;
      const hidden = evidence(bits, image, attribute);
      const made = [now[attribute], wanted].map((value) => {
        const told = now.slice();
        told[attribute] = value;
        return complete(of, weights, image, hidden, told);
      });
      return exchange(image, hidden, ...made, Math.abs(strength));
    },
  };
  return model;
}

/** 1 where a pixel's colour tells of the attribute. */
function evidence({ shape: [, bytes], data }, image, attribute) {
  return Float32Array.from({ length: PIXELS }, (_, place) => {
    let colour = 0;
    for (let c = 2; c >= 0; c--) colour = STEPS * colour + ((Math.round(255 * image[c * PIXELS + place]) * STEPS) >> 8);
    const key = colour + place * COLOURS;
    return (data[attribute * bytes + (key >> 3)] >> (key & 7)) & 1;
  });
}

/** The whole image from what is not hidden and the attributes told. */
function complete(of, weights, image, hidden, attributes) {
  const sign = attributes.map((value) => 2 * value - 1);
  const seen = new Float32Array(4 * PIXELS);
  image.forEach((pixel, k) => (seen[k] = (2 * pixel - 1) * (1 - hidden[k % PIXELS])));
  seen.set(hidden, 3 * PIXELS);
  const cellwise = (x, change) => x.map((value, k) => change(value, Math.floor(k / GRID ** 2), k));
  let cells = convolve(regroup(seen, 4, SIDE, true), ...of("completion/first"), GRID);
  const told = linear(sign, ...of("completion/told"));
  cells = cellwise(cells, (value, c) => value + told[c]);
  for (let block = 0; block < 5; block++) {
    const name = (part) => of(`completion/blocks.${block}.${part}`);
    const place = weights[`completion/blocks.${block}.place`].data;
    const scale = linear(sign, ...name("told"));
    const half = scale.length / 2;
    const wide = convolve(leaky(cells.map((value, k) => value + place[k])), ...name("wide"), GRID);
    const shifted = leaky(cellwise(wide, (value, c) => value * (1 + scale[c]) + scale[half + c]));
    const narrow = convolve(shifted, ...name("narrow"), GRID);
    cells = cells.map((value, k) => value + narrow[k]);
    if (block === 1) {
      const whole = linear(quarters(cells), ...of("completion/whole"));
      cells = cellwise(cells, (value, c) => value + whole[c]);
    }
  }
  return regroup(convolve(leaky(cells), ...of("completion/last"), GRID), 3, SIDE, false).map((x) => 0.5 + x);
}

/** Means of the four quarters of each channel. */
function quarters(cells) {
  const means = new Float32Array((cells.length / GRID ** 2) * 4);
  cells.forEach((value, k) => {
    const [c, row, column] = [Math.floor(k / GRID ** 2), Math.floor(k / GRID) % GRID, k % GRID];
    means[4 * c + 2 * (row >= GRID / 2) + (column >= GRID / 2)] += (4 * value) / GRID ** 2;
  });
  return means;
}

/** Put `then` where it differs from `now`; elsewhere the image keeps its own pixels. */
function exchange(image, hidden, now, then, strength) {
  return image.map((pixel, k) => {
    const place = k % PIXELS;
    const gap = Math.max(...[0, 1, 2].map((c) => Math.abs(then[c * PIXELS + place] - now[c * PIXELS + place])));
    const share = Math.min(1, Math.max(0, (gap - UNMOVED) / (MOVED - UNMOVED)));
    const change = hidden[place] * (then[k] - now[k] + share * (now[k] - pixel));
    return Math.min(1, Math.max(0, pixel + strength * change));
  });
}
