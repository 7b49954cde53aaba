import { provider } from '../crypto/index.ts'
import { attempt } from '../wire/attempt.ts'
import { utf8 } from '../wire/bytes.ts'
import { ParleyError } from '../wire/errors.ts'
import { generateKey, type KeyType, PrivateKey } from '../wire/keys.ts'
import { lockFile } from './file-lock.ts'
import { codeOf, dataFile, FileFault, PrivateFile } from './private-file.ts'

/** Bytes of a key file; an 8192-bit RSA key takes some 4.7 KB. */
const maxFile = 16 * 1024

/** Where the identity that belongs to a port is kept: in the user's data directory. */
export function identityFile(port: number, env?: Record<string, string | undefined>): string {
  return dataFile(`identity-${port}.key`, env)
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
  const own = new PrivateFile(file, maxFile)
  try {
    return (await readIdentity(own)) ?? (await createIdentity(own, type))
  } catch (cause) {
    throw cause instanceof FileFault ? refused(file, cause.message, cause) : cause
  }
}

/**
 * Keeps an identity file to this process until it ends, or calls what this returns: two peers of one identity take each
 * other's connections away. To read the key alone takes no lock. Throws `ERR_IDENTITY_IN_USE` when it is locked already.
 */
export async function lockIdentity(file: string): Promise<() => void> {
  const release = await lockFile(file).catch(cause => {
    throw refused(
      file,
      `cannot be locked (${codeOf(cause)}); keep it in a folder that you can write to`,
      cause,
    )
  })
  if (release) return release
  throw new ParleyError(
    'ERR_IDENTITY_IN_USE',
    `The identity file ${file} is in use by another process; end that one, or choose another port or --identity.`,
    { scope: 'host' },
  )
}

async function readIdentity(own: PrivateFile): Promise<PrivateKey | undefined> {
  const bytes = await own.read()
  return (
    bytes &&
    attempt(
      () => PrivateKey.fromBytes(bytes),
      cause => damaged(own.path, cause),
    )
  )
}

async function createIdentity(own: PrivateFile, type: KeyType): Promise<PrivateKey> {
  const key = await generateKey(type)
  if (await own.create(key.bytes)) return key
  const existing = await readIdentity(own)
  if (existing) return existing
  throw refused(own.path, 'came and went while it was made; try again')
}

function damaged(file: string, cause: unknown): ParleyError {
  return refused(file, 'is damaged; restore it from a copy, or move it away to get a new identity', cause)
}

function refused(file: string, fault: string, cause?: unknown): ParleyError {
  return new ParleyError('ERR_IDENTITY_FILE', `The identity file ${file} ${fault}.`, { scope: 'host', cause })
}
