// Tables in messages: the plain one, and the one with a caption and pages.

import { el } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { richText } from "./richtext.js";

const content = (cell) => (cell?.type === "rich_text" ? richText(cell) : withEmoji(cell?.text ?? cell?.value ?? ""));

function row(cells, kind, looks, heading = -1) {
  return el(
    "tr",
    {},
    cells.map((cell, index) =>
      el(
        index === heading ? "th" : kind,
        {
          class: looks[index] ?? (cell?.type === "raw_number" ? "align-right" : null),
          scope: index === heading ? "row" : null,
        },
        content(cell),
      ),
    ),
  );
}

const scroll = (...children) => el("div", { class: "table-scroll", tabindex: "0" }, el("table", {}, children));

export function table(block) {
  const [head, ...rows] = block.rows ?? [];
  const looks = (block.column_settings ?? []).map(
    (column) =>
      [column?.align && `align-${column.align}`, column?.is_wrapped && "wrapped"].filter(Boolean).join(" ") ||
      undefined,
  );
  return scroll(
    el("thead", {}, row(head ?? [], "th", looks)),
    el(
      "tbody",
      {},
      rows.map((cells) => row(cells, "td", looks)),
    ),
  );
}

export function dataTable(block) {
  const [head, ...rows] = block.rows ?? [];
  const size = block.page_size ?? 5;
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const looks = (rows[0] ?? []).map((cell) => (cell?.type === "raw_number" ? "align-right" : undefined));
  const body = el("tbody");
  const place = el("span", { role: "status" });
  const turn = (name, step) =>
    el("button", { type: "button", class: "button small", on: { click: () => show(page + step) } }, name);
  const [before, after] = [turn("Previous", -1), turn("Next", 1)];
  let page = 0;
  const show = (to) => {
    page = to;
    body.replaceChildren(
      ...rows
        .slice(page * size, (page + 1) * size)
        .map((cells) => row(cells, "td", looks, block.row_header_column_index)),
    );
    place.textContent = `Page ${page + 1} of ${pages}`;
    before.disabled = page === 0;
    after.disabled = page === pages - 1;
  };
  show(0);
  return el(
    "div",
    {},
    scroll(block.caption && el("caption", {}, block.caption), el("thead", {}, row(head ?? [], "th", looks)), body),
    pages > 1 && el("div", { class: "pager" }, before, place, after),
  );
}
