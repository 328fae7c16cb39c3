// The panes a person reads: a channel, a thread beside it, and the app's home.

import { get, post } from "./api.js";
import { drawBlocks } from "./blocks.js";
import { Composer } from "./composer.js";
import { el, icon, iconButton } from "./dom.js";
import { Form } from "./form.js";
import { paneHead } from "./head.js";
import { MessageList } from "./messages.js";
import { toast } from "./popup.js";
import { Prompts } from "./prompts.js";
import { avatar, botConversation, conversationTitle, isBot, partner, workspace } from "./workspace.js";

function appTabs(selected) {
  const tab = (name, href) => el("a", { role: "tab", href, "aria-selected": String(name === selected) }, name);
  return el(
    "div",
    { class: "tabs", role: "tablist", "aria-label": workspace.bot.name },
    tab("Home", "#/home"),
    tab("Messages", `#/${botConversation()?.id ?? ""}`),
  );
}

export class ChannelPane {
  constructor(channel, { openMenu, onThread }) {
    const title = conversationTitle(channel);
    this.channel = channel.id;
    this.list = new MessageList({
      channel: channel.id,
      label: `Messages in ${title}`,
      empty: emptySentence(channel, title),
      onThread,
      onRead: (answer) => this.prompts.show(answer.prompts, answer.status),
    });
    this.composer = new Composer({ channel: channel.id, label: `Message ${title}` });
    this.prompts = new Prompts((text) => this.composer.deliver(text, []));
    this.withBot = channel.kind === "im" && isBot(partner(channel));
    const mark = channel.kind === "im" ? avatar(partner(channel)) : icon(channel.kind === "private" ? "lock" : "hash");
    this.head = paneHead(
      openMenu,
      mark,
      channel.kind === "im" ? title : channel.name,
      channel.topic && el("span", { class: "topic" }, channel.topic),
      this.inviter(channel),
      this.withBot && this.talker(onThread),
      this.withBot && appTabs("Messages"),
    );
    this.node = el("div", { class: "pane" }, this.head, this.list.node, this.prompts.node, this.composer.node);
  }

  inviter(channel) {
    if (channel.kind === "im" || channel.bot_is_member) return null;
    const name = workspace.bot.name;
    const invite = async () => {
      const answer = await post("/local/invite", { channel: channel.id });
      if (!answer.ok) toast(answer.error);
    };
    return el("button", { type: "button", class: "button small", on: { click: invite } }, `Invite ${name}`);
  }

  /** The button that opens a conversation of one's own with the app, where it is an assistant. */
  talker(onThread) {
    if (workspace.talks !== "assistant") return null;
    const open = async () => {
      const answer = await post("/local/conversation");
      if (answer.ok) onThread(answer.ts);
      else toast(answer.error);
    };
    return el("button", { type: "button", class: "button small", on: { click: open } }, "New conversation");
  }

  joined() {
    this.head.querySelector(".button")?.remove();
  }

  apply(event) {
    if (["prompts", "status"].includes(event.kind)) this.list.load();
    else this.list.apply(event);
  }

  async load() {
    await this.list.load();
    this.list.toEnd();
    if (this.withBot) await post("/local/open_home", { tab: "messages" });
  }

  reload() {
    return this.list.load();
  }

  destroy() {
    this.list.destroy();
  }
}

function emptySentence(channel, title) {
  return channel.kind === "im"
    ? `This is the start of your conversation with ${title}.`
    : `This is the start of ${title}. Say something, or type / for commands.`;
}

export class ThreadPane {
  constructor(channel, ts, { close }) {
    const title = conversationTitle(channel);
    this.key = `${channel.id}/${ts}`;
    this.channel = channel.id;
    this.list = new MessageList({
      channel: channel.id,
      thread: ts,
      label: `Thread in ${title}`,
      empty: "This message is gone.",
      onRead: (answer) => this.prompts.show(answer.prompts, answer.status),
    });
    this.composer = new Composer({ channel: channel.id, thread: ts, label: "Reply in thread" });
    this.prompts = new Prompts((text) => this.composer.deliver(text, []));
    const header = el(
      "header",
      { class: "pane-head" },
      iconButton("back", "Back to the channel", close, { class: "icon-button only-narrow" }),
      el("h2", {}, "Thread"),
      el("span", { class: "topic" }, title),
      iconButton("close", "Close thread", close, { class: "icon-button only-wide" }),
    );
    this.node = el(
      "aside",
      { class: "pane thread", "aria-label": "Thread", on: { keydown: (event) => event.key === "Escape" && close() } },
      header,
      this.list.node,
      this.prompts.node,
      this.composer.node,
    );
  }

  apply(event) {
    if (["prompts", "status"].includes(event.kind)) this.list.load();
    else this.list.apply(event);
  }

  async load() {
    await this.list.load();
    const root = this.list.root();
    // A link to a reply leads to the thread the reply is in.
    if (root && this.key !== `${this.channel}/${root}`) return location.replace(`#/${this.channel}/${root}`);
    this.list.toEnd();
    this.composer.focus();
  }

  reload() {
    return this.list.load();
  }

  destroy() {
    this.list.destroy();
  }
}

export class HomePane {
  constructor({ openMenu }) {
    this.content = el("div", { class: "home-content" });
    this.node = el(
      "div",
      { class: "pane" },
      paneHead(openMenu, avatar(workspace.bot.id), workspace.bot.name, appTabs("Home")),
      el("div", { class: "scroller home", role: "tabpanel", "aria-label": "Home", tabindex: "0" }, this.content),
    );
  }

  async load() {
    await this.reload();
    const answer = await post("/local/open_home", { tab: "home" });
    if (!answer.ok) toast(answer.error);
  }

  async reload() {
    const answer = await get("/local/home");
    if (!answer.ok) return toast(answer.error);
    if (!answer.view)
      return this.content.replaceChildren(
        el("p", { class: "empty" }, `${workspace.bot.name} has not put anything here yet.`),
      );
    this.show(answer.view);
  }

  show(view) {
    if (this.view?.id !== view.id) {
      this.form = new Form(view.state?.values);
      this.content.replaceChildren();
    }
    this.view = view;
    this.form.keepOnly(view.blocks);
    drawBlocks(this.content, view.blocks, this.surface(view.id));
  }

  surface(viewId) {
    return {
      kind: "home",
      form: this.form,
      act: (blockId, element, action) =>
        post("/local/action", {
          view_id: viewId,
          block_id: blockId,
          action_id: element.action_id,
          action,
          values: this.form.values(),
        }),
      options: (blockId, element, value) =>
        post("/local/options", { view_id: viewId, block_id: blockId, action_id: element.action_id, value }),
    };
  }

  apply(event) {
    if (event.kind === "home") this.reload();
  }

  destroy() {}
}
