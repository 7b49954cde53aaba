/** What the pictures in docs/ are drawn with. They suit both schemes of whoever looks at them, and have no ground of their own. */

const style = `text { fill: #1f2328; font: 13px ui-sans-serif, system-ui, 'Segoe UI', sans-serif }
.title { font-weight: 600 } .quiet { fill: #59636e } .bar { fill: #afb8c1 } .ours { fill: #0969da }
.line { fill: none; stroke: #0969da; stroke-width: 1.5 } .axis { stroke: #afb8c1 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .quiet { fill: #9198a1 } .bar { fill: #57606a } .ours { fill: #4493f8 }
.line { stroke: #4493f8 } .axis { stroke: #57606a } }`

/** A whole picture of what was drawn. */
export function page(
  title: string,
  { width, height }: { width: number; height: number },
  drawn: readonly string[],
): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>${title}</title>
<style>${style}</style>
${drawn.join('\n')}
</svg>
`
}

/** A piece of text, from a point of its base line. */
export function text(kind: string, x: number, y: number, content: string): string {
  return `<text class="${kind}" x="${Number(x.toFixed(1))}" y="${Number(y.toFixed(1))}">${content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`
}
