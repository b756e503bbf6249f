// Tour: places, the network's choices, and the tours of other methods beside its own.

import { greedyTour, loadModel, nextPlace } from "./attention_model.js";
import { chosen as choice, download, element, find, hours, km, percent, uniform } from "./elements.js";
import { loadIceland, minutes, onGlobe, plain, points, search, season, stretches } from "./iceland.js";
import { IcelandMap } from "./map.js";
import { length, MOST_EXACT, nearestNeighbour, twoOpt } from "./tours.js";

const SIX = ["reykjavik", "akureyri", "egilsstadir", "stykkisholmur", "melrakkasletta", "landmannalaugar"];
const worker = new Worker(new URL("exact_worker.js", import.meta.url), { type: "module" });
let iceland, map, model, roads;

/** chosen: place numbers; built: the network's tour so far; tours: by method; shown: its name. */
const trip = { chosen: [], start: null, closed: true, built: [], tours: new Map(), shown: "network" };
export const current = () => trip;

const METHODS = {
  network: ["Network", "blue"],
  starts: ["Network, all starts", "purple"],
  nearest: ["Nearest next", "orange"],
  exact: ["Shortest, proven", "green"],
};

export async function show(query) {
  if (!iceland) {
    iceland = await loadIceland();
    map = new IcelandMap(find("#map"), iceland, { toggle, start: startAt });
    find("#credit").textContent = iceland.credit;
    listen();
    restore(query);
    performance.mark("map");
    model = await loadModel();
    render();
  } else if (query.size) restore(query);
}

// The trip, as numbers ---------------------------------------------------------------------------

/** Distances [0.1 km] between the chosen places, row by row. */
function table() {
  return Int32Array.from(trip.chosen.flatMap((a) => trip.chosen.map((b) => roads.length(a, b))));
}

function encoded() {
  if (!trip.encoded) {
    const positions = trip.chosen.flatMap((k) => [iceland.places[k].x, iceland.places[k].y]);
    const far = Float32Array.from(table(), (tenths) => tenths / 10);
    trip.encoded = model.encode(Float32Array.from(positions), far);
  }
  return trip.encoded;
}

const at = (place) => trip.chosen.indexOf(place);

/** Probabilities of the next place, by its number. */
function chances() {
  const { built, chosen } = trip;
  if (!model || chosen.length < 3 || built.length >= chosen.length - 1) return null;
  return new Map(nextPlace(encoded(), built.map(at)).map((chance, k) => [chosen[k], chance]));
}

function step() {
  if (!trip.built.length) return;
  const left = chances();
  const next = left
    ? [...left].reduce((a, b) => (b[1] > a[1] ? b : a))[0]
    : trip.chosen.find((place) => !trip.built.includes(place));
  if (next !== undefined) trip.built.push(next);
  if (trip.built.length === trip.chosen.length) compare();
  render();
}

function plan() {
  trip.built = greedyTour(encoded(), at(trip.start)).map((k) => trip.chosen[k]);
  compare();
  render();
}

/** The tours of all methods; the exact one comes from the worker. */
function compare() {
  const { chosen, closed, tours } = trip;
  const [distances, n, start] = [table(), chosen.length, at(trip.start)];
  const named = (tour) => tour.map((k) => chosen[k]);
  tours.clear();
  tours.set("network", trip.built);
  const lengths = (tour) => length(distances, n, tour, closed);
  if (closed) {
    const all = chosen.map((_, k) => greedyTour(encoded(), k));
    const best = all.reduce((a, b) => (lengths(b) < lengths(a) ? b : a));
    const first = best.indexOf(start);
    tours.set("starts", named([...best.slice(first), ...best.slice(0, first)]));
  }
  tours.set("nearest", named(nearestNeighbour(distances, n, start)));
  trip.id = (trip.id ?? 0) + 1;
  trip.shown = "network";
  if (n <= MOST_EXACT) worker.postMessage({ id: trip.id, distances, n, start, closed });
  else {
    const improved = [...tours.values()].map((tour) => twoOpt(distances, n, tour.map(at), closed));
    trip.unproven = named(improved.reduce((a, b) => (lengths(b) < lengths(a) ? b : a)));
    tours.set("exact", trip.unproven);
  }
}

worker.onmessage = ({ data: { id, tour, ms } }) => {
  if (id !== trip.id || !trip.tours.size) return;
  trip.tours.set("exact", tour.map((k) => trip.chosen[k]));
  trip.proofMs = ms;
  render();
};

export const tourLength = (tour) => length(table(), trip.chosen.length, tour.map(at), trip.closed);

// What the visitor does --------------------------------------------------------------------------

