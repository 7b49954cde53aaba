import { testFaults } from './fault.ts'
import { kills } from './kills.ts'

testFaults(kills)
