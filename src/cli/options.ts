import { type ParseArgsConfig, parseArgs } from 'node:util'
import { ParleyError } from '../wire/errors.ts'

type Options = NonNullable<ParseArgsConfig['options']>
type Values<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: false }>
>['values']

/**
 * The values of the options on a command line that has nothing else. Throws `ERR_USAGE` with one sentence on what is wrong;
 * an address that stands by itself lacks `addressOption` before it.
 */
export function parseOptions<O extends Options>(
  args: string[],
  options: O,
  addressOption: string,
): Values<O> {
  try {
    return parseArgs({ args, options, allowPositionals: false as const }).values
  } catch (cause) {
    // node:util explains at length; its first sentence says what is wrong.
    const [sentence = 'The command line makes no sense'] = String((cause as Error).message).split(/\.\s|\.$/)
    const hint = sentence.includes("argument '/") ? `put ${addressOption} before it` : 'see --help'
    throw usageError(`${sentence}; ${hint}.`, cause)
  }
}

/** What is wrong with the command line, in one sentence. */
export function usageError(message: string, cause?: unknown): ParleyError {
  return new ParleyError('ERR_USAGE', message, { scope: 'host', cause })
}