/** Forget what was planned: the trip is another one. */
function changed(said = "") {
  trip.encoded = null;
  trip.tours.clear();
  if (!trip.chosen.includes(trip.start)) trip.start = trip.chosen[0] ?? null;
  trip.built = trip.start === null ? [] : [trip.start];
  const ids = trip.chosen.map((k) => iceland.places[k].id).join(",");
  const query = new URLSearchParams({ places: ids });
  if (trip.start !== null) query.set("start", iceland.places[trip.start].id);
  if (!trip.closed) query.set("trip", "one-way");
  if (roads.name !== "summer") query.set("roads", roads.name);
  if (!find("#tour").hidden) history.replaceState(null, "", `#tour?${String(query).replaceAll("%2C", ",")}`);
  render(said);
}

function toggle(place) {
  if (!roads.reachable[place]) {
    say(`No open road leads to ${iceland.places[place].name}.`);
    return;
  }
  const had = trip.chosen.includes(place);
  trip.chosen = had ? trip.chosen.filter((k) => k !== place) : [...trip.chosen, place];
  changed(`${iceland.places[place].name} ${had ? "removed" : "added"}.`);
}

function startAt(place) {
  trip.start = place;
  changed(`The tour starts in ${iceland.places[place].name}.`);
}

function restore(query) {
  const numbers = (query.get("places") ?? SIX.join()).split(",").map((id) => iceland.number.get(id));
  trip.closed = query.get("trip") !== "one-way";
  trip.start = iceland.number.get(query.get("start")) ?? null;
  const options = find("#options");
  options.elements.trip.value = trip.closed ? "round" : "one-way";
  options.elements.season.value = query.get("roads") ?? "summer";
  if (!choice(options, "season")) options.elements.season.value = "summer";
  travel(choice(options, "season"), [...new Set(numbers)].filter((k) => k !== undefined));
}

/** Take the roads of a season, and of these places those that they lead to. */
function travel(name, places) {
  roads = season(iceland, name);
  const lost = places.filter((k) => !roads.reachable[k]).map((k) => iceland.places[k].name);
  trip.chosen = places.filter((k) => roads.reachable[k]);
  changed(lost.length ? `Out of reach, and left out: ${lost.join(", ")}.` : "");
}

/** Add every place named in the input, separated by commas. */
function addTyped(input) {
  const unknown = [];
  const said = [];
  for (const text of input.value.split(/[,;\n]/).filter((part) => plain(part))) {
    const place = search(iceland, text).find((k) => roads.reachable[k]);
    if (place === undefined) unknown.push(text.trim());
    else if (!trip.chosen.includes(place)) {
      trip.chosen.push(place);
      said.push(iceland.places[place].name);
    }
  }
  input.value = unknown.join(", ");
  const words = said.length ? `${said.join(", ")} added. ` : "";
  changed(words + (unknown.length ? `No place is called ${unknown.join(", ")}.` : ""));
}

function random20() {
  const random = uniform(Date.now());
  const pool = iceland.places.map((_, k) => k).filter((k) => roads.reachable[k]);
  const keyed = pool.map((k) => [random(), k]).sort((a, b) => a[0] - b[0]);
  trip.chosen = keyed.slice(0, 20).map(([, k]) => k);
  changed();
}

function listen() {
  const options = find("#options");
  options.addEventListener("change", ({ target }) => {
    trip.closed = choice(options, "trip") === "round";
    if (target.name === "season") travel(choice(options, "season"), trip.chosen);
    else changed();
  });
  const clicks = {
    plan, step, twenty: random20, gpx: saveGpx, link: copyLink,
    six: () => travel(roads.name, SIX.map((id) => iceland.number.get(id))),
    clear: () => travel(roads.name, []),
  };
  for (const [id, act] of Object.entries(clicks)) find(`#${id}`).addEventListener("click", act);
  listenToTyping();
}

/** The combobox: a list of what the last name may mean; arrows choose, Enter adds. */
function listenToTyping() {
  const [input, list] = [find("#place"), find("#found")];
  let active = -1;
  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", false);
    input.removeAttribute("aria-activedescendant");
  };
  const take = (k) => {
    input.value = [...input.value.split(",").slice(0, -1), iceland.places[k].name].join(",");
    addTyped(input);
    close();
  };
  const offer = () => {
    const found = search(iceland, input.value.split(",").at(-1));
    list.replaceChildren(...found.map((k, row) => element("li", {
      role: "option", id: `found-${row}`, "aria-selected": row === active, pointerdown: (event) => {
        event.preventDefault();
        take(k);
      },
    }, iceland.places[k].name)));
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", !list.hidden);
    if (active >= 0) input.setAttribute("aria-activedescendant", `found-${active}`);
    return found;
  };
  input.addEventListener("input", () => {
    active = -1;
    offer();
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") close();
    if (!step && event.key !== "Enter") return;
    event.preventDefault();
    const found = search(iceland, input.value.split(",").at(-1));
    if (step) {
      active = (active + step + found.length) % Math.max(1, found.length);
      offer();
    } else if (active >= 0) take(found[active]);
    else {
      addTyped(input);
      close();
    }
  });
  find("#add").addEventListener("submit", (event) => {
    event.preventDefault();
    addTyped(input);
    close();
  });
}

// What the visitor sees --------------------------------------------------------------------------

