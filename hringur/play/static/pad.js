// A pad to draw a digit on, and the digit as MNIST would have it: 20 pixels tall, centred by mass.

const [SIDE, BOX, FINE] = [28, 20, 4];

export class Pad {
  /** `changed(image)` is called after every stroke, with 28 x 28 pixels in 0 .. 1. */
  constructor(canvas, changed) {
    Object.assign(this, { canvas, changed, strokes: [], image: new Float32Array(SIDE * SIDE) });
    canvas.width = canvas.height = 224;
    canvas.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      if (this.shown) this.clear();
      this.strokes.push([this.point(event)]);
      this.draw();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!event.buttons || !this.strokes.length || this.shown) return;
      this.strokes.at(-1).push(this.point(event));
      this.draw();
    });
    canvas.addEventListener("pointerup", () => this.strokes.length && this.finish());
  }

  point({ clientX, clientY }) {
    const { x, y, width, height } = this.canvas.getBoundingClientRect();
    return [(clientX - x) / width, (clientY - y) / height];
  }

  clear() {
    this.strokes = [];
    this.shown = false;
    this.draw();
  }

  /** Show an image in place of strokes. */
  show(image) {
    this.strokes = [];
    this.shown = true;
    this.image = image;
    paint(this.canvas, image, 1, SIDE);
    this.changed(image);
  }

  draw() {
    const context = this.canvas.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    stroke(context, this.strokes, ([x, y]) => [x * this.canvas.width, y * this.canvas.height], 16);
  }

  finish() {
    this.image = asMnist(this.strokes);
    this.changed(this.image);
  }
}

function stroke(context, strokes, where, width) {
  Object.assign(context, { strokeStyle: "#fff", lineWidth: width, lineCap: "round", lineJoin: "round" });
  for (const points of strokes) {
    context.beginPath();
    context.moveTo(...where(points[0]));
    for (const point of points) context.lineTo(...where(point));
    context.stroke();
  }
}

/** Strokes scaled to a box of 20 pixels, then shifted so that their mass is in the middle. */
export function asMnist(strokes) {
  const points = strokes.flat();
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const size = Math.max(Math.max(...xs) - left, Math.max(...ys) - top, 0.05);
  const scale = (BOX - 2) / size;
  const place = (shift) => ([x, y]) => [
    FINE * ((x - left) * scale + 5 + shift[0]), FINE * ((y - top) * scale + 5 + shift[1]),
  ];
  const [x, y] = middle(rendered(strokes, place([0, 0])));
  return rendered(strokes, place([SIDE / 2 - x, SIDE / 2 - y]));
}

/** Drawn four times finer, then averaged. */
function rendered(strokes, where) {
  const side = SIDE * FINE;
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  stroke(context, strokes, where, 2.2 * FINE);
  const alpha = context.getImageData(0, 0, side, side).data;
  const image = new Float32Array(SIDE * SIDE);
  for (let k = 0; k < side * side; k++) {
    const cell = Math.floor(k / side / FINE) * SIDE + Math.floor((k % side) / FINE);
    image[cell] += alpha[4 * k + 3] / 255 / FINE ** 2;
  }
  return image;
}

function middle(image) {
  let [x, y, mass] = [0, 0, 1e-9];
  image.forEach((pixel, k) => {
    x += pixel * ((k % SIDE) + 0.5);
    y += pixel * (Math.floor(k / SIDE) + 0.5);
    mass += pixel;
  });
  return [x / mass, y / mass];
}

/** Paint a flat image (one channel or three) over a whole canvas. */
export function paint(canvas, image, channels, side) {
  const small = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const data = new ImageData(side, side);
  const pixels = side * side;
  for (let k = 0; k < pixels; k++) {
    for (let c = 0; c < 3; c++) data.data[4 * k + c] = 255 * image[(channels === 3 ? c * pixels : 0) + k];
    data.data[4 * k + 3] = 255;
  }
  small.getContext("2d").putImageData(data, 0, 0);
  canvas.getContext("2d").drawImage(small, 0, 0, canvas.width, canvas.height);
}
