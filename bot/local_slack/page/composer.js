// Where a person types: messages, mentions, slash commands and files.

import { post, upload } from "./api.js";
import { el, icon, iconButton, uid } from "./dom.js";
import { menu, popup, toast } from "./popup.js";
import { isBot, userName, workspace } from "./workspace.js";

const INVITE = { command: "/invite", description: "Add the app to this channel" };

export class Composer {
  constructor({ channel, thread = null, label }) {
    Object.assign(this, { channel, thread, files: [], matches: [], active: 0 });
    this.draft = `draft ${workspace.me.id} ${channel} ${thread ?? ""}`;
    this.listId = uid("list");
    this.text = el("textarea", {
      rows: 1,
      "aria-label": label,
      placeholder: label,
      "aria-autocomplete": "list",
      "aria-controls": this.listId,
      autocomplete: "off",
      on: {
        input: () => this.typed(),
        keydown: (event) => this.key(event),
        click: () => this.complete(),
        blur: () => this.closeList(),
        paste: (event) => this.pasted(event),
      },
    });
    this.picker = el("input", {
      type: "file",
      multiple: true,
      hidden: true,
      "aria-label": "Files to attach",
      on: { change: () => this.attach([...this.picker.files]) },
    });
    this.chips = el("ul", { class: "chips", "aria-label": "Attached files" });
    this.usage = el("p", { class: "usage", role: "status" });
    this.send = el(
      "button",
      { type: "submit", class: "send", "aria-label": thread ? "Send reply" : "Send message", title: "Send" },
      icon("send"),
    );
    this.box = el(
      "div",
      { class: "composer-box" },
      this.chips,
      this.text,
      el(
        "div",
        { class: "composer-tools" },
        iconButton("clip", "Attach files", () => this.picker.click()),
        this.picker,
        this.shortcuts(),
        el("span", { class: "composer-hint" }, "Enter to send, Shift + Enter for a new line"),
        this.send,
      ),
    );
    this.node = el("form", { class: "composer", on: { submit: (event) => this.submit(event) } }, this.usage, this.box);
    this.text.value = sessionStorage.getItem(this.draft) ?? "";
    this.grow();
  }

  shortcuts() {
    const offered = workspace.shortcuts.filter((shortcut) => shortcut.type === "global");
    if (!offered.length) return null;
    const run = (shortcut) => async () =>
      this.report(await post("/local/shortcut", { callback_id: shortcut.callback_id, channel: this.channel }));
    const button = iconButton(
      "bolt",
      "Shortcuts",
      () =>
        menu(
          button,
          "Shortcuts",
          offered.map((shortcut) => ({
            label: shortcut.name,
            description: shortcut.description,
            choose: run(shortcut),
          })),
        ),
      { "aria-haspopup": "menu", "aria-expanded": "false" },
    );
    return button;
  }

  report(answer) {
    if (!answer.ok) toast(answer.error);
    return answer.ok;
  }

  focus() {
    this.text.focus();
  }

  /** As tall as its text, up to a third of the window. */
  grow() {
    requestAnimationFrame(() => {
      this.text.style.height = "auto";
      this.text.style.height = `${Math.min(this.text.scrollHeight, innerHeight / 3)}px`;
    });
  }

  typed() {
    sessionStorage.setItem(this.draft, this.text.value);
    this.grow();
    this.showUsage();
    this.complete();
  }

  showUsage() {
    const word = /^(\/\S+)\s/.exec(this.text.value)?.[1];
    const command = this.commands().find((each) => each.command === word);
    this.usage.replaceChildren(
      ...(command?.usage_hint ? [el("code", {}, command.command), ` ${command.usage_hint}`] : []),
    );
  }

  commands() {
    return [...workspace.commands, { ...INVITE, usage_hint: `@${workspace.bot.name}` }];
  }

  /** Offer commands after a first "/", people after an "@". */
  complete() {
    const before = this.text.value.slice(0, this.text.selectionStart);
    const command = /^\/\S*$/.exec(before);
    const person = /(?:^|\s)@([\p{L}\p{N}._-]*)$/u.exec(before);
    if (command) this.offer(this.commandMatches(before.toLowerCase()), before);
    else if (person) this.offer(this.peopleMatches(person[1].toLowerCase()), `@${person[1]}`);
    else this.closeList();
  }

  commandMatches(start) {
    return this.commands()
      .filter((each) => each.command.startsWith(start))
      .map((each) => ({ insert: each.command, title: each.command, usage: each.usage_hint, about: each.description }));
  }

