/** Who checks the proofs of which family: the same table on the event loop and in the threads. */
import type { WalletFamily } from '@countersign/contracts'
import {
  verifyBitcoinMessage, verifyCosmosMessage, verifyEvmMessage, verifyEvmTypedData, verifySolanaMessage, verifyStacksMessage,
  type BitcoinProof, type BitcoinVerdict, type CosmosProof, type CosmosVerdict, type EvmProof, type EvmTypedDataProof, type EvmVerdict,
  type SolanaProof, type SolanaVerdict, type StacksProof, type StacksVerdict
} from '@countersign/wallet-proofs'

interface Checks extends Record<WalletFamily, unknown> {
  readonly evm: { readonly proof: EvmProof | EvmTypedDataProof, readonly verdict: EvmVerdict }
  readonly solana: { readonly proof: SolanaProof, readonly verdict: SolanaVerdict }
  readonly cosmos: { readonly proof: CosmosProof, readonly verdict: CosmosVerdict }
  readonly stacks: { readonly proof: StacksProof, readonly verdict: StacksVerdict }
  readonly bitcoin: { readonly proof: BitcoinProof, readonly verdict: BitcoinVerdict }
}

export type Proof<F extends WalletFamily> = Checks[F]['proof']
export type Verdict<F extends WalletFamily> = Checks[F]['verdict']

/** None of them ever rejects. */
export const verifiers: { readonly [F in WalletFamily]: (proof: Proof<F>) => Promise<Verdict<F>> } = {
  evm: (proof) => 'typedData' in proof ? verifyEvmTypedData(proof) : verifyEvmMessage(proof),
  solana: verifySolanaMessage,
  cosmos: verifyCosmosMessage,
  stacks: verifyStacksMessage,
  bitcoin: verifyBitcoinMessage
}
