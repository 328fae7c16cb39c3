// What the page knows about the workspace: its people, channels, commands and shortcuts.

import { el } from "./dom.js";

export const workspace = {
  team: {},
  me: {},
  bot: {},
  users: new Map(),
  channels: new Map(),
  commands: [],
  shortcuts: [],
  steps: [],
  talks: "",
};

export function remember(state) {
  workspace.team = state.team;
  workspace.me = state.me;
  workspace.bot = state.bot;
  workspace.users = new Map(state.users.map((user) => [user.id, user]));
  workspace.channels = new Map(state.channels.map((channel) => [channel.id, channel]));
  workspace.commands = state.commands ?? [];
  workspace.shortcuts = state.shortcuts ?? [];
  workspace.steps = state.steps ?? [];
  workspace.talks = state.talks ?? "";
}

export function userName(id) {
  if (id && id === workspace.bot.id) return workspace.bot.name;
  const user = workspace.users.get(id);
  return user ? user.real_name || user.name : id || "someone";
}

/** The other side of a direct conversation. */
export const partner = (channel) => (channel.user && !isMe(channel.user) ? channel.user : workspace.bot.id);

export function channelName(id) {
  const channel = workspace.channels.get(id);
  if (!channel) return id;
  return channel.kind === "im" ? userName(partner(channel)) : channel.name;
}

/** "#general" or "Crew": how a conversation is called in a sentence. */
export function conversationTitle(channel) {
  return channel.kind === "im" ? userName(partner(channel)) : `#${channel.name}`;
}

export const isMe = (id) => id === workspace.me.id;
export const isBot = (id) => id === workspace.bot.id || Boolean(workspace.users.get(id)?.is_bot);
export const botConversation = () => [...workspace.channels.values()].find((c) => c.kind === "im" && isBot(partner(c)));

const HUES = [12, 38, 96, 158, 196, 228, 266, 322];

function hueOf(id) {
  let sum = 0;
  for (const character of String(id)) sum = (sum * 31 + character.codePointAt(0)) >>> 0;
  return HUES[sum % HUES.length];
}

/** A person's initials on their colour; the bot has a mark of its own. */
export function avatar(id, name = userName(id)) {
  if (isBot(id)) return el("span", { class: "avatar avatar-bot", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
  const words = name.split(/[\s_.-]+/).filter(Boolean);
  const initials = words.length > 1 ? words[0][0] + words.at(-1)[0] : name.slice(0, 1);
  const node = el("span", { class: "avatar", "aria-hidden": "true" }, initials.toUpperCase());
  node.style.setProperty("--hue", hueOf(id));
  return node;
}
