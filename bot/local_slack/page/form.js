// What a person has entered into a view or message, in the shape of Slack's `state.values`.

const CHOSEN = {
  static_select: ["selected_option", "initial_option"],
  external_select: ["selected_option", "initial_option"],
  radio_buttons: ["selected_option", "initial_option"],
  multi_static_select: ["selected_options", "initial_options", []],
  multi_external_select: ["selected_options", "initial_options", []],
  checkboxes: ["selected_options", "initial_options", []],
  users_select: ["selected_user", "initial_user"],
  multi_users_select: ["selected_users", "initial_users", []],
  conversations_select: ["selected_conversation", "initial_conversation"],
  multi_conversations_select: ["selected_conversations", "initial_conversations", []],
  channels_select: ["selected_channel", "initial_channel"],
  multi_channels_select: ["selected_channels", "initial_channels", []],
  datepicker: ["selected_date", "initial_date"],
  timepicker: ["selected_time", "initial_time"],
  datetimepicker: ["selected_date_time", "initial_date_time"],
  plain_text_input: ["value", "initial_value"],
  number_input: ["value", "initial_value"],
  email_text_input: ["value", "initial_value"],
  url_text_input: ["value", "initial_value"],
  rich_text_input: ["rich_text_value", "initial_value"],
  file_input: ["files", "", []],
};

export const isStateful = (element) => Object.hasOwn(CHOSEN, element.type);

/** The key under which an element of this type keeps what was chosen: `value`, `selected_option`, … */
export const valueKey = (element) => CHOSEN[element.type][0];

export class Form {
  constructor(saved = {}) {
    this.entries = new Map();
    for (const [blockId, actions] of Object.entries(saved ?? {})) {
      for (const [actionId, value] of Object.entries(actions))
        this.entries.set(place(blockId, actionId), { blockId, actionId, value });
    }
  }

  /** What is in the element; its initial value the first time it is seen. Survives a redraw while both ids stay. */
  read(blockId, element) {
    const [key, initial, nothing = null] = CHOSEN[element.type];
    const known = this.entries.get(place(blockId, element.action_id));
    if (known?.value.type === element.type) return known.value[key] ?? nothing;
    const value = element[initial] ?? nothing;
    this.write(blockId, element, value);
    return value;
  }

  write(blockId, element, value) {
    const extra = element.type === "timepicker" && element.timezone ? { timezone: element.timezone } : {};
    const entry = { type: element.type, [valueKey(element)]: value, ...extra };
    this.entries.set(place(blockId, element.action_id), { blockId, actionId: element.action_id, value: entry });
  }

  /** Forget what belongs to elements that are no longer in these blocks. */
  keepOnly(blocks) {
    const present = new Set(elementsIn(blocks).map(([blockId, element]) => place(blockId, element.action_id)));
    for (const key of this.entries.keys()) if (!present.has(key)) this.entries.delete(key);
  }

  values() {
    const out = {};
    for (const { blockId, actionId, value } of this.entries.values()) (out[blockId] ??= {})[actionId] = value;
    return out;
  }
}

const place = (blockId, actionId) => `${blockId}\n${actionId}`;

/** Every element of these blocks with its block's id, also inside containers, cards and carousels. */
export function elementsIn(blocks) {
  return blocks.flatMap((block) => [
    ...[block.element, block.accessory, ...(block.elements ?? []), ...(block.actions ?? [])]
      .filter((element) => element?.action_id)
      .map((element) => [block.block_id, element]),
    ...elementsIn(block.child_blocks ?? []),
    ...(block.type === "carousel" ? elementsIn(block.elements ?? []) : []),
  ]);
}
