/** What the keys of the console do, where. */
const COMMAND = navigator.platform.startsWith("Mac") ? "⌘" : "Ctrl";

export const SHORTCUTS: readonly {
  readonly where: string;
  /** Keys, with a space between those of one combination. */
  readonly keys: readonly (readonly [keys: string, does: string])[];
}[] = [
  { where: "Everywhere", keys: [[`${COMMAND} K`, "Search or jump to anything"]] },
  {
    where: "Inbox and dead letters",
    keys: [
      ["J", "The next one"],
      ["K", "The one before"],
    ],
  },
  {
    where: "On a question",
    keys: [
      ["1–9", "Choose, tick, or take a suggestion"],
      ["Enter", "Send, or begin to write"],
      ["Esc", "Leave the field, or go back"],
    ],
  },
  {
    where: "On an approval",
    keys: [
      ["A", "Approve"],
      ["E", "Edit the arguments"],
      ["R", "Reject, and say why"],
      [`${COMMAND} Enter`, "Approve with the changes"],
    ],
  },
];
