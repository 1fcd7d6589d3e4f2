// Passes the height of the content on to the page that shows this one.
"use strict";

const frame = document.getElementById("content");
const contentId = frame.dataset.contentId;

function parentOrigin() {
  if (window.location.ancestorOrigins?.length) return window.location.ancestorOrigins[0];
  // Who may be the parent is told by the content security policy.
  return document.referrer ? new URL(document.referrer).origin : "*";
}

window.addEventListener("message", (event) => {
  const height = event.data?.height;
  if (event.source !== frame.contentWindow || !Number.isFinite(height) || height < 0) return;
  frame.style.height = `${height}px`;
  if (window.parent !== window) window.parent.postMessage({ contentId, height }, parentOrigin());
});
