/** The user whom nothing belongs to. */
export const nobody = 65_534

/** Does something with the rights of nobody; for root alone. */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  process.seteuid!(nobody)
  try {
    return await work()
  } finally {
    process.seteuid!(0)
  }
}
