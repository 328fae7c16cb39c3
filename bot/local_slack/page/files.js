// Files under a message: a preview where there is something to see, and a way to download each.

import { fileText, fileUrl } from "./api.js";
import { el, icon } from "./dom.js";
import { markdown } from "./markdown.js";
import { fileSize } from "./time.js";

const SHORT = 1500; // characters shown before "Show all"

export function drawFiles(container, files) {
  const drawn = new Map([...container.children].map((node) => [node.dataset.file, node]));
  container.replaceChildren(...files.map((file) => drawn.get(file.id) ?? fileCard(file)));
}

function fileCard(file) {
  const name = file.name || file.title || "file";
  const download = el(
    "a",
    {
      class: "icon-button",
      href: fileUrl(file.id),
      download: name,
      "aria-label": `Download ${name}`,
      title: `Download ${name}`,
    },
    icon("download"),
  );
  const head = el(
    "div",
    { class: "file-head" },
    icon("file"),
    el(
      "div",
      {},
      el("strong", {}, file.title || name),
      el("small", {}, [file.title && file.title !== name && name, fileSize(file.size)].filter(Boolean).join(" · ")),
    ),
    download,
  );
  return el(
    "div",
    { class: "file", role: "group", "aria-label": name, data: { file: file.id } },
    head,
    preview(file, name),
  );
}

function preview(file, name) {
  const kind = file.mimetype ?? "";
  if (/^image\/(png|jpeg|gif|webp|svg\+xml)$/.test(kind)) {
    const picture = el("img", {
      src: fileUrl(file.id, true),
      alt: file.alt_txt || file.title || name,
      loading: "lazy",
    });
    return el("a", { class: "file-picture", href: fileUrl(file.id, true), target: "_blank", rel: "noopener" }, picture);
  }
  if (
    kind.startsWith("text/") ||
    /json|yaml|xml|javascript/.test(kind) ||
    /\.(md|txt|log|csv|json|ya?ml|py|toml)$/i.test(name)
  )
    return textPreview(file, name);
  return null;
}

function textPreview(file, name) {
  const body = el("div", { class: "file-text" }, "Loading…");
  const isMarkdown = /\.(md|markdown)$/i.test(name) || file.mimetype === "text/markdown";
  fileText(file.id).then(
    (text) => showText(body, text, isMarkdown),
    () => body.replaceChildren("This file cannot be shown."),
  );
  return body;
}

function showText(body, text, isMarkdown) {
  const draw = (part) =>
    isMarkdown ? el("div", { class: "prose" }, markdown(part)) : el("pre", {}, el("code", {}, part));
  if (text.length <= SHORT) return body.replaceChildren(draw(text));
  const all = () => body.replaceChildren(draw(text));
  const cut = text.slice(0, text.lastIndexOf("\n", SHORT) + 1 || SHORT);
  body.replaceChildren(
    draw(cut),
    el("button", { type: "button", class: "text-button", on: { click: all } }, "Show all"),
  );
}
