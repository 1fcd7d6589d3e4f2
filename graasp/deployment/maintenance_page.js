"use strict";

const root = document.documentElement;
const sections = [...document.querySelectorAll("section")];
const nav = document.querySelector("nav");

function show(language) {
  for (const section of sections) section.hidden = section.lang !== language;
  const shown = sections.find((section) => !section.hidden);
  root.lang = shown.lang;
  root.dir = shown.dir;
  document.title = shown.querySelector("h1").textContent;
  for (const button of nav.children) {
    button.ariaPressed = String(button.lang === language);
    if (button.lang === language) nav.ariaLabel = button.dataset.languages;
  }
}

function preferred() {
  const known = sections.map((section) => section.lang);
  const wanted = navigator.languages.map((tag) => tag.split("-")[0].toLowerCase());
  return wanted.find((language) => known.includes(language)) ?? "en";
}

// The end in the reader's own time; what has passed tells nothing any more.
for (const time of document.querySelectorAll("time")) {
  const end = new Date(time.dateTime);
  const { lang } = time.closest("section");
  // As it is written where the reader lives, when that is said.
  const locale = navigator.languages.find((tag) => tag.split("-")[0] === lang) ?? lang;
  const style = { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };
  time.textContent = new Intl.DateTimeFormat(locale, style).format(end);
  time.parentElement.hidden = end < new Date();
}

nav.addEventListener("click", ({ target }) => target.lang && show(target.lang));
nav.hidden = false;
// One language was chosen already when the page comes from a server that knew the reader's.
const chosen = sections.filter((section) => !section.hidden);
show(chosen.length === 1 ? chosen[0].lang : preferred());
