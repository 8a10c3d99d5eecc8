/** Speech: the recogniser port, utterances, endpointing, engines. */
export * from './recogniser.ts'
