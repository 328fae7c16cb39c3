// Slack's mrkdwn as DOM nodes, and the pieces it shares with the markdown block: mentions, rings, links, entities.

import { el, fragment, link } from "./dom.js";
import { emoji } from "./emoji.js";
import { fillDate } from "./time.js";
import { channelName, isMe, userName, workspace } from "./workspace.js";

const DEEPEST = 6;
const FARTHEST = 4000; // characters between an opening and a closing mark; keeps hostile text from costing seconds
const STYLES = { "*": "strong", _: "em", "~": "s" };
const WORD = /[\p{L}\p{N}]/u;

export const unescape = (text) => text.replace(/&(lt|gt|amp);/g, (_, name) => ({ lt: "<", gt: ">", amp: "&" })[name]);

export const mention = (id) =>
  el(
    "span",
    { class: isMe(id) ? "mention mention-me" : "mention" },
    workspace.users.has(id) || id === workspace.bot.id ? `@${userName(id)}` : `@${id}`,
  );

export const channelLink = (id, name) =>
  workspace.channels.has(id)
    ? el("a", { class: "mention", href: `#/${id}` }, `#${channelName(id)}`)
    : el("span", { class: "mention" }, `#${name || id}`);

/** @channel, @here or @everyone: drawn loud, because it would ring everybody's phone. */
export const ring = (range) => el("strong", { class: "ring", title: "This notifies everybody" }, `@${range}`);

/** What stands between `<` and `>` in Slack's text; null when it is no Slack token. */
function angle(inside) {
  const [target, label] = splitOnce(inside, "|");
  if (/^@[UWB][A-Z0-9]+$/.test(target)) return mention(target.slice(1));
  if (/^#[CGD][A-Z0-9]+$/.test(target)) return channelLink(target.slice(1), label);
  if (/^!(here|channel|everyone)$/.test(target)) return ring(target.slice(1));
  if (target.startsWith("!date^")) return date(target, label);
  if (target.startsWith("!subteam^")) return el("span", { class: "mention" }, label || "@group");
  if (/^(https?:\/\/|mailto:)/.test(target))
    return link(unescape(target), unescape(label || target.replace(/^mailto:/, "")));
  return null;
}

function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function date(target, fallback) {
  const [, ts, format, address] = target.split("^");
  if (!/^\d+$/.test(ts) || !format) return document.createTextNode(unescape(fallback));
  const words = fillDate(ts, unescape(format));
  return address ? link(address, words) : el("time", {}, words);
}

/** mrkdwn text as a fragment of blocks: paragraphs, quotes, lists and code fences. */
export function mrkdwn(text, { verbatim = false } = {}) {
  const out = [];
  String(text ?? "")
    .split(/```/)
    .forEach((part, index, parts) => {
      const closed = index % 2 === 1 && index < parts.length - 1;
      if (closed) out.push(el("pre", {}, el("code", {}, unescape(part.replace(/^\n/, "").replace(/\n$/, "")))));
      else out.push(...lines(index % 2 === 1 ? "```" + part : trimAround(part, index, parts.length), verbatim));
    });
  return fragment(out);
}

function trimAround(part, index, count) {
  const afterFence = index > 0 ? part.replace(/^\n/, "") : part;
  return index < count - 1 ? afterFence.replace(/\n$/, "") : afterFence;
}

const QUOTED = /^(?:&gt;|>) ?(.*)$/;

/** Slack's mrkdwn knows quotes but no lists: “1.” and “•” are words like others. */
function lines(text, verbatim) {
  if (!text) return [];
  const groups = [];
  for (const line of text.split("\n")) {
    const quoted = QUOTED.exec(line);
    const kind = quoted ? "blockquote" : "div";
    if (groups.at(-1)?.kind !== kind) groups.push({ kind, rows: [] });
    groups.at(-1).rows.push(quoted ? quoted[1] : line);
  }
  return groups.map(({ kind, rows }) =>
    el(kind, { class: kind === "div" ? "line" : null }, inline(rows.join("\n"), verbatim)),
  );
}

/** mrkdwn inside one line or paragraph, as an array of nodes and strings. */
function inline(text, verbatim = false, depth = 0) {
  const out = [];
  let plain = "";
  const push = (...nodes) => {
    if (plain) out.push(unescape(plain));
    plain = "";
    out.push(...nodes);
  };
  for (let at = 0; at < text.length;) {
    const [nodes, length] = token(text, at, verbatim, depth) ?? [null, 1];
    if (nodes) push(...nodes);
    else plain += text.slice(at, at + length);
    at += length;
  }
  push();
  return out;
}

function token(text, at, verbatim, depth) {
  const character = text[at];
  if (character === "\n") return [[el("br")], 1];
  if (character === "`") return code(text, at);
  if (character === "<") return tag(text, at);
  if (character === ":") return shortcode(text, at);
  if (STYLES[character] && depth < DEEPEST) return styled(text, at, verbatim, depth);
  if (character === "h" && !verbatim && !WORD.test(text[at - 1] ?? " ")) return bareUrl(text, at);
  return null;
}

function code(text, at) {
  const end = text.indexOf("`", at + 1);
  if (end <= at + 1 || text.slice(at, end).includes("\n")) return null;
  return [[el("code", {}, unescape(text.slice(at + 1, end)))], end - at + 1];
}

export function tag(text, at) {
  const end = text.indexOf(">", at);
  const node = end > at && end - at < FARTHEST ? angle(text.slice(at + 1, end)) : null;
  return node && [[node], end - at + 1];
}

export function shortcode(text, at) {
  const found = /^:([a-z0-9_+-]+):/.exec(text.slice(at, at + 60));
  const character = found && emoji(found[1]);
  return character
    ? [
        [el("span", { class: "emoji", role: "img", "aria-label": found[1].replaceAll("_", " ") }, character)],
        found[0].length,
      ]
    : null;
}

export function bareUrl(text, at) {
  const found = /^https?:\/\/[^\s<>"]+/.exec(text.slice(at, at + 2000));
  if (!found) return null;
  const address = found[0].replace(/[.,;:!?)\]*_~]+$/, "");
  return [[link(unescape(address), unescape(address))], address.length];
}

function styled(text, at, verbatim, depth) {
  const mark = text[at];
  if (WORD.test(text[at - 1] ?? " ") || /\s|^$/.test(text[at + 1] ?? "")) return null;
  const line = text.indexOf("\n", at);
  const stop = Math.min(line < 0 ? text.length : line, at + FARTHEST);
  for (let end = text.indexOf(mark, at + 2); end > 0 && end < stop; end = text.indexOf(mark, end + 1)) {
    if (/\s/.test(text[end - 1]) || WORD.test(text[end + 1] ?? " ")) continue;
    return [[el(STYLES[mark], {}, inline(text.slice(at + 1, end), verbatim, depth + 1))], end - at + 1];
  }
  return null;
}
