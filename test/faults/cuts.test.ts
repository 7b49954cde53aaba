import { cuts } from './cuts.ts'
import { testFaults } from './fault.ts'

testFaults(cuts)
