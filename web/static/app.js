// The page: it connects, then shows the overview or a page of the explorer, as the address says.

import { $, say } from "./dom.js";
import { about, connect, on, state } from "./state.js";
import { startTree } from "./tree.js";
import { startNetwork } from "./network.js";
import { startOrders } from "./orders.js";
import { startPanels } from "./panels.js";
import { find, show } from "./explorer.js";

const main = $("main");
let left = 0; // how far the overview was scrolled

function route() {
  const hash = location.hash;
  if (hash === "#main") {
    main.focus();
    return;
  }
  const [path, query] = hash.slice(1).split("?");
  const [, kind, id] = path.split("/");
  const overview = !kind, back = overview && $("overview").hidden;
  if (!overview && !$("overview").hidden) left = scrollY;
  $("overview").hidden = !overview;
  $("explorer").hidden = overview;
  if (!overview) show($("explorer"), kind, decoded(id ?? ""), new URLSearchParams(query));
  if (back) scrollTo(0, left);
  looked = key();
}

// A page of the explorer is looked up again when the chain or a mempool has changed, at most every three seconds.
let looked = "", soon = 0;
const key = () => state.net.best + Object.values(state.pools).map((p) => p.txs + "," + p.vbytes).join();

function lookAgain() {
  if (soon || $("explorer").hidden || looked === key()) return;
  soon = setTimeout(() => {
    soon = 0;
    const [path, query] = location.hash.slice(1).split("?"), [, kind, id] = path.split("/");
    if (!kind || $("explorer").hidden) return;
    looked = key();
    show($("explorer"), kind, decoded(id ?? ""), new URLSearchParams(query), true);
  }, 3000);
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
  if (ok) return;
  say($("verdict"), "the connection is lost, trying again …");
  say($("announce"), "the connection to the network is lost");
}

async function start() {
  await connect(live);
  say($("network"), `${about.network}${about.seed ? " testnet" : ""}`);
  $("network").title = "Cairn " + about.version;
  startTree();
  startPanels();
  if (about.seed) startNetwork();
  startOrders();
  addEventListener("hashchange", () => {
    route();
    if (location.hash !== "#main") main.focus({ preventScroll: location.hash === "" });
  });
  route();
  on(["net", "pools"], lookAgain);
}

$("search").addEventListener("submit", async (e) => {
  e.preventDefault();
  location.hash = await find($("query").value.trim(), state.blocks);
});

start().catch((e) => say($("verdict"), e.message));
