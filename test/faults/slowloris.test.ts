import { testFaults } from './fault.ts'
import { slowloris } from './slowloris.ts'

testFaults(slowloris)
