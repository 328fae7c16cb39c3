// Plans and their task cards: what a run is doing, at a glance.

import { el, icon, link } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { richText, richTextWords } from "./richtext.js";

const WORDS = { pending: "Pending", in_progress: "In progress", complete: "Complete", error: "Error" };
const LONG_OUTPUT = 420;

export function plan(block) {
  const tasks = block.tasks ?? [];
  const head = el(
    "summary",
    { class: "plan-head" },
    el("strong", { class: "plan-title" }, withEmoji(block.title)),
    el("span", { class: "plan-sum" }, sum(tasks)),
    icon("chevron"),
    bar(tasks),
  );
  const list = el(
    "ol",
    { class: "tasks" },
    tasks.map((task) => el("li", {}, taskCard(task))),
  );
  // An edit every second or two must not be read aloud; the result comes as a message of its own.
  return el(
    "details",
    { class: "plan", open: true, "aria-label": block.title, "aria-live": "off", data: { key: "plan" } },
    head,
    list,
  );
}

const count = (tasks, status) => tasks.filter((task) => task.status === status).length;

function sum(tasks) {
  const failed = count(tasks, "error");
  return `${count(tasks, "complete")} of ${tasks.length} complete${failed ? `, ${failed} failed` : ""}`;
}

function bar(tasks) {
  return el(
    "span",
    { class: "plan-bar", "aria-hidden": "true" },
    tasks.map((task) => el("i", { data: { status: task.status ?? "pending" } })),
  );
}

export function taskCard(task) {
  const status = WORDS[task.status] ? task.status : "pending";
  return el(
    "div",
    { class: "task-card", data: { status } },
    mark(status),
    el(
      "div",
      { class: "task-body" },
      el(
        "div",
        { class: "task-head" },
        el("strong", {}, withEmoji(task.title)),
        el("span", { class: "task-word" }, WORDS[status]),
      ),
      task.details && el("div", { class: "task-details" }, richText(task.details)),
      task.output && output(task, status),
      task.sources?.length &&
        el(
          "ul",
          { class: "sources", "aria-label": "Sources" },
          task.sources.map((source) => el("li", {}, link(source.url, source.text || source.url))),
        ),
    ),
  );
}

function output(task, status) {
  const body = el("div", { class: "task-output" }, richText(task.output));
  if (richTextWords(task.output).length < LONG_OUTPUT) return body;
  return el(
    "details",
    { open: status === "error", data: { key: `output-${task.task_id}` } },
    el("summary", {}, "Output"),
    body,
  );
}

function mark(status) {
  const node = el(
    "span",
    { class: "task-mark", "aria-hidden": "true" },
    status === "complete" && icon("check"),
    status === "error" && icon("cross"),
  );
  // Redrawn every second or so: the turning continues where it was instead of starting again.
  if (status === "in_progress") node.style.setProperty("--turned", `${-(performance.now() % 1600)}ms`);
  return node;
}
