import { errors } from './errors.ts'
import { testFaults } from './fault.ts'

testFaults(errors)
