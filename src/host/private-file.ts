import { constants, type Stats } from 'node:fs'
import { chmod, type FileHandle, link, mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { provider } from '../crypto/index.ts'
import { hex } from '../wire/bytes.ts'

/** Any right of the group or of others: what OpenSSH allows nobody on a private key. */
const othersMode = 0o077

/** The right of the group or of others to replace what is in a folder, which OpenSSH allows nobody either. */
const othersWrite = 0o022

/** In a folder with this bit, such as /tmp, none but a file's owner can replace it. */
const stickyMode = 0o1000

/** Windows keeps others out by other means than modes. */
const hasModes = process.platform !== 'win32'

/** A file in the user's data directory, in the folder that is parley's. */
export function dataFile(name: string, env: Record<string, string | undefined> = process.env): string {
  const base = env.XDG_DATA_HOME || env.LOCALAPPDATA || join(homedir(), '.local', 'share')
  return join(base, 'parley', name)
}

/**
 * Why a file is not read or written: it is not ours alone (`foreign`), the system fails (`system`), it is not what it should
 * be (`damaged`), which one that is too large is not either.
 */
export type FaultKind = 'foreign' | 'system' | 'damaged'

/** What is wrong with a private file; the message goes on behind its name. */
export class FileFault extends Error {
  readonly kind: FaultKind

  constructor(kind: FaultKind, fault: string, cause?: unknown) {
    super(fault, { cause })
    this.kind = kind
  }
}

/**
 * A file for its owner alone: a plain one of mode 0600, in a folder that nobody else can write to. It is replaced as a whole or
 * not at all. All methods throw `FileFault`.
 */
export class PrivateFile {
  readonly path: string
  readonly #max: number

  /** @param max the size in bytes beyond which it is not read */
  constructor(path: string, max: number) {
    this.path = path
    this.#max = max
  }

  /** What is in the file; nothing when it is missing. */
  async read(): Promise<Uint8Array | undefined> {
    await this.#checkFolder()
    const handle = await this.#open()
    if (!handle) return undefined
    try {
      this.#checkFile(await system('read', handle.stat()))
      return await this.#readAll(handle)
    } finally {
      await handle.close()
    }
  }

  /** Makes the file, if there is none; returns whether it did. */
  create(bytes: Uint8Array): Promise<boolean> {
    const temporary = `${this.path}.${hex(provider.randomBytes(8))}.new`
    return this.#write(bytes, temporary, async () => {
      try {
        // Unlike a rename it never replaces anything.
        await link(temporary, this.path)
        return true
      } catch (cause) {
        if (codeOf(cause) === 'EEXIST') return false
        throw cause
      } finally {
        await unlink(temporary)
      }
    })
  }

  /**
   * Puts other bytes in the place of what is in the file, or makes it: whoever reads it gets the old bytes or the new. Those
   * who may do so at once must take turns.
   */
  async replace(bytes: Uint8Array): Promise<void> {
    const temporary = `${this.path}.new`
    // It is left behind when a process is killed, and then nobody else's.
    await unlink(temporary).catch(() => {})
    await this.#write(bytes, temporary, () => rename(temporary, this.path))
  }

  /** Gives the file another name, in place of whatever had it. */
  async moveTo(path: string): Promise<void> {
    await system('moved', rename(this.path, path))
  }

  /** Makes the folder, if there is none, and looks at it. */
  async makeFolder(): Promise<void> {
    const folder = dirname(this.path)
    const made = await system('written', mkdir(folder, { recursive: true, mode: 0o700 }))
    if (made !== undefined) await system('written', chmod(folder, 0o700))
    await this.#checkFolder()
  }

  async #checkFolder(): Promise<void> {
    const folder = dirname(this.path)
    const found = hasModes && (await stat(folder).catch(() => undefined))
    if (!found) return
    if (found.uid !== 0 && found.uid !== process.geteuid?.())
      throw new FileFault('foreign', 'lies in a folder of another user')
    if (found.mode & othersWrite && !(found.mode & stickyMode))
      throw new FileFault('foreign', `lies in a folder that others can write to; run: chmod go-w '${folder}'`)
  }

  /** Neither follows a link nor waits for the other end of a pipe. */
  async #open(): Promise<FileHandle | undefined> {
    try {
      const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants
      return await open(this.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    } catch (cause) {
      const code = codeOf(cause)
      if (code === 'ENOENT') return undefined
      if (code === 'ELOOP') throw new FileFault('foreign', 'is a symbolic link; name the file itself', cause)
      throw new FileFault('system', `cannot be read (${code}); check who owns it and its mode`, cause)
    }
  }

  #checkFile(found: Stats): void {
    if (!found.isFile()) throw new FileFault('foreign', 'is not a plain file')
    if (hasModes && found.uid !== process.geteuid?.())
      throw new FileFault('foreign', 'belongs to another user')
    if (hasModes && found.mode & othersMode)
      throw new FileFault('foreign', `is open to other users; run: chmod 600 '${this.path}'`)
    if (found.size > this.#max) throw this.#tooLarge()
  }

  /** Reads no more than it may, even of a file that grows meanwhile. */
  async #readAll(handle: FileHandle): Promise<Uint8Array> {
    const bytes = new Uint8Array(this.#max + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await system('read', handle.read(bytes, length, bytes.length - length))
      length += bytesRead
      if (length > this.#max) throw this.#tooLarge()
      if (bytesRead === 0) return bytes.slice(0, length)
    }
  }

  #tooLarge(): FileFault {
    return new FileFault('damaged', `is too large: it may have ${this.#max} bytes at most`)
  }

  /** Writes the bytes beside the file, on to the disk, and then puts them there. */
  async #write<T>(bytes: Uint8Array, temporary: string, put: () => Promise<T>): Promise<T> {
    await this.makeFolder()
    try {
      await system('written', writeNew(temporary, bytes))
      const result = await system('written', put())
      await syncFolder(dirname(this.path))
      return result
    } catch (fault) {
      await unlink(temporary).catch(() => {})
      throw fault
    }
  }
}

async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx', 0o600)
  try {
    // The mode above is less what the user's mask takes away.
    if (hasModes) await handle.chmod(0o600)
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Not every system can do this; then the name comes to the disk when the system finds the time. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY).catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}

async function system<T>(verb: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const advice = verb === 'read' ? '' : '; see to it that its folder is yours and has room'
    throw new FileFault('system', `cannot be ${verb} (${codeOf(cause)})${advice}`, cause)
  }
}

/** The system's name for what went wrong. */
export function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? 'unknown error'
}
