// Block Kit's interactive elements, each a function from the element and where it stands to a node.

import { fileUrl, upload } from "./api.js";
import { Combobox } from "./combobox.js";
import { el, hasIcon, icon, iconButton, safeUrl, uid } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { isStateful, valueKey } from "./form.js";
import { mrkdwn } from "./mrkdwn.js";
import { confirmed, menu, toast } from "./popup.js";
import { richTextWords, wordsAsRichText } from "./richtext.js";
import { conversationTitle, isBot, partner, userName, workspace } from "./workspace.js";

/**
 * `at` says where the element stands: `{surface, blockId, id, aria, sends}`. `aria` holds the attributes that name and
 * describe the control; `sends` is whether a change goes to the app at once.
 */
export function drawElement(element, at) {
  const draw = ELEMENTS[element.type];
  if (!draw) return el("span", { class: "unknown" }, `“${element.type}” is not shown here`);
  const node = draw(element, at);
  node.dataset.key = `${at.blockId}/${element.action_id}`;
  return node;
}

export const standalone = (element, surface, blockId) => ({
  surface,
  blockId,
  id: uid("control"),
  sends: true,
  aria: element.accessibility_label || isStateful(element) ? { "aria-label": nameOf(element) } : {},
});

const nameOf = (element) => element.accessibility_label || element.placeholder?.text || NAMES[element.type] || "Choose";
const NAMES = {
  datepicker: "Date",
  timepicker: "Time",
  datetimepicker: "Date and time",
  checkboxes: "Options",
  radio_buttons: "Options",
};

/** Keep what was entered and, where the element sends, tell the app; the control is busy meanwhile. */
async function entered(element, at, value, node) {
  at.surface.form.write(at.blockId, element, value);
  at.surface.touched?.(at.blockId);
  if (at.sends) await tell(element, at, { [valueKey(element)]: value }, node);
}

async function tell(element, at, action, node) {
  if (element.confirm && !(await confirmed(element.confirm))) return false;
  node?.setAttribute("aria-busy", "true");
  const result = await at.surface.act(at.blockId, element, action);
  node?.removeAttribute("aria-busy");
  if (!result.ok) toast(result.error);
  return result.ok;
}

function button(element, at) {
  const look = { primary: "button primary", danger: "button danger" }[element.style] ?? "button";
  const href = element.url ? safeUrl(element.url) : null;
  const press = () => node.getAttribute("aria-busy") || tell(element, at, {}, node);
  const node = el(
    href ? "a" : "button",
    {
      ...at.aria,
      class: look,
      type: href ? null : "button",
      href,
      target: href && "_blank",
      rel: href && "noopener noreferrer",
      on: { click: press },
    },
    withEmoji(element.text?.text),
  );
  return node;
}

const plainOption = (option) => ({
  value: option.value,
  label: withEmoji(option.text?.text),
  description: withEmoji(option.description?.text),
  raw: option,
});
const group = (options, label = "") => ({ label, options });

function matching(groups, words) {
  const wanted = words.toLowerCase();
  const fits = (option) => `${option.label} ${option.description ?? ""}`.toLowerCase().includes(wanted);
  return groups.map((each) => group(each.options.filter(fits), each.label)).filter((each) => each.options.length);
}

const staticGroups = (element) =>
  element.option_groups
    ? element.option_groups.map((each) => group(each.options.map(plainOption), withEmoji(each.label?.text)))
    : [group((element.options ?? []).map(plainOption))];

/** A select over `{value, label}` options; `store` and `restore` turn them into what Slack keeps and back. */
function select(element, at, { load, store, restore, minimum = 0, delay = 0 }) {
  const multiple = element.type.startsWith("multi_");
  const saved = at.surface.form.read(at.blockId, element);
  const box = new Combobox({
    id: at.id,
    attributes: at.aria,
    placeholder: withEmoji(element.placeholder?.text) || undefined,
    multiple,
    minimum,
    delay,
    load,
    most: element.max_selected_items ?? Infinity,
    chosen: (multiple ? saved : [saved]).filter(Boolean).map(restore),
    changed: (chosen) =>
      entered(element, at, multiple ? chosen.map(store) : chosen.length ? store(chosen[0]) : null, box.node),
  });
  return box.node;
}

const byOption = { store: (chosen) => chosen.raw, restore: plainOption };
const staticSelect = (element, at) =>
  select(element, at, { ...byOption, load: async (words) => matching(staticGroups(element), words) });

