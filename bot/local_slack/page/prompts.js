// What the app suggests to write, and what it says it is doing, above the box one writes into.

import { el } from "./dom.js";
import { workspace } from "./workspace.js";

export class Prompts {
  /** `send(text)` sends what a suggestion stands for. */
  constructor(send) {
    this.send = send;
    this.status = el("p", { class: "doing", role: "status" });
    this.list = el("ul", { class: "prompts", "aria-label": "Suggestions" });
    this.node = el("div", { class: "prompts-box" }, this.status, this.list);
  }

  show(prompts, status) {
    this.status.textContent = status ? `${workspace.bot.name} ${status}` : "";
    this.list.replaceChildren(
      ...prompts.map((prompt) =>
        el(
          "li",
          {},
          el("button", { type: "button", class: "button small", on: { click: () => this.take(prompt) } }, prompt.title),
        ),
      ),
    );
  }

  take(prompt) {
    this.list.replaceChildren();
    this.send(prompt.message);
  }
}
