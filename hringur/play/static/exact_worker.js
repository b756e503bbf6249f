// Proves the shortest tour beside the page, so that the page never waits.

import { heldKarp } from "./tours.js";

onmessage = ({ data: { id, distances, n, start, closed } }) => {
  const began = performance.now();
  postMessage({ id, tour: heldKarp(distances, n, start, closed), ms: performance.now() - began });
};
