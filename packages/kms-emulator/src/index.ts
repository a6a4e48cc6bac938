export { startKmsEmulator, type EmulatorLog, type KmsEmulator, type KmsEmulatorOptions } from './emulator.ts'
export { type Faults, type FaultSwitches } from './faults.ts'
export { operationNames } from './operation-names.ts'
export { defaultSeeds, seedsFromJson, type Seed } from './seeds.ts'
