/** The files that go with a message. */
import { Download } from "lucide-react";
import { fileUrl } from "@/core/api";
import type { FileRef } from "@/core/protocol";
import { bytes } from "@/core/text";
import "./files.css";

const SHOWN = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

export function Files({ files }: { files: readonly FileRef[] }) {
  if (files.length === 0) return null;
  return (
    <ul className="files" aria-label="Files">
      {files.map((file) => (
        <li key={file.id}>
          {SHOWN.has(file.media_type) ? <Picture file={file} /> : <Other file={file} />}
        </li>
      ))}
    </ul>
  );
}

function Picture({ file }: { file: FileRef }) {
  const url = fileUrl(file.id);
  return (
    <a className="file-picture" href={url} target="_blank" rel="noreferrer noopener">
      <img src={url} alt={file.name} loading="lazy" />
      <span className="truncate">{file.name}</span>
    </a>
  );
}

function Other({ file }: { file: FileRef }) {
  return (
    <a className="file-other" href={fileUrl(file.id)} download={file.name}>
      <Download size={16} aria-hidden="true" />
      <span className="truncate">{file.name}</span>
      <small className="num">{bytes(file.size)}</small>
    </a>
  );
}
