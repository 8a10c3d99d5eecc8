/** Protocols of speech and text providers, as a client speaks them; knows neither sessions nor engines. */
export {}
