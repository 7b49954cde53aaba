// The few parts of the `varint` package that wire/varint.ts uses: it brings no types of its own, and those
// published for it want Node's, which this ring does without.
declare module 'varint' {
  const varint: {
    encode(value: number, out: Uint8Array, offset?: number): Uint8Array
    decode(bytes: Uint8Array, offset?: number): number
    encodingLength(value: number): number
  }
  export default varint
}
