// The dialogs an app opens: a stack of views of which the top one is seen.

import { get, post } from "./api.js";
import { drawBlocks, showErrors } from "./blocks.js";
import { el, iconButton, uid } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { Form, elementsIn } from "./form.js";
import { toast } from "./popup.js";

const forms = new Map();
let stack = [];
let shown = null;
let reading = null;
let again = false;

/** Read the person's views anew and show the top one; calls while it reads become one more reading. */
export async function refreshViews() {
  if (reading) {
    again = true;
    return reading;
  }
  reading = read().finally(() => (reading = null));
  await reading;
  if (again) {
    again = false;
    await refreshViews();
  }
}

async function read() {
  const answer = await get("/local/views");
  if (answer.ok) showStack(answer.stack);
}

function showStack(views) {
  stack = views;
  const ids = new Set(views.map((view) => view.id));
  [...forms.keys()].forEach((id) => ids.has(id) || forms.delete(id));
  const top = views.at(-1);
  if (!top) return shut();
  if (shown?.id !== top.id) open(top);
  shown.draw(top);
}

function shut() {
  shown?.dialog.close();
  shown?.dialog.remove();
  shown = null;
}

function open(view) {
  shut();
  shown = new Dialog(view);
  document.body.append(shown.dialog);
  shown.dialog.showModal();
}

function formOf(view) {
  if (!forms.has(view.id)) forms.set(view.id, new Form(view.state?.values));
  return forms.get(view.id);
}

class Dialog {
  constructor(view) {
    this.id = view.id;
    this.form = formOf(view);
    this.fresh = true;
    const titleId = uid("title");
    this.title = el("h2", { id: titleId, class: "modal-title", tabindex: "-1" });
    this.trouble = el("p", { class: "modal-trouble", role: "alert", hidden: true });
    this.body = el("div", { class: "modal-body" }, this.trouble);
    this.content = this.body.appendChild(el("div"));
    this.foot = el("footer", { class: "modal-foot" });
    const head = el(
      "header",
      { class: "modal-head" },
      this.title,
      iconButton("close", "Dismiss", () => this.leave(true)),
    );
    const form = el(
      "form",
      { class: "modal-form", novalidate: true, on: { submit: (event) => this.submit(event) } },
      head,
      this.body,
      this.foot,
    );
    this.dialog = el(
      "dialog",
      { class: "modal", "aria-labelledby": titleId, on: { cancel: (event) => this.escaped(event) } },
      form,
    );
  }

  /** What blocks and elements need of the place they stand in. */
  get surface() {
    return {
      kind: "modal",
      form: this.form,
      act: (blockId, element, action) => this.act(blockId, element, action),
      options: (blockId, element, value) =>
        post("/local/options", { view_id: this.id, block_id: blockId, action_id: element.action_id, value }),
      touched: (blockId) => this.touched(blockId),
    };
  }

  draw(view) {
    this.view = view;
    this.title.textContent = withEmoji(view.title?.text);
    this.form.keepOnly(view.blocks);
    drawBlocks(this.content, view.blocks, this.surface);
    this.drawFoot();
    if (this.fresh) this.focusFirst();
    this.fresh = false;
  }

  drawFoot() {
    const busy = this.foot.getAttribute("aria-busy") === "true";
    const [close, submit] = [this.view.close?.text, this.view.submit?.text].map(withEmoji);
    this.cancel = el(
      "button",
      { type: "button", class: "button", on: { click: () => this.leave(Boolean(this.view.clear_on_close)) } },
      close || (submit ? "Cancel" : "Close"),
    );
    this.send = submit
      ? el("button", { type: "submit", class: "button primary", "aria-busy": busy ? "true" : null }, submit)
      : null;
    const held = this.foot.contains(document.activeElement) && document.activeElement.type;
    this.foot.replaceChildren(...[this.cancel, this.send].filter(Boolean));
    if (held) (held === "submit" && this.send ? this.send : this.cancel).focus();
  }

  focusFirst() {
    const wanted = elementsIn(this.view.blocks).find(([, element]) => element.focus_on_load);
    const key = wanted && `${wanted[0]}/${wanted[1].action_id}`;
    const node = key
      ? this.content.querySelector(`[data-key="${CSS.escape(key)}"]`)
      : this.content.querySelector(".field");
    const control = node?.matches("input, textarea, button") ? node : node?.querySelector("input, textarea, button");
    (control ?? this.title).focus();
  }

  act(blockId, element, action) {
    return post("/local/action", {
      view_id: this.id,
      block_id: blockId,
      action_id: element.action_id,
      action,
      values: this.form.values(),
    });
  }

  touched(blockId) {
    const node = this.content.querySelector(`[data-block="${CSS.escape(blockId)}"]`);
    const error = node?.querySelector(".error");
    if (!error || error.hidden) return;
    error.hidden = true;
    node.querySelectorAll("[aria-invalid]").forEach((control) => control.removeAttribute("aria-invalid"));
  }

  busy(on) {
    this.foot.setAttribute("aria-busy", String(on));
    this.send?.toggleAttribute("disabled", on);
    if (on) this.send?.setAttribute("aria-busy", "true");
    else this.send?.removeAttribute("aria-busy");
  }

  complain(sentence) {
    Object.assign(this.trouble, { textContent: sentence ?? "", hidden: !sentence });
    if (sentence) this.trouble.scrollIntoView({ block: "nearest" });
  }

  async submit(event) {
    event.preventDefault();
    if (!this.send || this.foot.getAttribute("aria-busy") === "true") return;
    this.complain("");
    this.busy(true);
    const answer = await post("/local/submit", { view_id: this.id, values: this.form.values() });
    this.busy(false);
    const homeless = showErrors(this.content, answer.errors ?? {});
    const sentence = homeless.join(" ") || (answer.ok || answer.errors ? "" : answer.error);
    this.complain(sentence);
    if (answer.ok && !answer.errors) await refreshViews();
  }

  async leave(all) {
    const answer = await post("/local/close", { view_id: this.id, all: all && stack.length > 1 });
    if (!answer.ok) toast(answer.error);
    await refreshViews();
  }

  escaped(event) {
    event.preventDefault();
    this.leave(Boolean(this.view.clear_on_close));
  }
}
