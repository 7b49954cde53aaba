import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Budget, BudgetAllowance, type Counts, type Reservation } from '#src/net/budget'

const none: Counts = { connections: 0, inbound: 0, streams: 0, bytes: 0 }

describe('a budget', () => {
  test('counts what is reserved in it and in all budgets above, and takes back twice what is released twice once', () => {
    const system = new Budget()
    const peer = new Budget({ parent: system })
    const reservation = peer.reserve('streams', 2)!
    assert.deepEqual([peer.used.streams, system.used.streams], [2, 2])
    reservation.release()
    reservation.release()
    assert.deepEqual([peer.used, system.used], [none, none])
  })

  test('reserves all or nothing, whichever limit is in the way', () => {
    for (const limits of [{ inner: 3 }, { outer: 3 }]) {
      const system = new Budget({ limits: { bytes: limits.outer ?? 100 } })
      const peer = new Budget({ parent: system, limits: { bytes: limits.inner ?? 100 } })
      assert.ok(peer.reserve('bytes', 3))
      assert.equal(peer.reserve('bytes', 1), undefined)
      assert.deepEqual([peer.used.bytes, system.used.bytes], [3, 3])
    }
  })

  test('resizes a reservation, or leaves it as it was', () => {
    const budget = new Budget({ limits: { bytes: 10 } })
    const reservation = budget.reserve('bytes', 0)!
    assert.deepEqual([reservation.resize(10), reservation.resize(11), budget.used.bytes], [true, false, 10])
    assert.deepEqual([reservation.resize(4), budget.used.bytes], [true, 4])
  })

  test('moves to another parent with all that it has, though both are full, or stays', () => {
    const system = new Budget({ limits: { connections: 1 } })
    const pending = new Budget({ parent: system, limits: { connections: 1 } })
    const peer = new Budget({ parent: system })
    const full = new Budget({ parent: system, limits: { streams: 0 } })
    const connection = new Budget({ parent: pending })
    connection.reserve('connections')
    connection.reserve('streams')
    assert.equal(connection.move(full), false)
    assert.deepEqual([pending.used.streams, full.used, system.used.streams], [1, none, 1])
    assert.equal(connection.move(peer), true)
    assert.deepEqual([pending.used, peer.used.connections, system.used.connections], [none, 1, 1])
  })

  test('counts no less than nothing where its old place was taken while room was made in the new one', () => {
    const system = new Budget({ limits: { connections: 2 } })
    const pending = new Budget({ parent: system })
    const older = new Budget()
    const relieve = () => {
      older.close()
      return system.reserve('connections', 2) !== undefined
    }
    const peer = new Budget({ parent: system, limits: { connections: 1 }, relieve })
    older.move(peer)
    older.reserve('connections')
    const newcomer = new Budget({ parent: pending })
    newcomer.reserve('connections')
    assert.equal(newcomer.move(peer), false)
    newcomer.close()
    assert.deepEqual([pending.used, peer.used], [none, none])
    assert.equal(system.used.connections, 2)
  })

  test('moves nowhere once it is closed, even in the middle', () => {
    const system = new Budget()
    const pending = new Budget({ parent: system })
    const newcomer = new Budget({ parent: pending })
    const older = new Budget()
    const relieve = () => {
      for (const budget of [newcomer, older]) budget.close()
      return true
    }
    const peer = new Budget({ parent: system, limits: { connections: 1 }, relieve })
    older.move(peer)
    older.reserve('connections')
    newcomer.reserve('connections')
    assert.deepEqual([newcomer.move(peer), newcomer.move(pending)], [false, false])
    assert.deepEqual([system.used, pending.used, peer.used], [none, none, none])
  })

  test('knows what a reservation has, though it grows again while room is made for it', () => {
    const relieve = () => {
      other.release()
      return mine.resize(5)
    }
    const system = new Budget({ limits: { bytes: 10 }, relieve })
    const other = system.reserve('bytes', 9)!
    const mine = system.reserve('bytes', 1)!
    assert.equal(mine.resize(2), true)
    assert.equal(system.used.bytes, 5)
    mine.release()
    assert.deepEqual(system.used, none)
  })

  test('gives everything back when it closes; what is released or reserved later counts no more', () => {
    const system = new Budget()
    const connection = new Budget({ parent: system })
    const reservation = connection.reserve('streams')!
    connection.close()
    connection.close()
    assert.deepEqual(system.used, none)
    reservation.release()
    assert.equal(connection.reserve('streams'), undefined)
    assert.deepEqual(system.used, none)
  })

  test('tries again as long as something is given back for it', () => {
    const held: Reservation[] = []
    const relieve = () => {
      const oldest = held.shift()
      oldest?.release()
      return oldest !== undefined
    }
    const system = new Budget({ limits: { bytes: 3 }, relieve })
    for (let i = 0; i < 3; i++) held.push(system.reserve('bytes')!)
    assert.ok(system.reserve('bytes', 2))
    assert.equal(held.length, 1)
    assert.ok(system.reserve('bytes', 1))
    assert.equal(system.reserve('bytes', 3), undefined)
    assert.deepEqual([held.length, system.used.bytes], [0, 3])
  })

  test('asks for nothing back for what could never fit', () => {
    let asked = 0
    const system = new Budget({ limits: { bytes: 3 }, relieve: () => ++asked < 10 })
    assert.equal(system.reserve('bytes', 4), undefined)
    assert.equal(asked, 0)
  })

  test('reserves nothing for the one that was closed to make room', () => {
    const system = new Budget({
      limits: { bytes: 1 },
      relieve: () => {
        connection.close()
        return true
      },
    })
    const connection = new Budget({ parent: system })
    connection.reserve('bytes')
    assert.equal(connection.reserve('bytes'), undefined)
    assert.deepEqual(system.used, none)
  })

  test('always equals the sum of what is reserved below, whatever is done', () => {
    const step = fc.tuple(fc.nat(2), fc.constantFrom('reserve', 'release', 'move', 'close'), fc.nat(7))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const system = new Budget({ limits: { bytes: 20 } })
        const peers = [0, 1].map(() => new Budget({ parent: system, limits: { bytes: 12 } }))
        const leaves = [0, 1, 2].map(i => ({
          budget: new Budget({ parent: peers[i % 2]! }),
          peer: i % 2,
          open: true,
        }))
        const held: { leaf: number; count: number; reservation: Reservation }[] = []
        for (const [leaf, verb, count] of steps) {
          const own = leaves[leaf]!
          if (verb === 'reserve') {
            const reservation = own.budget.reserve('bytes', count)
            if (reservation) held.push({ leaf, count, reservation })
          } else if (verb === 'release') held.splice(0, 1).map(({ reservation }) => reservation.release())
          else if (verb === 'move' && own.open)
            own.peer = own.budget.move(peers[count % 2]!) ? count % 2 : own.peer
          else if (verb === 'close') {
            own.open = false
            own.budget.close()
          }
        }
        const sum = (fits: (leaf: number) => boolean) =>
          held.reduce((total, { leaf, count }) => total + (leaves[leaf]!.open && fits(leaf) ? count : 0), 0)
        assert.equal(
          system.used.bytes,
          sum(() => true),
        )
        for (const [i, peer] of peers.entries()) {
          assert.equal(
            peer.used.bytes,
            sum(leaf => leaves[leaf]!.peer === i),
          )
        }
      }),
    )
  })
})

