/** Wallets: how accounts of the five families are written, and who checks their proofs. */
export { openFamilies, type FamiliesOptions } from './open-families.ts'
export type { AccountFault, AccountGiven, EvmFamily, Families, Family, ProofVerdict, ProvedAccount, WalletAccount, WalletProof } from './families/families.ts'
export { createEvmFamily, type EvmFamilyDeps } from './families/evm-family.ts'
export type { NetworkOptions } from './families/networks.ts'
export { createSignaturePool, type SignaturePool, type SignaturePoolOptions } from './signature-pool/signature-pool.ts'
export { verifiers, type Proof, type Verdict } from './signature-pool/verifiers.ts'
export { createEvmRpcs, type EvmRpcs, type EvmRpcsOptions } from './chains/evm-rpcs.ts'
export { walletConfigFrom, walletRules, walletVariables, type WalletConfig } from './wallet-environment.ts'
