// What `require('parley')` gets is the ES module itself: one copy of the library for both kinds of caller.
module.exports = require('../dist/index.js')
