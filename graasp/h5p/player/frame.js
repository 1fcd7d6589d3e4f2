// Plays the content, and tells the page around it how high it is.
"use strict";

// A document without an origin has no storage, and the core of H5P insists on one: this lasts as long as the page.
class Memory {
  #kept = new Map();
  get length() { return this.#kept.size; }
  key(index) { return [...this.#kept.keys()][index] ?? null; }
  getItem(name) { return this.#kept.get(String(name)) ?? null; }
  setItem(name, value) { this.#kept.set(String(name), String(value)); }
  removeItem(name) { this.#kept.delete(String(name)); }
  clear() { this.#kept.clear(); }
}
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { value: new Memory() });
}

const place = document.getElementById("content");
const { assets, content } = place.dataset;

new ResizeObserver(() => {
  // This frame has no origin, and anybody may know a height.
  window.parent.postMessage({ height: Math.ceil(document.body.getBoundingClientRect().height) }, "*");
}).observe(document.body);

// In this document itself: without an origin, no script could fill a frame of its own.
new H5PStandalone.H5P(place, {
  h5pJsonPath: content,
  frameJs: `${assets}/frame.bundle.js`,
  frameCss: `${assets}/styles/h5p.css`,
  embedType: "div",
  frame: false,
  copyright: false,
  export: false,
  icon: false,
  embed: false,
}).catch((error) => {
  console.error(error);
  place.textContent = "This content can't be played.";
});
