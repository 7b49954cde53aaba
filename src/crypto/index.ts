import { provider as chosen } from '#crypto'
import type { CryptoProvider } from './provider.ts'

/** The chosen provider's primitives. Everything right of this ring takes its cryptography from here. */
export const provider: CryptoProvider = chosen

export {
  type CryptoProvider,
  type DhKeyPair,
  type KeyType,
  type SigningKey,
  UnsupportedKeyError,
} from './provider.ts'
