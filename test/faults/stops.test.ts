import { testFaults } from './fault.ts'
import { stops } from './stops.ts'

testFaults(stops)
