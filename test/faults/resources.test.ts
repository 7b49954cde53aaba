import { testFaults } from './fault.ts'
import { resources } from './resources.ts'

testFaults(resources)