function externalSelect(element, at) {
  const load = async (words) => {
    const found = await at.surface.options(at.blockId, element, words);
    if (!found.ok) toast(found.error);
    return staticGroups(found);
  };
  return select(element, at, { ...byOption, load, minimum: element.min_query_length ?? 3, delay: 180 });
}

const byId = (name) => ({ store: (chosen) => chosen.value, restore: (id) => ({ value: id, label: name(id) }) });
const listed = (name, ids) => ({
  ...byId(name),
  load: async (words) => matching([group(ids().map((id) => ({ value: id, label: name(id) })))], words),
});

const people = () => [...workspace.users.keys()];
const title = (id) => (workspace.channels.has(id) ? conversationTitle(workspace.channels.get(id)) : id);
const publicChannels = () =>
  [...workspace.channels.values()].filter((channel) => channel.kind === "public").map((channel) => channel.id);

function usersSelect(element, at) {
  return select(element, at, listed(userName, people));
}

function channelsSelect(element, at) {
  return select(element, at, listed(title, publicChannels));
}

function conversationsSelect(element, at) {
  const { include, exclude_bot_users: noBots } = element.filter ?? {};
  const fits = (channel) =>
    (!include || include.includes(channel.kind)) && !(noBots && channel.kind === "im" && isBot(partner(channel)));
  const here = element.default_to_current_conversation && at.surface.channel;
  const start = here
    ? { ...element, initial_conversation: element.initial_conversation ?? at.surface.channel }
    : element;
  return select(
    start,
    at,
    listed(title, () => [...workspace.channels.values()].filter(fits).map((channel) => channel.id)),
  );
}

/** Checkboxes and radio buttons share everything but how many may be chosen. */
function choices(element, at) {
  const many = element.type === "checkboxes";
  const saved = at.surface.form.read(at.blockId, element);
  const on = new Set((many ? saved : [saved]).filter(Boolean).map((option) => option.value));
  const name = uid("choice");
  const changed = () => {
    const picked = element.options.filter((_, index) => boxes[index].checked);
    entered(element, at, many ? picked : (picked[0] ?? null), node);
  };
  const boxes = element.options.map((option) =>
    el("input", {
      type: many ? "checkbox" : "radio",
      id: uid("choice"),
      name,
      checked: on.has(option.value),
      on: { change: changed },
    }),
  );
  const node = el(
    "div",
    { class: "choices", role: many ? "group" : "radiogroup", id: at.id, ...at.aria },
    element.options.map((option, index) => choice(option, boxes[index])),
  );
  return node;
}

function choice(option, box) {
  const words = (text) => (text.type === "mrkdwn" ? mrkdwn(text.text) : withEmoji(text.text));
  const about = option.description && el("small", { id: uid("about") }, words(option.description));
  if (about) box.setAttribute("aria-describedby", about.id);
  return el("div", { class: "choice" }, box, el("div", {}, el("label", { for: box.id }, words(option.text)), about));
}

function picker(type, toControl, toSlack) {
  return (element, at) => {
    const saved = at.surface.form.read(at.blockId, element);
    const changed = () => entered(element, at, node.value ? toSlack(node.value) : null, node);
    const node = el("input", { type, id: at.id, class: "input picker", ...at.aria, on: { change: changed } });
    node.value = saved === null ? "" : toControl(saved);
    return node;
  };
}

const same = (value) => value;
const seconds = (local) => Math.floor(new Date(local).getTime() / 1000);
const localTime = (at) =>
  new Date(at * 1000 - new Date(at * 1000).getTimezoneOffset() * 60000).toISOString().slice(0, 16);

/** Text inputs of all kinds. The app hears of them on Enter or on every letter, as the element's config asks. */
function textInput(type, { toControl = same, toSlack = same, lines = () => false, mode = null } = {}) {
  return (element, at) => {
    const many = lines(element);
    const silent = { ...at, sends: false };
    const when = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
    const changed = () => {
      entered(element, silent, node.value ? toSlack(node.value) : null, node);
      count.update();
      if (at.sends && when.includes("on_character_entered")) tell(element, at, { value: node.value }, null);
    };
    const pressed = (event) => {
      if (event.key === "Enter" && !many && at.sends && when.includes("on_enter_pressed")) {
        event.preventDefault();
        tell(element, at, { value: node.value }, null);
      }
    };
    const node = el(many ? "textarea" : "input", {
      id: at.id,
      class: "input",
      type: many ? null : type,
      rows: many ? 4 : null,
      inputmode: mode,
      autocomplete: "off",
      placeholder: withEmoji(element.placeholder?.text) || null,
      ...at.aria,
      on: { input: changed, keydown: pressed },
    });
    const saved = at.surface.form.read(at.blockId, element);
    node.value = saved === null ? "" : toControl(saved);
    const count = counter(node, element);
    count.update();
    return el("div", { class: "text-input" }, node, count.node);
  };
}