function legs(tour) {
  if (tour.length < 2) return [];
  const ends = trip.closed && tour.length === trip.chosen.length ? [...tour.slice(1), tour[0]] : tour.slice(1);
  return ends.map((end, k) => stretches(iceland, roads, tour[k], end));
}

function render(said = "") {
  const done = trip.tours.size > 0;
  const tour = trip.tours.get(trip.shown) ?? trip.built;
  const left = done ? null : chances();
  const colour = METHODS[trip.shown][1];
  map.draw({ ...trip, roads, tour, ways: legs(tour), colour, chances: left });
  renderTrip();
  renderResults();
  find("#plan").disabled = !model || trip.chosen.length < 2;
  find("#step").disabled = !model || trip.chosen.length < 2 || done;
  find(".after").hidden = !done;
  if (said) say(said);
  else if (left) say(inWords(left));
  else if (trip.chosen.length < 2) say("Click on the map, or type at least two places.");
  else if (done) say(verdict());
}

const say = (words) => (find("#said").textContent = words);

function inWords(left) {
  const likely = [...left].filter(([, chance]) => chance >= 0.01).sort((a, b) => b[1] - a[1]).slice(0, 3);
  const words = likely.map(([k, chance]) => `${iceland.places[k].name} ${percent(chance)}`);
  return `From ${iceland.places[trip.built.at(-1)].name}: ${words.join(", ")}.`;
}

function verdict() {
  const exact = trip.tours.get("exact");
  if (!exact) return "Proving the shortest tour …";
  if (trip.chosen.length > MOST_EXACT) return `Beyond ${MOST_EXACT} places no tour is proven here; the last row is the best found.`;
  const over = tourLength(trip.tours.get("network")) / tourLength(exact) - 1;
  const proof = `proven in ${trip.proofMs < 1000 ? `${Math.ceil(trip.proofMs)} ms` : `${(trip.proofMs / 1000).toFixed(1)} s`}`;
  return over === 0 ? `The network found the shortest tour, ${proof}.` : `The network is ${percent(over, 1)} over the shortest tour, ${proof}.`;
}

function renderTrip() {
  find("#trip").replaceChildren(
    ...trip.chosen.map((k) => {
      const { name, id } = iceland.places[k];
      const start = k === trip.start;
      return element(
        "li",
        { class: start ? "start" : null, "data-chosen": id },
        element("button", {
          click: () => startAt(k), "aria-pressed": start, title: "Start here",
          "aria-label": start ? `${name}, the start` : `Start in ${name}`,
        }, name.replace(/ \(.*/, "")),
        element("button", { click: () => toggle(k), "aria-label": `Remove ${name}` }, "×"),
      );
    }),
  );
}

function renderResults() {
  const { tours } = trip;
  const best = tours.has("exact") ? tourLength(tours.get("exact")) : null;
  find("#results").hidden = !tours.size;
  find("#results tbody").replaceChildren(
    ...Object.entries(METHODS).filter(([name]) => tours.has(name)).map(([name, [words, colour]]) => {
      const tour = tours.get(name);
      const total = tourLength(tour);
      const unproven = name === "exact" && trip.chosen.length > MOST_EXACT;
      const time = minutes(legs(tour).flat());
      const radio = element("input", {
        type: "radio", name: "shown", value: name, checked: name === trip.shown, style: `--own: var(--${colour})`,
        change: () => {
          trip.shown = name;
          render();
          find(`#results input[value=${name}]`).focus();
        },
      });
      const over = best === null ? "…" : total === best ? "0 %" : percent(total / best - 1, 1);
      return element(
        "tr",
        { "data-method": name, "data-length": total },
        element("td", {}, element("label", {}, radio, unproven ? "Shortest found" : words)),
        ...[km(total), over, hours(time)].map((text) => element("td", {}, text)),
      );
    }),
  );
}

function copyLink() {
  navigator.clipboard.writeText(location.href).then(
    () => say("The link is copied; it restores this trip."),
    () => say(location.href),
  );
}

/** The tour shown as GPX 1.1: stops as waypoints, the roads as a track. */
export function gpx() {
  const tour = trip.tours.get(trip.shown);
  const attributes = ([lat, lon]) => `lat="${lat.toFixed(5)}" lon="${lon.toFixed(5)}"`;
  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const stops = tour.map((k) => iceland.places[k]);
  const along = legs(tour).flatMap(points).map((xy) => onGlobe(iceland, xy));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<gpx version="1.1" creator="Hringur" xmlns="http://www.topografix.com/GPX/1/1">',
    ...stops.map(({ lat, lon, name }) => `<wpt ${attributes([lat, lon])}><name>${escape(name)}</name></wpt>`),
    `<trk><name>${km(tourLength(tour))}</name><trkseg>`,
    ...along.map((point) => `<trkpt ${attributes(point)}/>`),
    "</trkseg></trk></gpx>",
  ].join("\n");
}

const saveGpx = () => download("tour.gpx", gpx(), "application/gpx+xml");
