// The map of Iceland in SVG: outlines and roads once, then what the tour changes.
// Sizes are given in pixels of the screen, whatever the map's own size.

import { find, percent, shape } from "./elements.js";
import { pairs, points } from "./iceland.js";

const [LEFT, TOP, WIDTH, HEIGHT] = [-55, 62, 1120, 840]; // the unit square is 1,000 wide, y down
const [GRIP, LARGEST] = [26, 38]; // pixels within which a place is meant; radius of probability 1
const onMap = ([x, y]) => [1000 * x, 1000 - 1000 * y];
const path = (xy) => `M${xy.map((p) => onMap(p).map((v) => v.toFixed(1)).join(" ")).join("L")}`;

export class IcelandMap {
  /** `on` has what happens: toggle(place), start(place). */
  constructor(svg, iceland, on) {
    Object.assign(this, { svg, iceland, on, at: 0, state: null });
    svg.setAttribute("viewBox", `${LEFT} ${TOP} ${WIDTH} ${HEIGHT}`);
    const outline = (rings) => rings.map((ring) => `${path(pairs(ring))}Z`).join("");
    this.roads = shape("path", { class: "roads" });
    this.layers = { route: shape("g"), chances: shape("g"), places: shape("g") };
    svg.replaceChildren(
      shape("path", { class: "land", d: outline(iceland.land) }),
      shape("path", { class: "ice", d: outline(iceland.ice) }),
      this.roads,
      ...Object.values(this.layers),
    );
    this.listen();
    new ResizeObserver(() => this.state && this.draw(this.state)).observe(svg);
  }

  /** Draw { roads, chosen, start, tour, ways, colour, chances }; see tour.js. */
  draw(state) {
    this.state = state;
    this.unit = WIDTH / Math.max(200, this.svg.clientWidth); // of the map, to a pixel
    if (this.drawn !== state.roads) {
      this.drawn = state.roads;
      this.roads.setAttribute("d", state.roads.roads.map((r) => path(pairs(r.shape))).join(""));
    }
    this.drawRoute(state);
    this.drawChances(state);
    this.drawPlaces(state);
  }

  drawRoute({ ways, colour }) {
    const key = JSON.stringify([ways.map((way) => way.length), colour, this.unit]);
    if (key === this.routeKey) return; // or it would be driven again
    this.routeKey = key;
    const d = ways.length ? path(ways.flatMap(points)) : null;
    const line = (name, width) =>
      shape("path", {
        class: `route ${name}`, d, pathLength: 1, style: `--own: var(--${colour})`,
        "stroke-width": width * this.unit,
      });
    this.layers.route.replaceChildren(...(d ? [line("edge", 7), line("way", 3.4)] : []));
  }

  drawChances({ chances }) {
    const seen = [...(chances ?? [])].filter(([, chance]) => chance >= 0.002);
    this.layers.chances.replaceChildren(
      ...seen.map(([place, chance]) => {
        const [cx, cy] = this.where(place);
        const largest = Math.min(LARGEST, this.svg.clientWidth / 16);
        const r = Math.max(2, largest * Math.sqrt(chance)) * this.unit; // area is probability
        const width = 1.5 * this.unit;
        return shape("circle", { class: "chance", cx, cy, r, "stroke-width": width, "data-chance": chance });
      }),
    );
  }

  drawPlaces(state) {
    const { iceland, unit } = this;
    const order = new Map(state.tour.map((place, k) => [place, k + 1]));
    const few = state.chosen.length <= 30;
    const labels = this.labels(state);
    const isChosen = (k) => state.chosen.includes(k);
    const inOrder = [...iceland.places.keys()].sort((a, b) => isChosen(a) - isChosen(b)); // names on top
    this.layers.places.replaceChildren(
      ...inOrder.map((k) => {
        const place = iceland.places[k];
        const [x, y] = this.where(k);
        const chosen = isChosen(k);
        const far = !state.roads.reachable[k];
        const start = k === state.start;
        const classes = [
          "place", chosen && "in", order.has(k) && "visited", start && "start", far && "far",
          k === this.at && "at",
        ];
        const radius = (!chosen ? 2.6 : !few ? 4.5 : start || order.has(k) ? 8.5 : 5.5) * unit;
        const text = labels.get(k);
        const about = [start && "start", order.has(k) && `stop ${order.get(k)}`, far && "out of reach"];
        return shape(
          "g",
          {
            id: `place-${k}`, role: "option", "aria-selected": chosen, class: classes.filter(Boolean).join(" "),
            "data-place": place.id, "aria-label": [place.name, ...about].filter(Boolean).join(", "),
          },
          shape("circle", { class: "ring", cx: x, cy: y, r: radius + 5 * unit, "stroke-width": 2.5 * unit }),
          shape("circle", { class: "dot", cx: x, cy: y, r: radius, "stroke-width": 1.6 * unit }),
          text && shape("text", {
            x: text.x, y: text.y, "text-anchor": text.anchor, "font-size": text.size, "stroke-width": 3 * unit,
          }, text.words),
          few && order.has(k) ? shape("text", { class: "number", x, y: y + 3.4 * unit, "font-size": 9.5 * unit }, order.get(k)) : null,
        );
      }),
    );
    this.svg.setAttribute("aria-activedescendant", `place-${this.at}`);
  }