/** How many characters are left, once that begins to matter. */
function counter(node, element) {
  const most = element.max_length ?? (element.type === "plain_text_input" ? 3000 : Infinity);
  const least = element.min_length ?? 0;
  const note = el("span", { class: "counter", role: "status" });
  const update = () => {
    const length = node.value.length;
    const left = most - length;
    note.classList.toggle("over", left < 0);
    if (left < 0) note.textContent = `${-left} too many`;
    else if (length && length < least) note.textContent = `${least - length} more needed`;
    else note.textContent = Number.isFinite(left) && left <= Math.max(20, most * 0.1) ? `${left} left` : "";
  };
  return { node: note, update };
}

function fileInput(element, at) {
  const most = element.max_files ?? 10;
  const list = el("ul", { class: "file-list" });
  const files = () => at.surface.form.read(at.blockId, element);
  const draw = () =>
    list.replaceChildren(
      ...files().map((file) =>
        el(
          "li",
          {},
          icon("file"),
          el("a", { href: fileUrl(file.id), download: file.name }, file.name),
          iconButton("close", `Remove ${file.name}`, () => set(files().filter((other) => other.id !== file.id))),
        ),
      ),
    );
  const set = (next) => {
    entered(element, at, next, node);
    draw();
  };
  const add = async () => {
    for (const file of [...input.files].slice(0, most - files().length)) {
      node.setAttribute("aria-busy", "true");
      const sent = await upload(file);
      node.removeAttribute("aria-busy");
      if (sent.ok)
        set([...files(), { id: sent.id, name: file.name, mimetype: file.type, size: file.size, ...sent.file }]);
      else toast(sent.error);
    }
    input.value = "";
  };
  const accept = (element.filetypes ?? []).map((kind) => `.${kind}`).join(",");
  const input = el("input", {
    type: "file",
    id: at.id,
    accept: accept || null,
    multiple: most > 1,
    ...at.aria,
    on: { change: add },
  });
  const node = el("div", { class: "file-input" }, input, list);
  draw();
  return node;
}

function overflow(element, at) {
  const choose = (option) => () => tell(element, at, { selected_option: option }, node);
  const items = () =>
    element.options.map((option) => ({
      ...plainOption(option),
      href: option.url && safeUrl(option.url),
      choose: choose(option),
    }));
  const node = iconButton(
    "more",
    element.accessibility_label || "More options",
    () => menu(node, "More options", items()),
    { "aria-haspopup": "menu", "aria-expanded": "false" },
  );
  return node;
}

function feedbackButtons(element, at) {
  const one = (choice, mark) => {
    const node = iconButton(
      mark,
      choice.accessibility_label || choice.text.text,
      async () => {
        if (await tell(element, at, { value: choice.value, text: choice.text }, node))
          pair.forEach((other) => other.setAttribute("aria-pressed", String(other === node)));
      },
      { "aria-pressed": "false" },
    );
    return node;
  };
  const pair = [one(element.positive_button, "up"), one(element.negative_button, "down")];
  return el("span", { class: "feedback" }, pair);
}

function pictureButton(element, at) {
  const node = iconButton(
    hasIcon(element.icon) ? element.icon : "bolt",
    element.accessibility_label || element.text.text,
    () => tell(element, at, {}, node),
  );
  return node;
}

const richTextInput = textInput("text", { toControl: richTextWords, toSlack: wordsAsRichText, lines: () => true });

const ELEMENTS = {
  button,
  workflow_button: button,
  static_select: staticSelect,
  multi_static_select: staticSelect,
  external_select: externalSelect,
  multi_external_select: externalSelect,
  users_select: usersSelect,
  multi_users_select: usersSelect,
  channels_select: channelsSelect,
  multi_channels_select: channelsSelect,
  conversations_select: conversationsSelect,
  multi_conversations_select: conversationsSelect,
  checkboxes: choices,
  radio_buttons: choices,
  datepicker: picker("date", same, same),
  timepicker: picker("time", same, same),
  datetimepicker: picker("datetime-local", localTime, seconds),
  plain_text_input: textInput("text", { lines: (element) => Boolean(element.multiline) }),
  number_input: textInput("text", { mode: "decimal" }),
  email_text_input: textInput("email"),
  url_text_input: textInput("url"),
  rich_text_input: richTextInput,
  file_input: fileInput,
  overflow,
  feedback_buttons: feedbackButtons,
  icon_button: pictureButton,
};
