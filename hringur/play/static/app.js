// Tabs, each imported when it is first opened, and light or dark.

import { find } from "./elements.js";

const tabs = [...document.querySelectorAll("[role=tab]")];
const opened = {};

/** Open the tab that the address names: #tour, or #tour?what=it&keeps=there. */
async function open() {
  const [name, query = ""] = location.hash.slice(1).split("?");
  const tab = tabs.find((one) => one.id === `tab-${name}`) ?? tabs[0];
  const id = tab.getAttribute("aria-controls");
  for (const one of tabs) {
    const selected = one === tab;
    one.setAttribute("aria-selected", selected);
    one.tabIndex = selected ? 0 : -1;
    find(`#${one.getAttribute("aria-controls")}`).hidden = !selected;
  }
  document.title = `${tab.textContent} · Hringur`;
  opened[id] ??= import(`./${id}.js`);
  const { show } = await opened[id];
  await show(new URLSearchParams(query));
  document.body.dataset.ready = id;
}

for (const [k, tab] of tabs.entries()) {
  const go = (other) => {
    history.pushState(null, "", `#${other.getAttribute("aria-controls")}`); // scrolls nowhere
    open();
    other.focus();
  };
  tab.addEventListener("click", () => go(tab));
  tab.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step) go(tabs[(k + step + tabs.length) % tabs.length]);
  });
}

const root = document.documentElement;
root.dataset.theme = localStorage.getItem("theme") ?? "";
find("#theme").addEventListener("click", () => {
  const dark = getComputedStyle(root).colorScheme === "dark" ||
    (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

addEventListener("hashchange", open);
open();