  /** Names of chosen places, each where it hides least: right, left, above or below its dot. */
  labels({ chosen, chances }) {
    const { unit, svg } = this;
    const size = (svg.clientWidth < 520 ? 11 : 13) * unit;
    const taken = chosen.map((k) => {
      const [x, y] = this.where(k);
      return [x - 9 * unit, y - 9 * unit, x + 9 * unit, y + 9 * unit];
    });
    const found = new Map();
    for (const k of chosen.length <= 30 ? chosen : []) {
      const [x, y] = this.where(k);
      const chance = chances?.get(k) ?? 0;
      const name = this.iceland.places[k].name.replace(/ \(.*/, "");
      const words = chance >= 0.005 ? `${name} ${percent(chance)}` : name;
      const wide = 0.56 * size * words.length;
      const gap = 12 * unit;
      const spots = [
        { anchor: "start", x: x + gap, y: y + 0.35 * size, box: [x + gap, y - size / 2, x + gap + wide, y + size / 2] },
        { anchor: "end", x: x - gap, y: y + 0.35 * size, box: [x - gap - wide, y - size / 2, x - gap, y + size / 2] },
        { anchor: "middle", x, y: y - gap, box: [x - wide / 2, y - gap - size, x + wide / 2, y - gap] },
        { anchor: "middle", x, y: y + gap + 0.7 * size, box: [x - wide / 2, y + gap, x + wide / 2, y + gap + size] },
      ];
      const hidden = ({ box }) =>
        taken.reduce((sum, other) => sum + overlap(box, other), 0) +
        1e3 * (Math.max(0, LEFT - box[0]) + Math.max(0, box[2] - LEFT - WIDTH));
      const best = spots.reduce((a, b) => (hidden(b) < hidden(a) ? b : a));
      if (hidden(best) > 0.12 * wide * size && chance < 0.05) continue;
      taken.push(best.box);
      found.set(k, { ...best, words, size });
    }
    return found;
  }

  where(k) {
    return onMap([this.iceland.places[k].x, this.iceland.places[k].y]);
  }

  /** The place that a point of the screen means, if one is near. */
  nearest({ clientX, clientY }, among = this.iceland.places.map((_, k) => k)) {
    const box = this.svg.getBoundingClientRect();
    const apart = (k) => {
      const [x, y] = this.where(k);
      return Math.hypot((x - LEFT) / this.unit + box.x - clientX, (y - TOP) / this.unit + box.y - clientY);
    };
    const best = among.reduce((a, b) => (apart(b) < apart(a) ? b : a), among[0]);
    return best !== undefined && apart(best) <= GRIP ? best : null;
  }

  listen() {
    let dragged = false;
    let moved = false;
    const { svg } = this;
    const atStart = (point) => this.state.start !== null && this.nearest(point) === this.state.start;
    svg.addEventListener("pointerdown", (event) => {
      dragged = atStart(event);
      moved = false;
      if (!dragged) return;
      svg.setPointerCapture(event.pointerId);
      svg.classList.add("dragged");
    });
    svg.addEventListener("touchstart", (event) => {
      if (atStart(event.touches[0])) event.preventDefault(); // or the page scrolls
    }, { passive: false });
    svg.addEventListener("pointermove", (event) => {
      if (!dragged || !event.buttons) return;
      const over = this.nearest(event, this.state.chosen);
      if (over === null || over === this.state.start) return;
      moved = true;
      this.on.start(over);
    });
    svg.addEventListener("pointerup", (event) => {
      const place = this.nearest(event);
      if (!moved && place !== null) {
        this.at = place;
        this.on.toggle(place);
      }
      dragged = false;
      svg.classList.remove("dragged");
    });
    svg.addEventListener("pointercancel", () => {
      dragged = false;
      svg.classList.remove("dragged");
    });
    svg.addEventListener("keydown", (event) => {
      const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (direction) this.go(direction);
      else if (event.key === "Enter" || event.key === " ") this.on.toggle(this.at);
      else if (event.key.toLowerCase() === "s" && this.state.chosen.includes(this.at)) this.on.start(this.at);
      else return;
      event.preventDefault();
    });
  }

  /** The nearest place in a direction, within 45 degrees of it. */
  go([right, down]) {
    const [x, y] = this.where(this.at);
    const ahead = this.iceland.places.map((_, k) => {
      const [dx, dy] = [this.where(k)[0] - x, this.where(k)[1] - y];
      const along = right * dx + down * dy;
      const aside = Math.abs(right * dy - down * dx);
      return along > 0 && aside <= along ? along + 1.5 * aside : Infinity;
    });
    const best = Math.min(...ahead);
    if (best < Infinity) this.at = ahead.indexOf(best);
    this.draw(this.state);
    find("#said").textContent = this.iceland.places[this.at].name;
  }
}

const overlap = (a, b) =>
  Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
