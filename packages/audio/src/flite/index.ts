/** Words to samples by flite (CMU's small synthesiser, compiled to WASM). Node only; synchronous, so it belongs in a thread. */
export { type FliteModule, FliteProgram, type FliteRun, loadFliteModule } from './flite-program.ts'
