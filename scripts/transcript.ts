/** Writes the parts of SPEC.md that follow from the sources: `npm run spec`. */
import { writePage } from './spec/page.ts'

writePage()
