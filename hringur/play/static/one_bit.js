// Estimates of d E[f(x)] / d logit for x ~ Ber(p): hringur/estimators, written out for one bit.
// Every function draws the estimate of one sample, or of several together, from uniform numbers.

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** The cost, and its derivative: a parabola, or the straight line with the same two values. */
export function cost(kind, target) {
  const square = (x) => (x - target) ** 2;
  if (kind === "square") return { f: square, slope: (x) => 2 * (x - target) };
  const rise = square(1) - square(0);
  return { f: (x) => square(0) + rise * x, slope: () => rise };
}

/** p (1 - p) (f(1) - f(0)). */
export const exact = ({ p, f }) => p * (1 - p) * (f(1) - f(0));

const bit = ({ p, random }) => (random() < p ? 1 : 0);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const averaged = (one) => (problem) => mean(Array.from({ length: problem.samples }, () => one(problem)));

/** A logistic sample around the logit, and the soft bit that it stands for at a temperature. */
function relaxed({ p, random, temperature }) {
  const u = Math.max(random(), 1e-12);
  const z = Math.log(p / (1 - p)) + Math.log(u / (1 - u));
  const soft = sigmoid(z / temperature);
  return { z, soft, through: (soft * (1 - soft)) / temperature };
}

/** REINFORCE with what `baseline` makes of all costs and one of them. */
const scoreFunction = (baseline) => (problem) => {
  const bits = Array.from({ length: problem.samples }, () => bit(problem));
  const costs = bits.map(problem.f);
  const total = costs.reduce((sum, one) => sum + one, 0);
  return mean(bits.map((b, k) => (costs[k] - baseline(total, costs[k], bits.length)) * (b - problem.p)));
};

/** REBAR's two parts: the estimate is first + eta * second for any eta (Tucker et al. 2017). */
function rebarParts(problem) {
  const { p, f, slope } = problem;
  const { z, soft, through } = relaxed(problem);
  const b = z > 0 ? 1 : 0;
  const again = (1 - Math.exp(-Math.abs(z))) * (b ? p : 1 - p); // derivative of z' in the logit
  return [f(b) * (b - p), -f(soft) * (b - p) + slope(soft) * through * (1 - again)];
}

/** The eta of least variance, from draws of its own, so that the estimate stays unbiased. */
export function bestEta(problem, draws = 2000) {
  const parts = Array.from({ length: draws }, () => rebarParts(problem));
  const [one, two] = [0, 1].map((k) => mean(parts.map((part) => part[k])));
  const product = mean(parts.map(([a, b]) => (a - one) * (b - two)));
  const square = mean(parts.map(([, b]) => (b - two) ** 2));
  return square > 1e-12 ? -product / square : 0;
}

/** DisARM (Dong et al. 2020): two opposite bits from one uniform number. */
function disarm({ p, f, random }) {
  const u = random();
  const [one, other] = [u > 1 - p ? 1 : 0, u < p ? 1 : 0];
  return ((f(one) - f(other)) * (one - other) * Math.max(p, 1 - p)) / 2;
}

export const ESTIMATORS = {
  reinforce: { name: "REINFORCE", unbiased: true, reads: "f", draw: scoreFunction(() => 0) },
  "reinforce-leave-one-out": {
    name: "… less others' mean", unbiased: true, reads: "f",
    draw: scoreFunction((total, own, n) => (total - own) / (n - 1)),
  },
  "reinforce-batch-mean": {
    name: "… less mean of all", unbiased: false, reads: "f",
    draw: scoreFunction((total, own, n) => total / n),
  },
  disarm: { name: "DisARM", unbiased: true, reads: "f", draw: averaged(disarm) },
  rebar: {
    name: "REBAR", unbiased: true, reads: "f, f′",
    draw: averaged((problem) => {
      const [first, second] = rebarParts(problem);
      return first + problem.eta * second;
    }),
  },
  "gumbel-softmax": {
    name: "Gumbel-softmax", unbiased: false, reads: "f′",
    draw: averaged((problem) => {
      const { soft, through } = relaxed(problem);
      return problem.slope(soft) * through;
    }),
  },
  "gumbel-straight-through": {
    name: "Hard Gumbel", unbiased: false, reads: "f′",
    draw: averaged((problem) => {
      const { z, through } = relaxed(problem);
      return problem.slope(z > 0 ? 1 : 0) * through;
    }),
  },
  "straight-through": {
    name: "Straight-through", unbiased: false, reads: "f′",
    draw: averaged((problem) => problem.slope(bit(problem)) * problem.p * (1 - problem.p)),
  },
};

/** Independent estimates of every kind: { name: Float64Array }. */
export function estimates(problem, count) {
  const tuned = { ...problem, eta: bestEta(problem) };
  const all = Object.entries(ESTIMATORS).map(([name, { draw }]) => [
    name, Float64Array.from({ length: count }, () => draw(tuned)),
  ]);
  return Object.fromEntries(all);
}
