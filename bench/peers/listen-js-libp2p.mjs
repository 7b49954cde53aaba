/** The least js-libp2p program that listens: what the suite `start` waits for. */
import { listen } from './contenders/js-libp2p.mjs'
import { services } from './services.mjs'

console.log((await listen(services, {})).echo)
