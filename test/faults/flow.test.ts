import { testFaults } from './fault.ts'
import { flow } from './flow.ts'

testFaults(flow)
