// Places and roads of Iceland: shortest ways by Dijkstra, driving times, and names typed freely.

const OPEN = {
  summer: () => true,
  "summer-no-f-roads": (road) => road.easy,
  winter: (road) => road.winter,
};

export async function loadIceland() {
  const data = await (await fetch("iceland.json")).json();
  const number = new Map(data.places.map((place, k) => [place.id, k]));
  return { ...data, number, seasons: {}, spellings: spellings(data.places) };
}

/** Roads of a season, and the ways from places as they are asked for. */
export function season(iceland, name) {
  return (iceland.seasons[name] ??= (() => {
    const roads = iceland.roads.filter(OPEN[name]);
    const from = new Map();
    for (const road of roads) {
      for (const [a, b] of [road.ends, [...road.ends].reverse()]) {
        if (!from.has(a)) from.set(a, []);
        from.get(a).push({ road, to: b, forward: a === road.ends[0] });
      }
    }
    const known = new Map();
    const ways = (place) => {
      if (!known.has(place)) known.set(place, dijkstra(from, iceland.places[place].id));
      return known.get(place);
    };
    const length = (a, b) => ways(a).get(iceland.places[b].id)?.length ?? Infinity;
    const reachable = iceland.places.map((_, k) => length(0, k) < Infinity);
    return { name, roads, length, reachable, ways };
  })());
}

/** Shortest length [0.1 km] and last road to every node that is reached. */
function dijkstra(from, start) {
  const found = new Map([[start, { length: 0 }]]);
  const waiting = new Set([start]);
  while (waiting.size) {
    const here = [...waiting].reduce((a, b) => (found.get(b).length < found.get(a).length ? b : a));
    waiting.delete(here);
    for (const { road, to, forward } of from.get(here) ?? []) {
      const length = found.get(here).length + road.length;
      if (length >= (found.get(to)?.length ?? Infinity)) continue;
      found.set(to, { length, road, forward, before: here });
      waiting.add(to);
    }
  }
  return found;
}

/** The stretches of road from place a to place b, in order: { road, forward }. */
export function stretches(iceland, roads, a, b) {
  const ways = roads.ways(a);
  const path = [];
  for (let id = iceland.places[b].id; ways.get(id)?.road; id = ways.get(id).before) {
    path.unshift(ways.get(id));
  }
  return path;
}

export const minutes = (path) => path.reduce((sum, { road }) => sum + road.minutes, 0);

/** x, y, x, y ... as points [x, y]. */
export const pairs = (flat) => Array.from({ length: flat.length / 2 }, (_, k) => [flat[2 * k], flat[2 * k + 1]]);

/** The way along these stretches as points [x, y] in the unit square. */
export function points(path) {
  return path.flatMap(({ road, forward }) => {
    const xy = pairs(road.shape);
    return forward ? xy : xy.reverse();
  });
}

/** From the unit square back to [lat, lon] in degrees. */
export const onGlobe = ({ projection: { east, middle, side } }, [x, y]) => [
  (y - 0.5) * side + middle[1],
  ((x - 0.5) * side + middle[0]) / east,
];

/** Lower case without accents: "Þórsmörk (Húsadalur)" is "thorsmork husadalur". */
export function plain(text) {
  const letters = text.toLowerCase().replaceAll("þ", "th").replaceAll("ð", "d").replaceAll("æ", "ae");
  const bare = letters.normalize("NFKD").replace(/\p{M}/gu, "");
  return (bare.match(/[\p{L}\p{N}_]+/gu) ?? []).join(" ");
}

function spellings(places) {
  return places.flatMap(({ name, id }, k) =>
    [name, id, ...(name.match(/\((.*)\)/) ?? []).slice(1)].map((text) => [plain(text), k]),
  );
}

/** Numbers of the places that a text may mean, the likeliest first. */
export function search(iceland, text, most = 6) {
  const wanted = plain(text);
  if (!wanted) return [];
  const scored = iceland.spellings.map(([spelling, k]) => {
    if (spelling === wanted) return [0, k];
    if (spelling.startsWith(wanted)) return [0.1 + spelling.length / 1000, k];
    if (spelling.includes(` ${wanted}`)) return [0.3, k];
    const whole = edits(wanted, spelling);
    const begun = edits(wanted, spelling.slice(0, wanted.length)) + 0.5; // still being typed
    return [Math.min(whole, begun), k];
  });
  const allowed = Math.max(1, Math.floor(wanted.length / 3)) + 0.5;
  const near = scored.filter(([score]) => score <= allowed).sort((a, b) => a[0] - b[0]);
  return [...new Set(near.map(([, k]) => k))].slice(0, most);
}

/** Letters to insert, delete, exchange or swap between two words (Damerau 1964). */
function edits(a, b) {
  let [before, last] = [[], [...Array(b.length + 1).keys()]];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(row[j - 1] + 1, last[j] + 1, last[j - 1] + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], before[j - 2] + 1);
      }
    }
    [before, last] = [last, row];
  }
  return last[b.length];
}
