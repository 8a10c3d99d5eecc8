/** Sound as samples: no I/O, no native code; runs in Node and in browsers. Codecs are in ./codecs (Node only). */
export {}
