// js-libp2p 3 needs Promise.withResolvers, which Node has from version 22 on.
Promise.withResolvers ??= function () {
  let resolve
  let reject
  const promise = new this((settle, fail) => {
    resolve = settle
    reject = fail
  })
  return { promise, resolve, reject }
}
