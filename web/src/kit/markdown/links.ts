/** Where a text written by somebody else may lead. */

const IMAGE_DATA = /^data:image\/(?:png|jpe?g|gif|webp|avif|svg\+xml)[;,]/i;
const OWN_FILE = /^\/api\/files\/[\w-]+$/;

/** The address of a link; empty if it is none that we follow. */
export function safeLink(url: string | undefined): string {
  const parsed = parse(url);
  return parsed && ["http:", "https:", "mailto:"].includes(parsed.protocol) ? parsed.href : "";
}

export type ImageSource =
  | { kind: "own"; url: string }
  | { kind: "remote"; url: string; host: string }
  | { kind: "none" };

/** Where an image comes from: from us or the text itself, or from somebody who would see us ask. */
export function imageSource(url: string | undefined): ImageSource {
  if (!url) return { kind: "none" };
  if (OWN_FILE.test(url) || IMAGE_DATA.test(url)) return { kind: "own", url };
  const parsed = parse(url);
  if (!parsed || !["http:", "https:"].includes(parsed.protocol)) return { kind: "none" };
  return { kind: "remote", url: parsed.href, host: parsed.host };
}

function parse(url: string | undefined): URL | null {
  if (!url) return null;
  try {
    return new URL(url);
  } catch {
    return null;
  }
}
