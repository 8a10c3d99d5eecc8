// Sharing of what is loaded lazily: native libraries and WASM modules.

/** Runs `load` for the first caller and shares its outcome; a failure is not remembered, so the next call tries again. */
export function loadOnce<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined
  return () => {
    loading ??= load().catch((failure: unknown) => {
      loading = undefined
      throw failure
    })
    return loading
  }
}
