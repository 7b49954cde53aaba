import { testFaults } from './fault.ts'
import { halfOpen } from './half-open.ts'

testFaults(halfOpen)
