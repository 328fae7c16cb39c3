// The heading of a pane, with the way back to the list of channels where the window is narrow.

import { el, iconButton } from "./dom.js";

/** `openMenu` shows the list of channels; `rest` stands at the right. */
export function paneHead(openMenu, mark, title, ...rest) {
  return el(
    "header",
    { class: "pane-head" },
    iconButton("menu", "Show channels", openMenu, { class: "icon-button only-narrow" }),
    el("h1", {}, mark, el("span", {}, title)),
    rest,
  );
}
