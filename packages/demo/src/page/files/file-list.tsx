import type { CardFile } from "../../shared/board.js";
import { FileIcon, TrashIcon } from "../shell/icons.js";
import { fileSize } from "./file-size.js";

/** What a {@link FileList} shows. */
export interface FileListProps {
  readonly files: readonly CardFile[];
  readonly onRemove: (file: CardFile) => void;
}

/** Media types that the server sends as pictures. */
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]);

/** Files that hang at a card: a small picture of those that are one, and a link to each. */
export function FileList({ files, onRemove }: FileListProps) {
  if (files.length === 0) return <p className="files-empty">No files yet.</p>;
  return (
    <ul className="files" aria-label="Files">
      {files.map((file) => (
        <li key={file.id} className="file">
          {PICTURES.has(file.type) ? (
            <img className="file-picture" src={`/files/${file.id}`} alt="" loading="lazy" />
          ) : (
            <span className="file-picture">
              <FileIcon />
            </span>
          )}
          <a className="file-name" href={`/files/${file.id}`} target="_blank" rel="noreferrer">
            {file.name}
          </a>
          <span className="file-size">{fileSize(file.size)}</span>
          <button
            type="button"
            className="icon-button"
            aria-label={`Take off ${file.name}`}
            onClick={() => onRemove(file)}
          >
            <TrashIcon />
          </button>
        </li>
      ))}
    </ul>
  );
}
