// The markdown block: a subset of CommonMark and GitHub's tables and task lists, as DOM nodes.

import { el, fragment, icon, link } from "./dom.js";
import { bareUrl, shortcode, tag, unescape } from "./mrkdwn.js";

const DEEPEST = 8;
const WORD = /[\p{L}\p{N}]/u;
const MARKS = [
  ["***", "strong"],
  ["**", "strong"],
  ["__", "strong"],
  ["~~", "s"],
  ["*", "em"],
  ["_", "em"],
];
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?: +|$)(.*)$/;
const RULE = /^ {0,3}([-*_])(?: *\1){2,} *$/;
const DELIMITERS = /^ *\|? *:?-+:? *(?:\| *:?-+:? *)*\|? *$/;

export function markdown(text) {
  return fragment(
    blocks(
      String(text ?? "")
        .replaceAll("\t", "    ")
        .split("\n"),
      0,
    ),
  );
}

/** Each reader gets the lines and a position and answers [node, lines used], or null when the line is not its kind. */
const READERS = [fence, heading, rule, quote, table, list];

function blocks(lines, depth) {
  const out = [];
  let paragraph = [];
  const flush = () => {
    if (paragraph.length) out.push(el("p", {}, inline(paragraph.map((line) => line.trimStart()).join("\n"))));
    paragraph = [];
  };
  for (let at = 0; at < lines.length;) {
    const found = depth < DEEPEST ? firstOf(READERS, lines, at, depth) : null;
    if (found || !lines[at].trim()) flush();
    if (found) out.push(found[0]);
    else if (lines[at].trim()) paragraph.push(lines[at]);
    at += found ? found[1] : 1;
  }
  flush();
  return out;
}

function firstOf(readers, lines, at, depth) {
  for (const reader of readers) {
    const found = reader(lines, at, depth);
    if (found) return found;
  }
  return null;
}

function fence(lines, at) {
  const open = /^ {0,3}(`{3,}|~{3,}) *([^`]*)$/.exec(lines[at]);
  if (!open) return null;
  let end = at + 1;
  while (end < lines.length && !lines[end].trim().startsWith(open[1])) end += 1;
  const language = open[2].trim().split(" ")[0];
  const body = el(
    "pre",
    { data: language ? { language } : {} },
    el("code", {}, unescape(lines.slice(at + 1, end).join("\n"))),
  );
  return [body, end - at + 1];
}

