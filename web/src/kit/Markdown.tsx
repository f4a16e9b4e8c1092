/** Text that people and agents write, with its marks shown; the parser is loaded when it is needed. */
import { memo, Suspense } from "react";
import { later } from "./later";
import { isCostly } from "./markdown/cost";
import "./markdown/markdown.css";

const Parsed = later(() => import("./markdown/Parsed").then((module) => module.Parsed));

export interface MarkdownProps {
  text: string;
  /** Whether it is still being written: then only its last block is parsed anew. */
  live?: boolean;
}

export const Markdown = memo(function Markdown({ text, live = false }: MarkdownProps) {
  const plain = <div className="md md-plain">{text}</div>;
  if (isCostly(text)) return plain;
  return (
    <Suspense fallback={plain}>
      <Parsed text={text} live={live} />
    </Suspense>
  );
});