  peopleMatches(start) {
    const fits = (user) => [user.name, user.real_name].some((name) => name?.toLowerCase().startsWith(start));
    return [...workspace.users.values()].filter(fits).map((user) => ({
      insert: `@${userName(user.id)}`,
      title: userName(user.id),
      about: isBot(user.id) ? "App" : user.name,
    }));
  }

  offer(matches, typed) {
    // What is already typed in full needs no completing: Enter then sends.
    if (!matches.length || (matches.length === 1 && matches[0].insert.toLowerCase() === typed.toLowerCase()))
      return this.closeList();
    Object.assign(this, { matches, replaced: typed.length, active: 0 });
    this.list ??= this.openList();
    this.list.panel.replaceChildren(...matches.map((match, index) => this.option(match, index)));
    this.mark(0);
    this.list.opened.place();
  }

  openList() {
    const panel = el("div", {
      id: this.listId,
      class: "listbox",
      role: "listbox",
      "aria-label": "Suggestions",
      on: { mousedown: (event) => event.preventDefault() },
    });
    return {
      panel,
      opened: popup(this.box, panel, {
        wide: true,
        onClose: () => {
          this.list = null;
          this.text.removeAttribute("aria-activedescendant");
        },
      }),
    };
  }

  option(match, index) {
    return el(
      "div",
      {
        id: `${this.listId}-${index}`,
        class: "option",
        role: "option",
        "aria-selected": "false",
        on: { click: () => this.accept(match) },
      },
      el("span", { class: "option-label" }, match.title, match.usage && el("code", {}, match.usage)),
      match.about && el("small", {}, match.about),
    );
  }

  mark(index) {
    this.active = (index + this.matches.length) % this.matches.length;
    [...this.list.panel.children].forEach((node, at) => {
      node.classList.toggle("active", at === this.active);
      node.setAttribute("aria-selected", String(at === this.active));
    });
    this.list.panel.children[this.active].scrollIntoView({ block: "nearest" });
    this.text.setAttribute("aria-activedescendant", `${this.listId}-${this.active}`);
  }

  closeList() {
    this.list?.opened.close();
  }

  accept(match) {
    const at = this.text.selectionStart;
    this.text.setRangeText(`${match.insert} `, at - this.replaced, at, "end");
    this.closeList();
    this.typed();
    this.text.focus();
  }

  key(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (this.list && step) this.mark(this.active + step);
    else if (this.list && ["Enter", "Tab"].includes(event.key) && !event.shiftKey)
      this.accept(this.matches[this.active]);
    else if (this.list && event.key === "Escape") this.closeList();
    else if (event.key === "Enter" && !event.shiftKey) this.node.requestSubmit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) event.preventDefault();
    this.attach(files);
  }

  attach(files) {
    this.files.push(...files);
    this.picker.value = "";
    this.drawChips();
    this.text.focus();
  }

  drawChips() {
    this.chips.replaceChildren(
      ...this.files.map((file) =>
        el(
          "li",
          {},
          icon("file"),
          file.name,
          iconButton("close", `Remove ${file.name}`, () => {
            this.files = this.files.filter((other) => other !== file);
            this.drawChips();
          }),
        ),
      ),
    );
  }

  async submit(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    if (!text && !this.files.length) return;
    // The box is free for the next line at once; what was typed comes back if it could not be sent.
    const files = this.files;
    this.replace("", []);
    const sent = await this.deliver(text, files);
    if (!sent && !this.text.value) this.replace(text, files);
  }

  replace(text, files) {
    this.text.value = text;
    this.files = files;
    this.drawChips();
    this.typed();
    this.closeList();
  }

  async deliver(text, files) {
    const where = { channel: this.channel, ...(this.thread ? { thread_ts: this.thread } : {}) };
    const [, word, rest] = /^(\/[a-z0-9_-]+)(?:\s+([\s\S]*))?$/i.exec(text) ?? [];
    if (!word) return this.say(text, files, where);
    const command = this.commands().find((each) => each.command === word.toLowerCase());
    if (command?.command === INVITE.command) return this.report(await post("/local/invite", where));
    if (command)
      return this.report(await post("/local/command", { ...where, command: command.command, text: rest ?? "" }));
    toast(`${word} is not a command here. Type / to see the commands there are.`);
    return false;
  }

  async say(text, files, where) {
    const ids = [];
    for (const file of files) {
      const sent = await upload(file);
      if (!this.report(sent)) return false;
      ids.push(sent.id);
    }
    return this.report(await post("/local/message", { ...where, text, ...(ids.length ? { file_ids: ids } : {}) }));
  }
}
