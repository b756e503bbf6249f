// Tours over a table of distances (whole numbers of 0.1 km, so that sums are exact): length,
// nearest neighbour, 2-opt, and the exact answer by dynamic programming.

export function length(distances, n, tour, closed) {
  let sum = closed ? distances[tour.at(-1) * n + tour[0]] : 0;
  for (let k = 1; k < tour.length; k++) sum += distances[tour[k - 1] * n + tour[k]];
  return sum;
}

/** Always on to the nearest place not yet visited. */
export function nearestNeighbour(distances, n, start) {
  const tour = [start];
  const open = new Set([...Array(n).keys()].filter((place) => place !== start));
  while (open.size) {
    const row = tour.at(-1) * n;
    const next = [...open].reduce((a, b) => (distances[row + b] < distances[row + a] ? b : a));
    open.delete(next);
    tour.push(next);
  }
  return tour;
}

/** Turn stretches round while that shortens the tour (Croes 1958). */
export function twoOpt(distances, n, tour, closed) {
  const found = [...tour];
  const leg = (a, b) => (a === undefined || b === undefined ? 0 : distances[a * n + b]);
  for (let improved = true; improved; ) {
    improved = false;
    for (let i = 0; i < n - 1; i++) {
      for (let j = i + 1; j < n; j++) {
        const beyond = j + 1 < n ? found[j + 1] : closed ? found[0] : undefined;
        const before = leg(found[i], found[i + 1]) + leg(found[j], beyond);
        if (leg(found[i], found[j]) + leg(found[i + 1], beyond) < before) {
          found.splice(i + 1, j - i, ...found.slice(i + 1, j + 1).reverse());
          improved = true;
        }
      }
    }
  }
  return found;
}

export const MOST_EXACT = 20;

/**
 * The shortest tour, proven: dynamic programming over sets of places (Held & Karp 1962).
 * cost[set, j] is the shortest way from the start through `set`, ending at its member j.
 */
export function heldKarp(distances, n, start, closed) {
  const others = [...Array(n).keys()].filter((place) => place !== start);
  const m = others.length;
  if (m === 0) return [start];
  const FAR = 2 ** 31 - 1;
  const between = new Int32Array(m * m);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < m; j++) between[i * m + j] = distances[others[i] * n + others[j]];
  }
  const cost = new Int32Array(m * 2 ** m);
  const whole = 2 ** m - 1;
  for (let set = 1; set <= whole; set++) {
    for (let j = 0; j < m; j++) {
      if (!(set & (1 << j))) continue;
      const rest = set ^ (1 << j);
      cost[set * m + j] = rest ? FAR : distances[start * n + others[j]];
      for (let left = rest, i; left; left &= left - 1) {
        i = 31 - Math.clz32(left & -left);
        const through = cost[rest * m + i] + between[i * m + j];
        if (through < cost[set * m + j]) cost[set * m + j] = through;
      }
    }
  }
  const home = others.map((place, j) => cost[whole * m + j] + (closed ? distances[place * n + start] : 0));
  let last = home.indexOf(Math.min(...home));
  const back = [last];
  for (let set = whole; set & (set - 1); ) {
    const rest = set ^ (1 << last);
    const target = cost[set * m + last];
    for (let i = 0; i < m; i++) {
      if (rest & (1 << i) && cost[rest * m + i] + between[i * m + last] === target) {
        back.push(i);
        [set, last] = [rest, i];
        break;
      }
    }
  }
  return [start, ...back.reverse().map((j) => others[j])];
}
