// The page: it connects, then shows the overview or a page of the explorer, as the address says.

import { $, say } from "./dom.js";
import { about, connect, state } from "./state.js";
import { startTree } from "./tree.js";
import { startNetwork } from "./network.js";
import { startOrders } from "./orders.js";
import { startPanels } from "./panels.js";
import { find, show } from "./explorer.js";

const main = $("main");

function route() {
  const hash = location.hash;
  if (hash === "#main") {
    main.focus();
    return;
  }
  const [path, query] = hash.slice(1).split("?");
  const [, kind, id] = path.split("/");
  const overview = !kind;
  $("overview").hidden = !overview;
  $("explorer").hidden = overview;
  if (!overview) show($("explorer"), kind, decoded(id ?? ""), new URLSearchParams(query));
}

/** decoded reads a part of an address, which somebody may have typed. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function live(ok) {
  document.body.classList.toggle("lost", !ok);
  if (!ok) say($("verdict"), "the connection is lost, trying again …");
}

async function start() {
  await connect(live);
  say($("network"), `${about.network}${about.seed ? " testnet" : ""} · ${about.version}`);
  startTree();
  startPanels();
  if (about.seed) startNetwork();
  startOrders();
  addEventListener("hashchange", () => {
    route();
    if (location.hash !== "#main") main.focus({ preventScroll: location.hash === "" });
  });
  route();
}

$("search").addEventListener("submit", async (e) => {
  e.preventDefault();
  location.hash = await find($("query").value.trim(), state.blocks);
});

start().catch((e) => say($("verdict"), e.message));
