// An accessible combobox with typeahead, groups and, when several may be chosen, removable tokens.

import { el, icon, iconButton, uid } from "./dom.js";
import { popup } from "./popup.js";

/**
 * `load(words)` resolves to groups `[{label, options: [{value, label, description}]}]`; `changed(chosen)` gets the options.
 * `minimum` is how many characters must be typed before `load` is asked.
 */
export class Combobox {
  constructor({
    id,
    placeholder,
    attributes = {},
    multiple = false,
    most = Infinity,
    minimum = 0,
    delay = 0,
    chosen = [],
    load,
    changed,
  }) {
    Object.assign(this, {
      multiple,
      most,
      minimum,
      delay,
      chosen,
      load,
      changed,
      active: -1,
      options: [],
      nodes: [],
      asked: 0,
    });
    this.listId = uid("list");
    this.placeholder = placeholder ?? (multiple ? "Choose some" : "Choose one");
    this.input = el("input", {
      id,
      type: "text",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      "aria-expanded": "false",
      "aria-controls": this.listId,
      "aria-autocomplete": "list",
      "aria-haspopup": "listbox",
      ...attributes,
      on: {
        focus: () => this.input.select(),
        click: () => this.open(),
        input: () => {
          this.typed = true;
          this.open();
          this.refresh();
        },
        keydown: (event) => this.key(event),
        blur: () => this.close(),
      },
    });
    this.tokens = el("span", { class: "tokens" });
    this.node = el(
      "div",
      { class: multiple ? "combobox combobox-many" : "combobox", on: { click: () => this.input.focus() } },
      this.tokens,
      this.input,
      icon("chevron"),
    );
    this.show();
  }

  show() {
    this.tokens.replaceChildren(...(this.multiple ? this.chosen.map((option) => this.token(option)) : []));
    this.typed = false;
    this.input.value = this.multiple ? "" : (this.chosen[0]?.label ?? "");
    this.input.placeholder = this.multiple && this.chosen.length ? "" : this.placeholder;
  }

  token(option) {
    const remove = () => {
      this.choose(this.chosen.filter((other) => other.value !== option.value));
      this.input.focus();
    };
    return el(
      "span",
      { class: "token" },
      option.label,
      iconButton("close", `Remove ${option.label}`, (event) => {
        event.stopPropagation();
        remove();
      }),
    );
  }

  choose(options) {
    this.chosen = options;
    this.show();
    this.changed(options);
  }

  open() {
    if (this.popup || this.input.disabled) return;
    this.active = -1;
    this.panel = el("div", {
      id: this.listId,
      class: "listbox",
      role: "listbox",
      "aria-label": "Choices",
      "aria-multiselectable": this.multiple ? "true" : null,
    });
    // Pressing an option must not take the focus away from the input before the choice is made.
    this.panel.addEventListener("pointerdown", (event) => event.preventDefault());
    this.panel.addEventListener("mousedown", (event) => event.preventDefault());
    this.popup = popup(this.node, this.panel, { wide: true, onClose: () => this.closed() });
    this.input.setAttribute("aria-expanded", "true");
    this.refresh();
  }

  close() {
    this.popup?.close();
    if (this.typed) this.show();
  }

  closed() {
    this.popup = null;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  refresh() {
    const words = this.typed ? this.input.value.trim() : "";
    clearTimeout(this.timer);
    if (words.length < this.minimum)
      return this.fill([], `Type ${this.minimum === 1 ? "a letter" : `${this.minimum} letters`} to search`);
    const number = ++this.asked;
    if (this.delay) this.fill([], "Searching…");
    this.timer = setTimeout(
      async () => {
        const groups = await this.load(words);
        if (number === this.asked && this.popup)
          this.fill(groups, words ? `Nothing matches “${words}”` : "There is nothing to choose from");
      },
      this.delay && words ? this.delay : 0,
    );
  }

  fill(groups, nothing) {
    this.options = groups.flatMap((group) => group.options);
    this.nodes = [];
    const draw = (group) => group.options.map((option) => this.nodes[this.nodes.push(this.optionNode(option)) - 1]);
    const content = groups.map((group) =>
      group.label
        ? el(
            "div",
            { role: "group", "aria-label": group.label },
            el("div", { class: "group-label", "aria-hidden": "true" }, group.label),
            draw(group),
          )
        : draw(group),
    );
    this.panel.replaceChildren(
      ...(this.options.length ? content.flat() : [el("div", { class: "nothing", role: "status" }, nothing)]),
    );
    const current = this.options.findIndex((option) => this.isChosen(option));
    // In a list of several, the place stays where the last choice was made.
    if (this.multiple && !this.typed) this.move(Math.min(Math.max(this.active, 0), this.nodes.length - 1));
    else this.move(this.typed ? 0 : Math.max(current, 0));
    this.popup.place();
  }

  isChosen(option) {
    return this.chosen.some((other) => other.value === option.value);
  }

  optionNode(option) {
    const node = el(
      "div",
      {
        id: uid("option"),
        class: "option",
        role: "option",
        "aria-selected": String(this.isChosen(option)),
        on: {
          click: (event) => {
            event.stopPropagation();
            this.pick(option);
          },
        },
      },
      el("span", { class: "option-label" }, option.label),
      option.description && el("small", {}, option.description),
    );
    return node;
  }

  pick(option) {
    if (!this.multiple) {
      this.popup?.close();
      return this.choose([option]);
    }
    if (this.isChosen(option)) this.choose(this.chosen.filter((other) => other.value !== option.value));
    else if (this.chosen.length < this.most) this.choose([...this.chosen, option]);
    this.active = this.options.indexOf(option);
    if (this.popup) this.refresh();
  }

  move(to) {
    this.nodes[this.active]?.classList.remove("active");
    this.active = this.nodes.length ? (to + this.nodes.length) % this.nodes.length : -1;
    const node = this.nodes[this.active];
    node?.classList.add("active");
    node?.scrollIntoView({ block: "nearest" });
    if (node) this.input.setAttribute("aria-activedescendant", node.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    const open = Boolean(this.popup);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (open) this.move(this.active + (event.key === "ArrowDown" ? 1 : -1));
      else this.open();
    } else if (event.key === "Enter" && open && this.active >= 0) this.pick(this.options[this.active]);
    else if (event.key === "Escape" && open) {
      this.popup.close();
      this.show();
    } else if (event.key === "Backspace" && this.multiple && !this.input.value && this.chosen.length)
      return this.choose(this.chosen.slice(0, -1));
    else if (event.key === "Backspace" && !this.multiple && this.chosen.length && !this.typed) {
      this.choose([]);
      this.open();
    } else if (event.key === "Enter") return this.open();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
