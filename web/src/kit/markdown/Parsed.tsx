import { ImageOff } from "lucide-react";
import { memo, type ReactNode, useState } from "react";
import ReactMarkdown, { type Components, type Options } from "react-markdown";
import remarkGfm from "remark-gfm";
import { Button } from "@/kit";
import { blocksOf } from "./blocks";
import { CodeBlock } from "./CodeBlock";
import { imageSource, safeLink } from "./links";

const PLUGINS: Options["remarkPlugins"] = [remarkGfm];

const COMPONENTS: Components = {
  a: ({ href, children }) => <Away href={href}>{children}</Away>,
  img: ({ src, alt }) => <Image src={src} alt={alt ?? ""} />,
  pre: ({ node, children }) => <CodeBlock node={node}>{children}</CodeBlock>,
  table: ({ children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard, too
    <section className="md-table scroll" aria-label="Table" tabIndex={0}>
      <table>{children}</table>
    </section>
  ),
  input: ({ checked }) => (
    <span role="img" aria-label={checked ? "done" : "to do"}>
      {checked ? "☑" : "☐"}
    </span>
  ),
  // The page has its own headings: those of a text are of a lower rank.
  h1: ({ children }) => <h3>{children}</h3>,
  h2: ({ children }) => <h4>{children}</h4>,
  h3: ({ children }) => <h5>{children}</h5>,
  h4: ({ children }) => <h6>{children}</h6>,
  h5: ({ children }) => <h6>{children}</h6>,
};

export function Parsed({ text, live }: { text: string; live: boolean }) {
  const blocks = live ? blocksOf(text) : [text];
  return (
    <div className={live ? "md md-live" : "md"} dir="auto">
      {blocks.map((block, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks only come at the end
        <Block key={place} text={block} />
      ))}
    </div>
  );
}

const Block = memo(function Block({ text }: { text: string }) {
  return (
    // HTML is shown as the text that it is: agents write `<answer>` and mean to be read.
    <ReactMarkdown
      remarkPlugins={PLUGINS}
      components={COMPONENTS}
      // Each kind of address is judged where it is shown.
      urlTransform={(url) => url}
    >
      {text}
    </ReactMarkdown>
  );
});

function Away({ href, children }: { href: string | undefined; children: ReactNode }) {
  const url = safeLink(href);
  if (!url) return <span>{children}</span>;
  return (
    <a href={url} target="_blank" rel="noreferrer noopener" title={url}>
      {children}
    </a>
  );
}

function Image({ src, alt }: { src: unknown; alt: string }) {
  const [isAsked, setAsked] = useState(false);
  const source = imageSource(typeof src === "string" ? src : undefined);
  if (source.kind === "own") return <img src={source.url} alt={alt} loading="lazy" />;
  if (source.kind === "none") return <span className="muted">[image: {alt || "none"}]</span>;
  if (!isAsked)
    return (
      <Button className="md-image" onPress={() => setAsked(true)}>
        <ImageOff size={15} aria-hidden="true" /> Load image from {source.host}
      </Button>
    );
  return (
    <span className="md-warning" role="status">
      <span>
        {source.host} will see that you look at it. It opens in a new tab: {alt || source.url}
      </span>
      <a href={source.url} target="_blank" rel="noreferrer noopener">
        Open it
      </a>
      <Button look="quiet" onPress={() => setAsked(false)}>
        Leave it
      </Button>
    </span>
  );
}
