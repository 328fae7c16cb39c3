// Small things that open over the page: lists, menus, confirmations and passing notices.

import { el, iconButton, uid } from "./dom.js";

const opened = new Set();

/** Close what was opened from a control that a redraw has taken away. */
export function closeOrphans() {
  for (const each of opened) if (!each.anchor.isConnected) each.close();
}

/**
 * Show `panel` under `anchor` (or above, where there is more room) until `close()`, Escape or a press outside.
 * It lives in the browser's top layer, so that no scrolling box or dialog clips it.
 */
export function popup(anchor, panel, { onClose = () => {}, wide = false } = {}) {
  panel.setAttribute("popover", "manual");
  (anchor.closest("dialog") ?? document.body).append(panel);
  panel.showPopover();
  const place = () => position(anchor, panel, wide);
  const outside = (event) => panel.contains(event.target) || anchor.contains(event.target) || close();
  const close = () => {
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("scroll", place, true);
    removeEventListener("resize", place);
    opened.delete(handle);
    panel.remove();
    onClose();
  };
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("scroll", place, true);
  addEventListener("resize", place);
  const handle = { anchor, close, place };
  opened.add(handle);
  place();
  return handle;
}

function position(anchor, panel, wide) {
  const box = anchor.getBoundingClientRect();
  panel.style.minWidth = wide ? `${box.width}px` : "";
  panel.style.maxWidth = wide ? `${Math.max(box.width, 200)}px` : "";
  const below = innerHeight - box.bottom;
  const above = below < Math.min(panel.scrollHeight, 280) + 12 && box.top > below;
  panel.style.maxHeight = `${Math.min(320, (above ? box.top : below) - 16)}px`;
  panel.style.left = `${Math.max(8, Math.min(box.left, innerWidth - panel.offsetWidth - 8))}px`;
  panel.style.top = above ? `${box.top - panel.offsetHeight - 6}px` : `${box.bottom + 6}px`;
}

/** A menu of `{label, description, href, choose}`; arrows move, Escape closes, focus returns to the button. */
export function menu(button, label, items) {
  const nodes = items.map((item) =>
    el(
      item.href ? "a" : "button",
      {
        role: "menuitem",
        class: "menu-item",
        tabindex: "-1",
        type: item.href ? null : "button",
        href: item.href,
        target: item.href ? "_blank" : null,
        rel: item.href ? "noopener noreferrer" : null,
        on: {
          click: () => {
            open.close();
            item.choose?.();
          },
        },
      },
      el("span", {}, item.label),
      item.description && el("small", {}, item.description),
    ),
  );
  const panel = el("div", { class: "menu", role: "menu", "aria-label": label }, nodes);
  button.setAttribute("aria-expanded", "true");
  const open = popup(button, panel, { onClose: () => button.setAttribute("aria-expanded", "false") });
  panel.addEventListener("keydown", (event) => {
    const at = nodes.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: nodes.length - 1 }[event.key];
    if (next !== undefined) nodes.at(next % nodes.length).focus();
    else if (["Escape", "Tab"].includes(event.key)) {
      open.close();
      button.focus();
    } else return;
    event.preventDefault();
  });
  nodes[0]?.focus();
}

/** Ask Slack's confirm object of the person; resolves to whether they agreed. */
export function confirmed(confirm) {
  return new Promise((resolve) => {
    const [title, text] = [uid("title"), uid("text")];
    const answer = (value) => {
      dialog.close();
      dialog.remove();
      resolve(value);
    };
    const yes = el(
      "button",
      {
        type: "button",
        class: confirm.style === "danger" ? "button danger" : "button primary",
        on: { click: () => answer(true) },
      },
      confirm.confirm?.text ?? "Yes",
    );
    const dialog = el(
      "dialog",
      {
        class: "modal modal-small",
        role: "alertdialog",
        "aria-labelledby": title,
        "aria-describedby": text,
        on: {
          cancel: (event) => {
            event.preventDefault();
            answer(false);
          },
        },
      },
      el("h2", { id: title, class: "modal-title" }, confirm.title?.text ?? "Are you sure?"),
      el("p", { id: text, class: "modal-body" }, confirm.text?.text ?? ""),
      el(
        "footer",
        { class: "modal-foot" },
        el(
          "button",
          { type: "button", class: "button", on: { click: () => answer(false) } },
          confirm.deny?.text ?? "Cancel",
        ),
        yes,
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
    yes.focus();
  });
}

let toasts = null;

/** A passing notice of what went wrong, announced at once. */
export function toast(text) {
  toasts ??= document.body.appendChild(el("div", { class: "toasts", popover: "manual" }));
  const node = el("div", { class: "toast", role: "alert" }, el("span", {}, text));
  const away = () => {
    clearTimeout(timer);
    node.remove();
    if (!toasts.childElementCount && toasts.matches(":popover-open")) toasts.hidePopover();
  };
  node.append(iconButton("close", "Dismiss notice", away));
  // A dialog makes everything outside it inert, so the notice moves into the open one.
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(toasts);
  if (toasts.matches(":popover-open")) toasts.hidePopover();
  toasts.append(node);
  toasts.showPopover();
  const timer = setTimeout(away, 12000);
}
