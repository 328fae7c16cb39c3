// Block Kit to DOM: one function per block type, and drawing them again in place.

import { fileUrl } from "./api.js";
import { el, fragment, icon, iconButton, link, safeUrl, uid } from "./dom.js";
import { drawElement, standalone } from "./elements.js";
import { withEmoji } from "./emoji.js";
import { markdown } from "./markdown.js";
import { mrkdwn } from "./mrkdwn.js";
import { plan, taskCard } from "./plan.js";
import { closeOrphans } from "./popup.js";
import { richText } from "./richtext.js";
import { dataTable, table } from "./tables.js";

/**
 * Draw `blocks` into `container`. A block that has not changed keeps its nodes, so that focus, typed text, open lists
 * and the place in a long message survive an update; a changed one gets its focus and opened parts back.
 */
export function drawBlocks(container, blocks, surface) {
  const old = new Map([...container.children].map((node) => [node.dataset.block, node]));
  const held = focusWithin(container);
  const next = blocks.map((block, index) => {
    const key = block.block_id || `${index}`;
    const source = JSON.stringify(block);
    const before = old.get(key);
    if (before?.source === source) return before;
    const node = drawBlock(block, surface);
    node.dataset.block = key;
    node.source = source;
    if (before) keepOpened(before, node);
    return node;
  });
  settle(container, next);
  closeOrphans();
  held?.();
}

/** Make `nodes` the children of `parent` without touching those that already stand right. */
export function settle(parent, nodes) {
  const wanted = new Set(nodes);
  [...parent.childNodes].forEach((node) => wanted.has(node) || node.remove());
  nodes.forEach(
    (node, index) => parent.childNodes[index] === node || parent.insertBefore(node, parent.childNodes[index] ?? null),
  );
}

function keepOpened(before, after) {
  for (const part of before.querySelectorAll("details[data-key]")) {
    const same = [after, ...after.querySelectorAll("details")].find((node) => node.dataset?.key === part.dataset.key);
    if (same && part.dataset.touched) Object.assign(same, { open: part.open }).dataset.touched = "yes";
  }
  const root = before.matches("details") && before.dataset.touched ? before : null;
  if (root && after.matches("details")) Object.assign(after, { open: root.open }).dataset.touched = "yes";
}

document.addEventListener("click", (event) => {
  const details = event.target.closest?.("summary")?.parentElement;
  if (details) details.dataset.touched = "yes";
});

/** A function that puts the focus back on the same control, with its selection, after a redraw. */
function focusWithin(container) {
  const active = document.activeElement;
  const key = container.contains(active) && active.closest("[data-key]")?.dataset.key;
  if (!key) return null;
  const selection = active.selectionStart === undefined ? null : [active.selectionStart, active.selectionEnd];
  return () => {
    if (active.isConnected) return;
    const node = container.querySelector(`[data-key="${CSS.escape(key)}"]`);
    const control = node?.matches("input, textarea, button, a") ? node : node?.querySelector("input, textarea, button");
    control?.focus({ preventScroll: true });
    if (selection && control?.setSelectionRange && /^(text|url|textarea)$/.test(control.type))
      control.setSelectionRange(...selection);
  };
}

function drawBlock(block, surface) {
  const draw = Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : null;
  return draw ? draw(block, surface) : el("p", { class: "unknown" }, `“${block.type}” blocks are not shown here`);
}

/** A Slack text object: mrkdwn or plain. */
const words = (text) =>
  text?.type === "mrkdwn" ? mrkdwn(text.text, text) : withEmoji(typeof text === "string" ? text : text?.text);
const place = (element, surface, block) => drawElement(element, standalone(element, surface, block.block_id));

function section(block, surface) {
  const fields = block.fields?.map((field) => el("div", { class: "section-field" }, words(field)));
  const main = el(
    "div",
    { class: "section-text" },
    block.text && words(block.text),
    fields && el("div", { class: "section-fields" }, fields),
  );
  const side =
    block.accessory &&
    el(
      "div",
      { class: "accessory" },
      block.accessory.type === "image" ? picture(block.accessory, "thumb") : place(block.accessory, surface, block),
    );
  return el("div", { class: "block section" }, main, side);
}

function context(block) {
  return el(
    "div",
    { class: "block context" },
    block.elements.map((element) =>
      element.type === "image" ? picture(element, "tiny") : el("span", {}, words(element)),
    ),
  );
}

/** Pictures from this workspace are shown; others become links, because the page asks nothing of other servers. */
function picture(image, look) {
  const id = image.slack_file?.id ?? /\b(F[A-Z0-9]{5,})\b/.exec(image.slack_file?.url ?? "")?.[1];
  const address = id ? fileUrl(id, true) : image.image_url;
  const here = id || safeUrl(address)?.startsWith(`${location.origin}/`);
  const shown = el("img", { class: look, src: address, alt: image.alt_text ?? "", loading: "lazy" });
  if (here && look === "wide") return el("a", { href: address, target: "_blank", rel: "noopener" }, shown);
  if (here) return shown;
  return el("span", { class: `absent ${look}` }, link(address, `🖼 ${image.alt_text || "picture"}`));
}

function image(block) {
  return el(
    "figure",
    { class: "block image" },
    block.title && el("figcaption", {}, words(block.title)),
    picture(block, "wide"),
  );
}

function actions(block, surface) {
  return el(
    "div",
    { class: "block actions" },
    block.elements.map((element) => place(element, surface, block)),
  );
}

const GROUPED = ["checkboxes", "radio_buttons"];

