// The side of the page: the workspace, its conversations, the app, and who one is.

import { el, icon, iconButton, uid } from "./dom.js";
import { avatar, conversationTitle, isBot, partner, userName, workspace } from "./workspace.js";

const unread = new Set();
const state = el("p", { class: "connection", role: "status" });
const lists = el("div", { class: "sidebar-lists" });

export function sidebar({ close, actAs }) {
  return el(
    "nav",
    {
      class: "sidebar",
      "aria-label": "Channels",
      on: {
        click: (event) => event.target.closest("a") && close(),
        keydown: (event) => event.key === "Escape" && close(),
      },
    },
    el(
      "header",
      { class: "sidebar-head" },
      el("span", { class: "team-mark", "aria-hidden": "true" }, (workspace.team.name ?? "?").slice(0, 1)),
      el("div", {}, el("strong", {}, workspace.team.name), state),
      iconButton("close", "Hide channels", close, { class: "icon-button only-narrow" }),
    ),
    lists,
    el("footer", { class: "sidebar-foot" }, personSwitch(actAs), themeButton()),
  );
}

export function drawSidebar(current) {
  const channels = [...workspace.channels.values()];
  unread.delete(current);
  const conversation = (channel) =>
    entry(
      channel.id,
      channel.kind === "im" ? avatar(partner(channel)) : icon(["private", "mpim"].includes(channel.kind) ? "lock" : "hash"),
      channel.kind === "im" ? conversationTitle(channel) : channel.name,
      current,
    );
  const bot = workspace.bot;
  lists.replaceChildren(
    section(
      "Channels",
      channels.filter((channel) => channel.kind !== "im" && channel.is_member !== false).map(conversation),
    ),
    section("Direct messages", channels.filter((channel) => channel.kind === "im").map(conversation)),
    section("Apps", [
      entry("home", avatar(bot.id), `${bot.name} home`, current),
      workspace.steps.length > 0 && entry("workflows", icon("bolt"), "Workflows", current),
    ]),
  );
  state.replaceChildren(
    el("i", { data: { on: Boolean(bot.connected) } }),
    bot.connected ? `${bot.name} is connected` : `${bot.name} is not connected`,
  );
}

function section(title, entries) {
  const id = uid("section");
  return el("section", {}, el("h2", { id }, title), el("ul", { "aria-labelledby": id }, entries));
}

function entry(place, mark, name, current) {
  const waiting = unread.has(place);
  return el(
    "li",
    {},
    el(
      "a",
      {
        href: `#/${place}`,
        class: waiting ? "entry unread" : "entry",
        "aria-current": place === current ? "page" : null,
      },
      mark,
      el("span", {}, name),
      waiting && el("span", { class: "dot" }, el("span", { class: "unseen" }, "unread")),
    ),
  );
}

/** Mark a conversation that got a message while another one was open. */
export function noteMessage(event, current) {
  if (event.channel === current || event.message?.user === workspace.me.id || unread.has(event.channel)) return;
  unread.add(event.channel);
  drawSidebar(current);
}

function personSwitch(actAs) {
  const id = uid("person");
  const people = [...workspace.users.values()].filter((user) => !isBot(user.id));
  const select = el(
    "select",
    { id, on: { change: () => actAs(select.value) } },
    people.map((user) => el("option", { value: user.id, selected: user.id === workspace.me.id }, userName(user.id))),
  );
  return el(
    "div",
    { class: "person" },
    avatar(workspace.me.id),
    el("div", {}, el("label", { for: id }, "You are"), select),
  );
}

function themeButton() {
  const dark = () =>
    (document.documentElement.dataset.theme ??
      (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const turn = () => {
    const theme = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
    button.setAttribute("aria-pressed", String(theme === "dark"));
  };
  const button = iconButton("theme", "Dark theme", turn, { "aria-pressed": String(dark()) });
  return button;
}
