/** Where Node's `util.inspect` and `console.log` look for an object's own way of showing itself. */
export const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom')

const SHOWN_CHARACTERS = 64

/**
 * Foreign text in quotation marks, fit for an error message and so for a log: cut to 64 characters, and whatever is not
 * printable ASCII as `\u{...}`. A terminal could take it for a command, and a person for another letter that looks alike.
 */
export function quoted(text: string): string {
  const cut = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text
  return `"${cut.replace(/[^\x20-\x7e]/gu, visible)}"`
}

function visible(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`
}
