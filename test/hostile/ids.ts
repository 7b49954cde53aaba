/** One area of the list of bad inputs: `B1` to `B8` are about framing, and so on. */
export interface Area {
  readonly name: string
  readonly first: number
  readonly last: number
  /** Inputs that were put in later, behind the one whose number they share. */
  readonly later?: readonly string[]
  /** Why nothing of it applies, where that is so. */
  readonly absent?: string
}

const noGossip = 'gossipsub is not spoken yet'

/** The whole list, so that none of it can be forgotten. */
export const areas: readonly Area[] = [
  { name: 'framing', first: 1, last: 8 },
  { name: 'protobuf', first: 9, last: 15 },
  { name: 'addresses', first: 16, last: 25 },
  { name: 'keys', first: 26, last: 39 },
  { name: 'noise', first: 40, last: 49, later: ['B49b'] },
  { name: 'negotiation', first: 50, last: 60 },
  { name: 'yamux', first: 61, last: 81 },
  { name: 'host', first: 82, last: 94 },
  { name: 'gossipsub', first: 95, last: 110, absent: noGossip },
  { name: 'kademlia', first: 111, last: 117, absent: 'the Kademlia DHT is not spoken yet' },
  { name: 'relay', first: 118, last: 118, absent: 'relaying is not spoken yet' },
  { name: 'mDNS', first: 119, last: 118, later: ['B118b'], absent: 'mDNS is not spoken yet' },
  { name: 'terminal', first: 119, last: 125 },
  { name: 'files', first: 126, last: 131 },
  { name: 'admission', first: 132, last: 132 },
]

/** The ids of an area. */
export function idsOf({ first, last, later = [] }: Area): string[] {
  const numbered = Array.from({ length: last - first + 1 }, (_, i) => `B${first + i}`)
  return [...numbered, ...later]
}

/** Every id there is. */
export const ids: readonly string[] = areas.flatMap(idsOf)