function heading(lines, at) {
  const found = /^ {0,3}(#{1,6}) +(.*?)(?: +#+)? *$/.exec(lines[at]);
  // The page's own heading is an h1, so that a message's headings start one level below.
  return (
    found && [el(`h${Math.min(found[1].length + 1, 6)}`, { class: `md-h${found[1].length}` }, inline(found[2])), 1]
  );
}

function rule(lines, at) {
  return RULE.test(lines[at]) ? [el("hr"), 1] : null;
}

function quote(lines, at, depth) {
  const mark = /^ {0,3}(?:>|&gt;) ?/;
  let end = at;
  while (end < lines.length && mark.test(lines[end])) end += 1;
  return end > at
    ? [
        el(
          "blockquote",
          {},
          blocks(
            lines.slice(at, end).map((line) => line.replace(mark, "")),
            depth + 1,
          ),
        ),
        end - at,
      ]
    : null;
}

function cells(line) {
  const bare = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return bare.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function table(lines, at) {
  if (!lines[at].includes("|") || !DELIMITERS.test(lines[at + 1] ?? "")) return null;
  const head = cells(lines[at]);
  const aligns = cells(lines[at + 1]).map((mark) =>
    /^:.*:$/.test(mark) ? "center" : mark.endsWith(":") ? "right" : null,
  );
  if (head.length !== aligns.length) return null;
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end += 1;
  const row = (kind, texts) =>
    el(
      "tr",
      {},
      head.map((_, i) => el(kind, { class: aligns[i] && `align-${aligns[i]}` }, inline(texts[i] ?? ""))),
    );
  const body = lines.slice(at + 2, end).map((line) => row("td", cells(line)));
  return [
    el(
      "div",
      { class: "table-scroll", tabindex: "0" },
      el("table", {}, el("thead", {}, row("th", head)), el("tbody", {}, body)),
    ),
    end - at,
  ];
}

function list(lines, at, depth) {
  const first = ITEM.exec(lines[at]);
  if (!first) return null;
  const ordered = /\d/.test(first[2]);
  const items = [];
  let end = at;
  for (; end < lines.length; end += 1) {
    const found = ITEM.exec(lines[end]);
    const indent = lines[end].search(/\S/);
    if (found && indent <= first[1].length + 1 && /\d/.test(found[2]) === ordered && !RULE.test(lines[end]))
      items.push([found[3]]);
    else if (indent > first[1].length + 1 || (indent < 0 && goesOn(lines, end + 1, first[1].length + 1)))
      items.at(-1).push(lines[end]);
    else break;
  }
  const start = ordered ? parseInt(first[2], 10) : null;
  return [
    el(
      ordered ? "ol" : "ul",
      { start: start > 1 ? start : null },
      items.map((item) => listItem(item, depth)),
    ),
    end - at,
  ];
}

/** Whether the list continues after a blank line: with an item, or with text belonging to the last one. */
function goesOn(lines, at, indent) {
  const next = lines[at] ?? "";
  return next.search(/\S/) > indent - 1 && (ITEM.test(next) || next.search(/\S/) > indent);
}

function listItem([first, ...rest], depth) {
  const task = /^\[([ xX])\] +(.*)$/.exec(first);
  const indent = Math.min(...rest.filter((line) => line.trim()).map((line) => line.search(/\S/)), 99);
  const nested = blocks([task ? task[2] : first, ...rest.map((line) => line.slice(indent))], depth + 1);
  // A tight item's text stands directly in the item, without a paragraph's space around it.
  const content = nested[0]?.tagName === "P" ? [...nested[0].childNodes, ...nested.slice(1)] : nested;
  return task ? el("li", { class: "task" }, checkbox(task[1] !== " "), content) : el("li", {}, content);
}

function checkbox(done) {
  return el(
    "span",
    { class: "task-box", role: "img", "aria-label": done ? "Done" : "Not done", data: { done } },
    done && icon("check"),
  );
}

function inline(text, depth = 0) {
  const out = [];
  let plain = "";
  for (let at = 0; at < text.length;) {
    const found = token(text, at, depth);
    if (found && plain) out.push(unescape(plain));
    if (found) out.push(...found[0]);
    plain = found ? "" : plain + text[at];
    at += found ? found[1] : 1;
  }
  if (plain) out.push(unescape(plain));
  return out;
}

function token(text, at, depth) {
  const character = text[at];
  if (character === "\n") return [[el("br")], 1];
  if (character === "\\" && /[!-/:-@[-`{-~]/.test(text[at + 1] ?? "")) return [[text[at + 1]], 2];
  if (character === "`") return codeSpan(text, at);
  if (character === "<") return tag(text, at);
  if (character === ":") return shortcode(text, at);
  if (character === "[" || (character === "!" && text[at + 1] === "[")) return labelled(text, at, depth);
  if (character === "h" && !WORD.test(text[at - 1] ?? " ")) return bareUrl(text, at);
  return depth < DEEPEST && "*_~".includes(character) ? emphasis(text, at, depth) : null;
}

function codeSpan(text, at) {
  const mark = /^`+/.exec(text.slice(at))[0];
  const end = text.indexOf(mark, at + mark.length);
  if (end < 0) return [[mark], mark.length];
  const inside = text.slice(at + mark.length, end).replaceAll("\n", " ");
  return [[el("code", {}, unescape(inside.trim() || inside))], end - at + mark.length];
}

/** `[words](address)`. A picture is shown as a link to it: the page asks nothing of other servers. */
function labelled(text, at, depth) {
  const found =
    /^!?\[((?:[^[\]]|\[[^[\]]*\])*)\]\(\s*<?([^\s<>()]*(?:\([^\s()]*\)[^\s<>()]*)*)>?(?:\s+"[^"]*")?\s*\)/.exec(
      text.slice(at, at + 5000),
    );
  if (!found || depth >= DEEPEST) return null;
  return [
    [link(unescape(found[2]), found[0].startsWith("!") ? `🖼 ${found[1] || "picture"}` : inline(found[1], depth + 1))],
    found[0].length,
  ];
}

function emphasis(text, at, depth) {
  const [mark, name] = MARKS.find(([candidate]) => text.startsWith(candidate, at)) ?? [];
  if (!mark || /\s|^$/.test(text[at + mark.length] ?? "")) return null;
  if (mark[0] === "_" && WORD.test(text[at - 1] ?? " ")) return null;
  const end = closing(text, mark, at + mark.length);
  if (end < 0) return null;
  const inside = inline(text.slice(at + mark.length, end), depth + 1);
  return [[mark === "***" ? el("strong", {}, el("em", {}, inside)) : el(name, {}, inside)], end - at + mark.length];
}

function closing(text, mark, from) {
  for (let end = text.indexOf(mark, from + 1); end > 0; end = text.indexOf(mark, end + 1)) {
    if (/\s/.test(text[end - 1]) || text[end - 1] === "\\") continue;
    if (mark[0] === "_" && WORD.test(text[end + mark.length] ?? " ")) continue;
    // A single star next to another one belongs to a stronger mark inside.
    if (mark.length === 1 && text[end + 1] === mark) end += 1;
    else return end;
  }
  return -1;
}
