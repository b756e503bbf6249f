// Weights from safetensors files, and the few layers that the networks are made of.
// A matrix is a Float32Array of rows; sums are taken in double precision.

/** Every tensor of a safetensors file by its name: { shape, data }. */
export async function load(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  const bytes = await answer.arrayBuffer();
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  delete header.__metadata__;
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(header)) {
    const part = bytes.slice(8 + length + begin, 8 + length + end);
    tensors[name.replace(/^weights\//, "")] = { shape, data: READERS[dtype](part) };
  }
  return tensors;
}

let HALVES; // every 16-bit number, made when first wanted

const READERS = {
  F32: (part) => new Float32Array(part),
  F16: (part) => {
    const of = (HALVES ??= Float32Array.from({ length: 65536 }, (_, bits) => half(bits)));
    return Float32Array.from(new Uint16Array(part)).map((bits) => of[bits]);
  },
  U8: (part) => new Uint8Array(part),
};

/** A number from the 16 bits of IEEE 754's binary16. */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** x (rows by inputs) times the transposed weight (outputs by inputs), plus the bias if any. */
export function linear(x, weight, bias) {
  const [outputs, inputs] = weight.shape;
  const w = weight.data;
  const rows = x.length / inputs;
  const y = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let out = 0; out < outputs; out++) {
      let sum = bias ? bias.data[out] : 0;
      for (let k = 0, a = row * inputs, b = out * inputs; k < inputs; k++) sum += x[a++] * w[b++];
      y[row * outputs + out] = sum;
    }
  }
  return y;
}

/** Each row with mean 0 and variance 1, scaled and shifted (Ba et al. 2016). */
export function layerNorm(x, weight, bias) {
  const width = weight.data.length;
  const y = new Float32Array(x.length);
  for (let begin = 0; begin < x.length; begin += width) {
    const row = x.subarray(begin, begin + width);
    const mean = row.reduce((sum, value) => sum + value, 0) / width;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    const scale = 1 / Math.sqrt(variance + 1e-5);
    for (let k = 0; k < width; k++) {
      y[begin + k] = (row[k] - mean) * scale * weight.data[k] + bias.data[k];
    }
  }
  return y;
}

export const add = (x, y) => x.map((value, k) => value + y[k]);

/** Probabilities of logits; where a logit is -Infinity, 0. */
export function softmax(logits) {
  const largest = Math.max(...logits);
  const weights = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
