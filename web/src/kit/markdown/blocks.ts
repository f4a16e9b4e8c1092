/** Text that grows at its end, cut where nothing before depends on what comes. */

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
/** What belongs to the block before, even behind an empty line: lists, quotes, what is indented. */
const GOES_ON = /^(?:\s|[-*+] |\d{1,9}[.)] |>|\[)/;

/** The blocks of a markdown text; joined, they are the text again. */
export function blocksOf(text: string): string[] {
  const blocks: string[] = [];
  let start = 0;
  let fence = "";
  let isBehindGap = false;
  let place = 0;
  for (const line of text.split(/(?<=\n)/)) {
    const mark = FENCE.exec(line)?.[1];
    if (fence === "" && isBehindGap && line.trim() !== "" && !GOES_ON.test(line)) {
      blocks.push(text.slice(start, place));
      start = place;
    }
    if (mark && fence === "") fence = mark;
    else if (mark?.startsWith(fence) && line.trim() === mark) fence = "";
    isBehindGap = line.trim() === "";
    place += line.length;
  }
  if (start < text.length) blocks.push(text.slice(start));
  return blocks;
}
