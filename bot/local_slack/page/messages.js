// A list of messages, in a channel or a thread, kept current without losing the reader's place.

import { get, post } from "./api.js";
import { drawBlocks, settle } from "./blocks.js";
import { el, icon, iconButton } from "./dom.js";
import { drawFiles } from "./files.js";
import { Form } from "./form.js";
import { menu, toast } from "./popup.js";
import { clock, dayKey, dayName, fullTime } from "./time.js";
import { avatar, isBot, userName, workspace } from "./workspace.js";

const TOGETHER = 300; // seconds within which one author's messages stand under one name
const NEAR = 60; // pixels from the end that still count as reading the newest
const NOTICES = new Set(["channel_join", "channel_leave", "tombstone"]);
const dismissed = new Set();

export class MessageList {
  /** `thread` is the parent's ts, or null for a channel; `onThread(ts)` is called when somebody opens one. */
  constructor({ channel, thread = null, label, empty, onThread = () => {}, onRead = () => {} }) {
    Object.assign(this, {
      channel,
      thread,
      onThread,
      onRead,
      empty,
      messages: new Map(),
      articles: new Map(),
      atEnd: true,
      top: 0,
      missed: 0,
      meanwhile: null,
    });
    this.log = el("div", {
      class: "log",
      role: "log",
      "aria-label": label,
      "aria-live": "polite",
      "aria-relevant": "additions",
    });
    this.pill = el("button", { type: "button", class: "pill", hidden: true, on: { click: () => this.toEnd() } });
    this.scroller = el("div", { class: "scroller", tabindex: "0", on: { scroll: () => this.scrolled() } }, this.log);
    this.node = el("div", { class: "messages" }, this.scroller, this.pill);
    this.watcher = new ResizeObserver(() => this.atEnd && this.toEnd());
    [this.log, this.scroller].forEach((node) => this.watcher.observe(node));
  }

  destroy() {
    this.watcher.disconnect();
  }

  async load() {
    this.log.setAttribute("aria-busy", "true");
    // What happens while the answer is under way is not in it, and must not be lost with what it replaces.
    const meanwhile = (this.meanwhile = []);
    const answer = await get("/local/messages", { channel: this.channel, thread_ts: this.thread });
    if (this.meanwhile !== meanwhile) return; // somebody asked again, and that answer is newer
    this.meanwhile = null;
    this.log.setAttribute("aria-busy", "false");
    if (!answer.ok) return toast(answer.error);
    this.messages = new Map(answer.messages.map((message) => [message.ts, message]));
    this.draw();
    this.onRead(answer);
    meanwhile.filter((event) => event.seq > answer.seq).forEach((event) => this.apply(event));
  }

  /** The ts of the thread's first message, as the messages say it themselves. */
  root() {
    const first = this.messages.get(this.thread);
    return first && (first.thread_ts ?? first.ts);
  }

  /** Take in a `message`, `message_changed` or `message_deleted` event, if it is about this list. */
  apply(event) {
    const { message } = event;
    if (!message || event.channel !== this.channel || !this.holds(event, message)) return;
    this.meanwhile?.push(event);
    this.scrolled(); // the browser tells of scrolling only with its next frame
    const fresh = !this.messages.has(event.ts);
    if (event.kind === "message_deleted") this.messages.delete(event.ts);
    else this.messages.set(event.ts, message);
    this.draw();
    if (event.kind === "message" && fresh) this.arrived(message);
  }

  holds({ ts, thread_ts: parent }, message) {
    if (this.thread) return ts === this.thread || parent === this.thread;
    return !parent || parent === ts || message.subtype === "thread_broadcast";
  }

  arrived(message) {
    if (message.user === workspace.me.id && !message.ephemeral) return this.toEnd();
    if (this.atEnd) return;
    this.missed += 1;
    this.pill.replaceChildren(`${this.missed} new ${this.missed === 1 ? "message" : "messages"}`, icon("arrow"));
    this.pill.hidden = false;
  }

  scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    // Only a move upwards leaves the end: growth alone, seen between two frames, does not.
    if (scrollHeight - scrollTop - clientHeight < NEAR) this.atEnd = true;
    else if (scrollTop < this.top) this.atEnd = false;
    this.top = scrollTop;
    if (this.atEnd) this.seen();
  }

  seen() {
    this.missed = 0;
    this.pill.hidden = true;
  }

  toEnd() {
    this.atEnd = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.seen();
  }

  draw() {
    const rows = [];
    let before = null;
    const all = [...this.messages.values()]
      .filter((message) => !dismissed.has(message.ts))
      .sort((a, b) => Number(a.ts) - Number(b.ts));
    for (const message of all) {
      if (!this.thread && (!before || dayKey(before.ts) !== dayKey(message.ts))) rows.push(this.separator(message.ts));
      rows.push(this.article(message, before));
      before = message;
      if (this.thread && message.ts === this.thread) rows.push(this.replyCount(all.length - 1));
    }
    if (!all.length) rows.push(this.emptyNote());
    settle(this.log, rows);
  }

  emptyNote() {
    this.note ??= el("p", { class: "empty" }, this.empty);
    return this.note;
  }

  separator(ts) {
    return this.kept(`day ${dayKey(ts)}`, () => el("div", { class: "day" }, el("span", {}, dayName(ts))));
  }

  replyCount(count) {
    const node = this.kept("replies", () => el("div", { class: "day day-replies" }, el("span")));
    node.firstChild.textContent = count === 1 ? "1 reply" : count ? `${count} replies` : "No replies yet";
    return node;
  }

  kept(key, make) {
    if (!this.articles.has(key)) this.articles.set(key, make());
    return this.articles.get(key);
  }

  article(message, before) {
    const node = this.kept(message.ts, () => this.newArticle(message));
    const together =
      before &&
      !message.ephemeral &&
      !before.ephemeral &&
      !message.subtype &&
      !before.subtype &&
      before.user === message.user &&
      before.username === message.username &&
      before.ts !== this.thread &&
      message.ts - before.ts < TOGETHER &&
      dayKey(before.ts) === dayKey(message.ts);
    node.classList.toggle("together", Boolean(together));
    node.update(message);
    return node;
  }

  newArticle(message) {
    const name = message.username || userName(message.user);
    const edited = el("span", { class: "edited" });
    const time = el(
      "time",
      { title: fullTime(message.ts), datetime: new Date(message.ts * 1000).toISOString() },
      clock(message.ts),
    );
    const head = el(
      "div",
      { class: "message-head" },
      el("strong", { class: "author" }, name),
      (message.bot_id || isBot(message.user)) && el("span", { class: "badge" }, "APP"),
      time,
    );
    const parts = {
      body: el("div", { class: "message-body" }),
      unfurled: el("div"),
      files: el("div", { class: "files" }),
      foot: el("div"),
    };
    const surface = this.surface(message);
    const node = el(
      "article",
      {
        class: ["message", message.ephemeral && "ephemeral", NOTICES.has(message.subtype) && "notice"]
          .filter(Boolean)
          .join(" "),
        "aria-label": `${name}, ${clock(message.ts)}`,
        data: { ts: message.ts },
      },
      el(
        "div",
        { class: "gutter" },
        avatar(message.user, name),
        el("time", { class: "gutter-time", "aria-hidden": "true" }, clock(message.ts)),
      ),
      el(
        "div",
        { class: "message-main" },
        message.ephemeral && this.private(message),
        head,
        parts.body,
        edited,
        parts.unfurled,
        parts.files,
        parts.foot,
      ),
      this.toolbar(message),
    );
    node.update = (current) => {
      const source = JSON.stringify(current);
      if (node.source === source) return;
      node.source = source;
      const unfurled = current.attachments ?? [];
      surface.form.keepOnly([...(current.blocks ?? []), ...unfurled.flatMap((one) => one.blocks ?? [])]);
      drawBlocks(
        parts.body,
        current.blocks?.length ? current.blocks : current.text ? [{ type: "plain text", text: current.text }] : [],
        surface,
      );
      parts.unfurled.replaceChildren(...unfurled.map((one) => this.preview(one, surface)));
      edited.textContent = current.edited ? "(edited)" : "";
      drawFiles(parts.files, current.files ?? []);
      parts.foot.replaceChildren(...(this.thread ? [] : this.replies(current)));
    };
    return node;
  }

  /** What the app shows of a link in the message. */
  preview(attachment, surface) {
    const box = el("div", { class: "unfurled", role: "group", "aria-label": "Preview" });
    const body = el("div", {});
    box.append(body);
    drawBlocks(body, attachment.blocks ?? [{ type: "plain text", text: attachment.text ?? attachment.title }], surface);
    return box;
  }

  private(message) {
    return el(
      "div",
      { class: "only-you" },
      icon("eye"),
      "Only visible to you",
      el("button", { type: "button", class: "text-button", on: { click: () => this.dismiss(message) } }, "Dismiss"),
    );
  }

  dismiss(message) {
    dismissed.add(message.ts);
    this.draw();
  }

  surface(message) {
    const where = { channel: this.channel, message_ts: message.ts };
    const form = new Form();
    return {
      kind: "message",
      channel: this.channel,
      form,
      act: (blockId, element, action) =>
        post("/local/action", {
          ...where,
          block_id: blockId,
          action_id: element.action_id,
          action,
          values: form.values(),
        }),
      options: (blockId, element, value) =>
        post("/local/options", { ...where, block_id: blockId, action_id: element.action_id, value }),
    };
  }

  replies(message) {
    if (!message.reply_count) return [];
    const faces = (message.reply_users ?? []).slice(0, 4).map((id) => avatar(id));
    const words = message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`;
    const last = message.latest_reply && el("span", { class: "last-reply" }, `Last at ${clock(message.latest_reply)}`);
    return [
      el(
        "button",
        { type: "button", class: "replies", on: { click: () => this.onThread(message.ts) } },
        faces,
        el("strong", {}, words),
        last,
      ),
    ];
  }

  toolbar(message) {
    if (message.ephemeral) return null;
    const shortcuts = workspace.shortcuts.filter((shortcut) => shortcut.type === "message");
    const run = (shortcut) => async () => {
      const answer = await post("/local/shortcut", {
        callback_id: shortcut.callback_id,
        channel: this.channel,
        message_ts: message.ts,
      });
      if (!answer.ok) toast(answer.error);
    };
    const copy = {
      label: "Copy text",
      choose: () => navigator.clipboard?.writeText(this.messages.get(message.ts)?.text ?? ""),
    };
    const items = () => [
      ...shortcuts.map((shortcut) => ({
        label: shortcut.name,
        description: shortcut.description,
        choose: run(shortcut),
      })),
      copy,
    ];
    const more = iconButton("more", "More actions", () => menu(more, "More actions", items()), {
      "aria-haspopup": "menu",
      "aria-expanded": "false",
    });
    const reply = !this.thread && iconButton("reply", "Reply in thread", () => this.onThread(message.ts));
    return el("div", { class: "toolbar", role: "group", "aria-label": "Message actions" }, reply, more);
  }
}