test('what a connection may take shrinks with what is left anywhere above: first growth, then new streams, then bytes', () => {
  const system = new Budget({ limits: { bytes: 100 } })
  const { accepts, grows } = new BudgetAllowance(new Budget({ parent: system }))
  assert.deepEqual([accepts, grows], [true, true])
  const allowance = new BudgetAllowance(new Budget({ parent: new Budget({ parent: system }) }))
  assert.deepEqual([allowance.hold(76), allowance.accepts, allowance.grows], [true, true, false])
  assert.deepEqual([allowance.hold(91), allowance.accepts, allowance.grows], [true, false, false])
  assert.deepEqual([allowance.hold(101), allowance.hold(100), allowance.hold(0)], [false, true, true])
  assert.deepEqual([system.used.bytes, allowance.accepts, allowance.grows], [0, true, true])
})

test('those who have fewer streams than others do may open some when these are nearly used up', () => {
  const system = new Budget({ limits: { streams: 10 } })
  const [greedy, modest] = [1, 2].map(() => {
    const budget = new Budget({ parent: system })
    budget.reserve('connections')
    return new BudgetAllowance(budget)
  })
  const opened = Array.from({ length: 10 }, () => greedy!.stream()).filter(stream => stream !== undefined)
  assert.equal(opened.length, 9)
  assert.ok(modest!.stream())
  opened[0]!.release()
  assert.equal(greedy!.stream(), undefined)
  assert.ok(modest!.stream())
})

test('those who hold less than others do may go on when memory is nearly used up', () => {
  const system = new Budget({ limits: { bytes: 100 } })
  const [greedy, modest] = [1, 2].map(() => {
    const budget = new Budget({ parent: system })
    budget.reserve('connections')
    return new BudgetAllowance(budget)
  })
  assert.equal(greedy!.hold(94), true)
  assert.deepEqual([greedy!.accepts, modest!.accepts, modest!.grows], [false, true, false])
  assert.equal(modest!.hold(6), true)
  assert.deepEqual([greedy!.accepts, modest!.accepts], [false, true])
})
