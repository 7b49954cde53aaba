import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Multiaddr } from '#src/wire/multiaddr'
import { type Cutting, cuttingKinds, feed } from './support/feed.ts'
import { ReplaySocket } from './support/replay.ts'
import { type Outcome, runSession, type Transcript } from './support/transcript.ts'

const folder = join('test', 'corpus')

function replay({ entries, direction }: Transcript, cutting: Cutting): Promise<Outcome> {
  const socket = new ReplaySocket(Multiaddr.parse('/memory/recorded'), entries, bytes => feed(bytes, cutting))
  return runSession(socket, direction)
}

for (const file of readdirSync(folder)) {
  const transcript = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Transcript
  const { implementation, version, key, direction, outcome } = transcript
  describe(`a session with ${implementation} ${version}, ${key}, ${direction}`, () => {
    for (const cutting of cuttingKinds) {
      test(`comes to the same, cut: ${cutting}`, async () => {
        // As it was written down: what is undefined is not there.
        assert.deepEqual(JSON.parse(JSON.stringify(await replay(transcript, cutting))), outcome)
      })
    }
  })
}