function input(block, surface) {
  const [id, labelId, hintId, errorId, optionalId] = ["control", "label", "hint", "error", "optional"].map(uid);
  const grouped = GROUPED.includes(block.element.type);
  const about = [block.optional && optionalId, block.hint && hintId, errorId].filter(Boolean).join(" ");
  const aria = {
    "aria-describedby": about,
    "aria-required": block.optional ? null : "true",
    ...(grouped ? { "aria-labelledby": labelId } : {}),
  };
  const name = el(
    grouped ? "span" : "label",
    { id: labelId, class: "label", for: grouped ? null : id },
    withEmoji(block.label.text),
  );
  return el(
    "div",
    { class: "block field" },
    el(
      "div",
      { class: "label-line" },
      name,
      block.optional && el("span", { id: optionalId, class: "optional" }, "optional"),
    ),
    drawElement(block.element, { surface, blockId: block.block_id, id, aria, sends: Boolean(block.dispatch_action) }),
    block.hint && el("p", { id: hintId, class: "hint" }, words(block.hint)),
    el("p", { id: errorId, class: "error", hidden: true }),
  );
}

/** Show `errors` ({block_id: sentence}) under their fields and move to the first; answers the ones with no field. */
export function showErrors(container, errors) {
  const left = { ...errors };
  let first = null;
  for (const node of container.querySelectorAll(".field")) {
    const sentence = errors[node.dataset.block];
    const control = node.querySelector(
      "input:not([type=checkbox], [type=radio]), textarea, [role=group], [role=radiogroup]",
    );
    Object.assign(node.querySelector(".error"), { textContent: sentence ?? "", hidden: !sentence });
    if (sentence) control?.setAttribute("aria-invalid", "true");
    else control?.removeAttribute("aria-invalid");
    if (sentence) first ??= control?.matches("[role]:not(input)") ? control.querySelector("input") : control;
    delete left[node.dataset.block];
  }
  first?.focus();
  return Object.values(left);
}

const LEVELS = {
  info: ["info", "Note"],
  warning: ["warning", "Warning"],
  error: ["cross", "Error"],
  success: ["check", "Done"],
  default: ["info", "Note"],
};

function alert(block) {
  const level = LEVELS[block.level] ? block.level : "default";
  const [mark, word] = LEVELS[level];
  return el(
    "div",
    { class: "block alert", role: "note", "aria-label": word, data: { level } },
    icon(mark),
    el("div", {}, words(block.text)),
  );
}

function card(block, surface) {
  const head = el(
    "div",
    { class: "card-head" },
    block.icon && picture(block.icon, "tiny"),
    el(
      "div",
      {},
      block.title && el("strong", {}, words(block.title)),
      block.subtitle && el("div", { class: "card-sub" }, words(block.subtitle)),
    ),
  );
  return el(
    "div",
    { class: "block card" },
    block.hero_image && picture(block.hero_image, "hero"),
    head,
    block.body && el("div", { class: "card-body" }, words(block.body)),
    block.actions?.length &&
      el(
        "div",
        { class: "actions" },
        block.actions.map((element) => place(element, surface, block)),
      ),
  );
}

function carousel(block, surface) {
  const track = el(
    "div",
    { class: "carousel-track", tabindex: "0" },
    (block.elements ?? []).map((each) => card({ ...each, block_id: each.block_id ?? block.block_id }, surface)),
  );
  const turn = (step) => () => track.scrollBy({ left: step * 260, behavior: "smooth" });
  return el(
    "div",
    { class: "block carousel", role: "group", "aria-label": "Cards" },
    track,
    el(
      "div",
      { class: "carousel-turn" },
      iconButton("back", "Previous cards", turn(-1)),
      iconButton("back", "Next cards", turn(1)),
    ),
  );
}

function container(block, surface) {
  const body = el("div", { class: "container-body" });
  drawBlocks(body, block.child_blocks ?? [], surface);
  const title = fragment(
    el("strong", {}, block.rich_text_title ? richText(block.rich_text_title) : words(block.title)),
    block.subtitle && el("small", {}, words(block.subtitle)),
  );
  const look = { class: "block container", data: { width: block.width ?? "standard" } };
  if (!block.is_collapsible) return el("div", look, el("div", { class: "container-head" }, title), body);
  const node = el(
    "details",
    { ...look, open: !block.default_collapsed },
    el("summary", { class: "container-head" }, title, icon("chevron")),
    body,
  );
  node.dataset.key = `container-${block.block_id ?? ""}`;
  return node;
}

const BLOCKS = {
  section,
  context,
  image,
  actions,
  input,
  alert,
  card,
  carousel,
  container,
  divider: () => el("hr", { class: "block divider" }),
  header: (block) => el("h3", { class: "block header" }, words(block.text)),
  rich_text: (block) => el("div", { class: "block prose" }, richText(block)),
  markdown: (block) => el("div", { class: "block prose" }, markdown(block.text)),
  table: (block) => el("div", { class: "block" }, table(block)),
  data_table: (block) => el("div", { class: "block" }, dataTable(block)),
  plan: (block) => el("div", { class: "block" }, plan(block)),
  task_card: (block) => el("div", { class: "block plan plan-single" }, taskCard(block)),
  context_actions: (block, surface) =>
    el(
      "div",
      { class: "block context-actions" },
      block.elements.map((element) => place(element, surface, block)),
    ),
};

/** A message's or preview's plain text, drawn like a block. */
BLOCKS["plain text"] = (block) => el("div", { class: "block prose" }, mrkdwn(block.text));
