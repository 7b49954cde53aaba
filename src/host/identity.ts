import { constants } from 'node:fs'
import { type FileHandle, link, mkdir, open, unlink } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { provider } from '../crypto/index.ts'
import { hex, utf8 } from '../wire/bytes.ts'
import { ParleyError } from '../wire/errors.ts'
import { generateKey, type KeyType, PrivateKey } from '../wire/keys.ts'

/** An 8192-bit RSA key takes some 4.7 KB. */
const maxFile = 16 * 1024

/** Any right of the group or of others. */
const othersMode = 0o077

/** Where the identity that belongs to a port is kept: in the user's data directory. */
export function identityFile(port: number, env: Record<string, string | undefined> = process.env): string {
  const base = env.XDG_DATA_HOME || env.LOCALAPPDATA || join(homedir(), '.local', 'share')
  return join(base, 'parley', `identity-${port}.key`)
}

/** The same key for the same port, every time and for everyone: for experiments only. */
export function debugIdentity(port: number): PrivateKey {
  return PrivateKey.fromSeed(provider.sha256(utf8(`parley debug identity ${port}`)))
}

/**
 * The key in a file, which holds the libp2p envelope as it is; a missing file is made, with mode 0600 in a directory of
 * mode 0700. A file that is there is never written to. Throws `ERR_IDENTITY_FILE` when it cannot be read, is damaged,
 * is not a plain file of the user's own, or is open to others.
 */
export async function loadIdentity(file: string, type: KeyType = 'ed25519'): Promise<PrivateKey> {
  return (await readIdentity(file)) ?? (await createIdentity(file, type))
}

async function readIdentity(file: string): Promise<PrivateKey | undefined> {
  const handle = await openIdentity(file)
  if (!handle) return undefined
  try {
    await checkFile(handle, file)
    const bytes = await handle.readFile()
    return PrivateKey.fromBytes(new Uint8Array(bytes))
  } catch (cause) {
    if (cause instanceof ParleyError && cause.code === 'ERR_IDENTITY_FILE') throw cause
    throw refused(file, 'is damaged; restore it from a copy, or move it away to get a new identity', cause)
  } finally {
    await handle.close()
  }
}

/** Neither follows a link nor waits for the other end of a pipe. */
async function openIdentity(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (code === 'ELOOP') throw refused(file, 'is a symbolic link; name the file itself', cause)
    throw refused(file, 'cannot be read; check who owns it and its mode', cause)
  }
}

async function checkFile(handle: FileHandle, file: string): Promise<void> {
  const stat = await handle.stat()
  if (!stat.isFile()) throw refused(file, 'is not a plain file')
  if (stat.size > maxFile) throw refused(file, 'is too large to be a key')
  if (process.platform === 'win32') return
  if (stat.uid !== process.getuid?.()) throw refused(file, 'belongs to another user')
  if (stat.mode & othersMode) throw refused(file, `is open to other users; run: chmod 600 '${file}'`)
}

/** Written beside and then linked, so that the name never stands for half a key nor replaces another one. */
async function createIdentity(file: string, type: KeyType): Promise<PrivateKey> {
  const key = await generateKey(type)
  const temporary = `${file}.${hex(provider.randomBytes(8))}.new`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writePrivate(temporary, key.bytes)
    await link(temporary, file)
    return key
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const existing = code === 'EEXIST' ? await readIdentity(file) : undefined
    if (existing) return existing
    throw refused(
      file,
      `cannot be written (${code ?? 'unknown error'}); choose another file with --identity`,
      cause,
    )
  } finally {
    await unlink(temporary).catch(() => {})
  }
}

async function writePrivate(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function refused(file: string, fault: string, cause?: unknown): ParleyError {
  return new ParleyError('ERR_IDENTITY_FILE', `The identity file ${file} ${fault}.`, { scope: 'host', cause })
}
