import { clocks } from './clocks.ts'
import { testFaults } from './fault.ts'

testFaults(clocks)
