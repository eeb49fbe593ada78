// @ts-check
// How the files of a scan travel to the server: one after the other as one stream of bytes, in pieces, so that a lost
// connection costs one piece.

/** @typedef {import("./transport.js").Transport} Transport */

const PIECE_BYTES = 4 << 20; // the most that app/web.py takes at a time
const AGAIN_MS = 1000;
export const UNREADABLE = "A file cannot be read any more: it was changed, moved or removed. Choose it again.";
const LEFT_OUT = /^(\.|DICOMDIR$|Thumbs\.db$)/i; // files of the system, and a directory that names others

/** @param {File[]} files */
export function scanFiles(files) {
  return files.filter(({ name }) => !LEFT_OUT.test(name));
}

/**
 * A name of the same kind, for the server, with nothing of the patient in it: its ending, else 1 where there is a number.
 * @param {string} name
 */
export function kindOf(name) {
  const ending = /\.nii\.gz$|\.[a-z0-9]{1,8}$/.exec(name.toLowerCase())?.[0] ?? "";
  if (/[a-z]/.test(ending)) return `x${ending}`;
  return /\d/.test(name) ? "1" : "x";
}

/**
 * Sends them all, and returns the problem, in words, of what is refused; empty where it is not, or no longer wanted.
 * @param {string} run
 * @param {File[]} files
 * @param {Transport} transport
 * @param {{ wanted: () => boolean, sent: (share: number) => void, lost: () => void }} told
 */
export async function send(run, files, transport, { wanted, sent, lost }) {
  const all = new Blob(files);
  for (let offset = 0; offset < all.size && wanted(); ) {
    const piece = await read(all.slice(offset, offset + PIECE_BYTES));
    if (!piece) return UNREADABLE;
    const answer = await transport.sendPiece(run, offset, piece);
    if (answer?.problem) return String(answer.problem);
    if (!answer) {
      if (wanted()) lost();
      await transport.pause(AGAIN_MS);
    } else if (answer.received === offset) {
      return ""; // the server takes no more: news of the run say why
    } else {
      offset = answer.received;
      sent(offset / all.size);
    }
  }
  return "";
}

/**
 * A piece of a file in memory, or null where the file cannot be read. Sent from the file itself, that would look like a
 * lost connection, and would be tried again for ever.
 * @param {Blob} piece
 */
async function read(piece) {
  try {
    return new Blob([await piece.arrayBuffer()]);
  } catch (error) {
    return null;
  }
}
