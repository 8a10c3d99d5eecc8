/** Sealing of UDP packets (libsodium) and the window that tells repeated ones. No sockets, no clocks. Node only. */
export {}
