/** The chosen provider's primitives. Everything right of this ring takes its cryptography from here. */
export { provider } from '#crypto'
export {
  type CryptoProvider,
  type DhKeyPair,
  type KeyType,
  type SigningKey,
  UnsupportedKeyError,
} from './provider.ts'
