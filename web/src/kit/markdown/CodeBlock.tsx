import { Check, Copy } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import type { ExtraProps } from "react-markdown";
import { IconButton } from "@/kit";

type Node = NonNullable<ExtraProps["node"]>;

/** A piece of code, with its language and a way to take it along. */
export function CodeBlock({ node, children }: { node: Node | undefined; children: ReactNode }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [copied]);
  const language = languageOf(node);
  const copy = () => navigator.clipboard.writeText(codeOf(node)).then(() => setCopied(true));
  return (
    <figure className="md-code">
      <figcaption>
        <span>{language || "code"}</span>
        <IconButton label={copied ? "Copied" : "Copy the code"} onPress={copy}>
          {copied ? <Check size={14} /> : <Copy size={14} />}
        </IconButton>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled by keyboard, too */}
      <pre className="scroll" tabIndex={0}>
        {children}
      </pre>
    </figure>
  );
}

function codeOf(node: Node | undefined): string {
  const code = node?.children[0];
  if (code?.type !== "element") return "";
  return code.children.map((one) => (one.type === "text" ? one.value : "")).join("");
}

function languageOf(node: Node | undefined): string {
  const code = node?.children[0];
  const names = code?.type === "element" ? code.properties.className : undefined;
  const first = Array.isArray(names) ? String(names[0]) : "";
  return first.replace(/^language-/, "");
}
