// Workflows: each of the app's steps with its inputs, and what became of those that were run.

import { get, post } from "./api.js";
import { el, icon, uid } from "./dom.js";
import { paneHead } from "./head.js";
import { toast } from "./popup.js";
import { channelName, conversationTitle, isBot, userName, workspace } from "./workspace.js";

const STATES = { running: "Running", completed: "Completed", failed: "Failed" };

export class StepsPane {
  constructor({ openMenu }) {
    this.done = el("div", { class: "steps-done", role: "log", "aria-label": "Steps that were run" });
    this.node = el(
      "div",
      { class: "pane" },
      paneHead(openMenu, icon("bolt"), "Workflows"),
      el(
        "div",
        { class: "scroller home", tabindex: "0" },
        el(
          "div",
          { class: "home-content" },
          el("p", { class: "soft" }, "Here a workflow is a single step. In Slack, Workflow Builder puts steps together."),
          workspace.steps.map((step) => this.form(step)),
          el("h2", { class: "steps-title" }, "What was run"),
          this.done,
        ),
      ),
    );
  }

  form(step) {
    const title = uid("step");
    // Who used the workflow is nobody's to fill in.
    const asked = step.input_parameters.filter((parameter) => parameter.type !== "slack#/types/user_context");
    const inputs = asked.map((parameter) => [parameter, control(parameter)]);
    const run = async (event) => {
      event.preventDefault();
      const values = Object.fromEntries(inputs.map(([parameter, input]) => [parameter.name, valueOf(parameter, input)]));
      const answer = await post("/local/step", { callback_id: step.callback_id, inputs: values });
      if (!answer.ok) toast(answer.error);
    };
    return el(
      "form",
      { class: "step-form", "aria-labelledby": title, on: { submit: run } },
      el("h2", { id: title, class: "steps-title" }, step.title),
      el("p", { class: "soft" }, step.description),
      inputs.map(([parameter, input]) => labelled(parameter, input)),
      el("button", { type: "submit", class: "button primary" }, "Run step"),
    );
  }

  async load() {
    await this.reload();
  }

  async reload() {
    const answer = await get("/local/steps");
    if (!answer.ok) return toast(answer.error);
    const none = el("p", { class: "empty" }, "No step was run yet.");
    this.done.replaceChildren(...(answer.steps.length ? answer.steps.map(outcome) : [none]));
  }

  apply(event) {
    if (event.kind === "steps") this.reload();
  }

  destroy() {}
}

function control(parameter) {
  const id = uid("input");
  if (parameter.type === "slack#/types/channel_id")
    return choice(id, [...workspace.channels.values()].map((one) => [one.id, conversationTitle(one)]));
  if (parameter.type === "slack#/types/user_id")
    return choice(id, [...workspace.users.values()].filter((one) => !isBot(one.id)).map((one) => [one.id, userName(one.id)]), workspace.me.id);
  if (parameter.type === "boolean") return el("input", { id, type: "checkbox" });
  return el("textarea", { id, class: "input", rows: 1 });
}

function choice(id, options, chosen = "") {
  const offered = [["", "–"], ...options].map(([value, text]) => el("option", { value, selected: value === chosen }, text));
  return el("select", { id, class: "input" }, offered);
}

function valueOf(parameter, input) {
  if (parameter.type === "boolean") return input.checked;
  if (["integer", "number"].includes(parameter.type)) return input.value === "" ? "" : Number(input.value);
  return input.value;
}

function labelled(parameter, input) {
  const label = `${parameter.title ?? parameter.name}${parameter.is_required ? "" : " (optional)"}`;
  const hint = parameter.hint ?? parameter.description;
  return el("div", { class: "step-field" }, el("label", { for: input.id }, label), input, hint && el("small", {}, hint));
}

function outcome(step) {
  const said = step.error ? [["Error", step.error]] : Object.entries(step.outputs);
  return el(
    "article",
    { class: "step-done", data: { status: step.status }, "aria-label": `${step.title}: ${STATES[step.status]}` },
    el("strong", {}, `${step.title} · ${STATES[step.status]}`),
    rows([...Object.entries(step.inputs), ...said]),
  );
}

function rows(entries) {
  const shown = (value) => (workspace.channels.has(value) ? `#${channelName(value)}` : userName(value));
  const words = (value) => shown(String(value?.id ?? value));
  return el("dl", {}, entries.map(([name, value]) => [el("dt", {}, name), el("dd", {}, words(value))]));
}
