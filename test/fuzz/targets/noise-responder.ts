import type { Target } from '../engine/target.ts'
import { NoisePlay, noiseSeeds } from './noise.ts'

const target: Target = {
  run: input => new NoisePlay(input, 'responder').run(),
  maxLength: 600,
  seeds: noiseSeeds,
}

export default target
