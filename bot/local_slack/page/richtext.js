// Slack's rich_text blocks as DOM nodes, and as plain text.

import { el, fragment, link } from "./dom.js";
import { emoji } from "./emoji.js";
import { channelLink, mention, ring } from "./mrkdwn.js";
import { fillDate } from "./time.js";

const PARTS = {
  rich_text_section: (part) => el("div", { class: "line" }, spans(part)),
  rich_text_preformatted: (part) => el("pre", {}, el("code", {}, spans(part))),
  rich_text_quote: (part) => el("blockquote", {}, spans(part)),
};

const LEAVES = {
  text: (leaf) => broken(leaf.text),
  link: (leaf) => link(leaf.url, leaf.text || leaf.url),
  user: (leaf) => mention(leaf.user_id),
  usergroup: () => el("span", { class: "mention" }, "@group"),
  team: () => el("span", { class: "mention" }, "@team"),
  channel: (leaf) => channelLink(leaf.channel_id),
  broadcast: (leaf) => ring(leaf.range),
  emoji: (leaf) => emoji(leaf.name) ?? `:${leaf.name}:`,
  date: (leaf) => el("time", {}, fillDate(leaf.timestamp, leaf.format ?? "{date}")),
  color: (leaf) => el("code", {}, leaf.value),
};

const STYLES = [
  ["code", "code"],
  ["bold", "strong"],
  ["italic", "em"],
  ["strike", "s"],
  ["underline", "u"],
];

export function richText(block) {
  const out = [];
  for (const part of block.elements ?? []) {
    if (part.type === "rich_text_list") nest(out, part);
    else out.push(PARTS[part.type]?.(part) ?? el("p", { class: "unknown" }, `“${part.type}” is not shown here`));
  }
  return fragment(out);
}

/** Slack sends nested lists flat, each with its indent; a deeper one belongs inside the last item of the one before. */
function nest(out, part) {
  const items = (part.elements ?? []).map((item) => el("li", {}, spans(item)));
  const node = el(
    part.style === "ordered" ? "ol" : "ul",
    { start: part.offset ? part.offset + 1 : null, data: { indent: part.indent ?? 0 } },
    items,
  );
  let parent = out.at(-1);
  const isList = (candidate) => candidate instanceof HTMLElement && candidate.dataset.indent !== undefined;
  if (!isList(parent) || !(part.indent > 0)) return void out.push(node);
  const deeper = () => [...(parent.lastElementChild?.children ?? [])].filter(isList).at(-1);
  while (deeper() && Number(deeper().dataset.indent) < part.indent) parent = deeper();
  (parent.lastElementChild ?? parent).append(node);
}

const spans = (part) =>
  (part.elements ?? []).map((leaf) => styled(LEAVES[leaf.type]?.(leaf) ?? `[${leaf.type}]`, leaf.style));

function styled(content, style = {}) {
  return STYLES.reduce((inside, [name, tag]) => (style?.[name] ? el(tag, {}, inside) : inside), content);
}

const broken = (text) =>
  String(text ?? "")
    .split("\n")
    .flatMap((line, index) => (index ? [el("br"), line] : [line]));

/** Only the words, for text areas and previews. */
export function richTextWords(block) {
  const words = (part) =>
    part.elements
      ? part.elements.map(words).join(part.type === "rich_text_list" ? "\n" : "")
      : (part.text ?? part.url ?? "");
  return (block?.elements ?? []).map(words).join("\n");
}

export const wordsAsRichText = (text) => ({
  type: "rich_text",
  elements: [{ type: "rich_text_section", elements: [{ type: "text", text }] }],
});
