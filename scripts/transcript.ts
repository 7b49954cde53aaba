/** Writes the parts of SPEC.md and README.md that follow from the sources: `npm run spec`. */
import { writePages } from './spec/page.ts'

writePages()
