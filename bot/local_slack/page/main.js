// The page itself: who one is, which place is open, and what happens live.

import { actAs, follow, get } from "./api.js";
import { ChannelPane, HomePane, ThreadPane } from "./conversation.js";
import { el } from "./dom.js";
import { refreshViews } from "./modal.js";
import { drawSidebar, noteMessage, sidebar } from "./sidebar.js";
import { StepsPane } from "./steps.js";
import { conversationTitle, remember, workspace } from "./workspace.js";

// The workspace's first person, who is you until you say otherwise.
const FIRST_PERSON = "U0ANA000001";

const main = el("main", { class: "main" });
const lost = el("div", { class: "lost", role: "status", hidden: true }, "The workspace does not answer. Trying again…");
let pane = null;
let thread = null;

const APART = { home: HomePane, workflows: StepsPane };

/** The place in the address: `#/C123`, `#/C123/1700000000.000100`, `#/home` or `#/workflows`. */
function place() {
  const [name, ts = null] = location.hash.replace(/^#\/?/, "").split("/");
  if (Object.hasOwn(APART, name) || workspace.channels.has(name)) return [name, ts];
  const channels = [...workspace.channels.values()];
  return [
    (
      channels.find((channel) => channel.is_member !== false && channel.bot_is_member && channel.kind !== "im") ??
      channels[0]
    )?.id,
    null,
  ];
}

/** Where the window is narrow, the list of channels covers the rest. */
function openMenu() {
  document.body.classList.add("menu-open");
  main.inert = true;
  document.querySelector(".sidebar a[aria-current], .sidebar a")?.focus();
}

function closeMenu() {
  document.body.classList.remove("menu-open");
  main.inert = false;
}

async function route() {
  const [name, ts] = place();
  const loading = [openPane(name), openThread(name, ts)];
  drawSidebar(name);
  const titles = { home: workspace.bot.name, workflows: "Workflows" };
  document.title = `${titles[name] ?? conversationTitle(workspace.channels.get(name))} · ${workspace.team.name}`;
  await Promise.all(loading);
}

function openPane(name) {
  if (pane?.name === name) return null;
  pane?.destroy();
  const onThread = (ts) => (location.hash = `#/${name}/${ts}`);
  pane = Object.hasOwn(APART, name)
    ? new APART[name]({ openMenu })
    : new ChannelPane(workspace.channels.get(name), { openMenu, onThread });
  pane.name = name;
  main.replaceChildren(lost, pane.node);
  return pane.load();
}

function openThread(name, ts) {
  const key = ts ? `${name}/${ts}` : null;
  if ((thread?.key ?? null) === key) return null;
  thread?.destroy();
  thread?.node.remove();
  thread =
    key && !Object.hasOwn(APART, name)
      ? new ThreadPane(workspace.channels.get(name), ts, { close: () => closeThread(name) })
      : null;
  document.body.classList.toggle("thread-open", Boolean(thread));
  if (!thread) return null;
  document.body.append(thread.node);
  return thread.load();
}

function closeThread(name) {
  location.hash = `#/${name}`;
  pane?.composer?.focus();
}

async function readState() {
  const state = await get("/local/state");
  if (state.ok) remember(state);
  return state;
}

async function onEvent(event) {
  if (event.kind === "reload") return comeBack();
  if (event.kind === "view") return refreshViews();
  if (event.kind === "connection" || event.kind === "channel") return stateChanged();
  if (event.kind === "message") noteMessage(event, pane.name);
  pane.apply(event);
  thread?.apply(event);
}

async function stateChanged() {
  await readState();
  drawSidebar(pane.name);
  if (workspace.channels.get(pane.name)?.bot_is_member) pane.joined?.();
}

/** After a broken connection: read everything again, keeping the place and what is being typed. */
async function comeBack() {
  const state = await readState();
  if (!state.ok) return null;
  lost.hidden = true;
  drawSidebar(pane.name);
  await Promise.all([pane.reload(), thread?.reload(), refreshViews()]);
  return state.seq;
}

function become(userId) {
  const url = new URL(location.href);
  url.searchParams.set("user", userId);
  // Another person has other conversations; only a shared channel is kept.
  if (workspace.channels.get(pane.name)?.kind === "im") url.hash = "";
  location.href = url.href;
}

/** Read the state as the person `?user=` names by id or short name, else as the first one. */
async function beSomebody() {
  actAs(FIRST_PERSON);
  const state = await readState();
  const wanted = new URL(location.href).searchParams.get("user");
  const person = state.ok && state.users.find((user) => [user.id, user.name].includes(wanted) && !user.is_bot);
  if (!person || person.id === FIRST_PERSON) return state;
  actAs(person.id);
  return readState();
}

async function start() {
  const state = await beSomebody();
  if (!state.ok) return document.body.append(el("p", { class: "empty", role: "alert" }, state.error));
  document.body.append(sidebar({ close: closeMenu, actAs: become }), main);
  // Before anything is loaded: a link that is followed meanwhile counts too.
  addEventListener("hashchange", route);
  await route();
  follow(state.seq, { onEvent, onLost: () => (lost.hidden = false), onBack: comeBack });
  await refreshViews();
}

start();
