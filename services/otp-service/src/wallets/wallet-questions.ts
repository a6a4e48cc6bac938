/** What a wallet is asked to sign, and whether it did: both made from the same stored words, never from what is sent back. */
import { confirmationMessage, confirmationTypedData, type Confirmation, type WalletRequest } from '@countersign/contracts'
import type { Families, ProofVerdict } from '@countersign/wallets'
import { signableUntil, type Challenge } from '../challenges/challenge.ts'
import type { FactorWallet } from './factor-wallet.ts'

export interface WalletAnswer {
  readonly signature: string
  readonly publicKey?: string
}

/** All but the site, which is this house's own. */
export type WalletQuestion = Omit<Confirmation, 'site'>

export interface WalletQuestions {
  ask (wallet: FactorWallet, question: WalletQuestion): WalletRequest
  /** @param askChain whether a contract may have signed */
  judge (wallet: FactorWallet, question: WalletQuestion, answer: WalletAnswer, askChain: boolean): Promise<ProofVerdict>
}

/** @param site host[:port] that wallets show */
export function createWalletQuestions ({ families, site }: { readonly families: Families, readonly site: string }): WalletQuestions {
  const typedData = (wallet: FactorWallet, question: WalletQuestion) => confirmationTypedData({ ...question, site }, Number(wallet.chainReference))
  const message = (wallet: FactorWallet, question: WalletQuestion) => confirmationMessage({ ...question, site }, wallet)

  return {
    ask (wallet, question) {
      const { family, address } = wallet
      return { family, address, ...family === 'evm' ? { typed_data: typedData(wallet, question) } : { message: message(wallet, question) }, expires_at: question.expiresAt.toISOString() }
    },

    async judge (wallet, question, { signature, publicKey }, askChain) {
      if (wallet.family === 'evm') return await families.evm.proveTypedData(wallet, { typedData: typedData(wallet, question), signature }, askChain)
      return await families[wallet.family].prove(wallet, { message: message(wallet, question), signature, ...publicKey !== undefined && { publicKey } }, askChain)
    }
  }
}

/** Whatever it is about. */
export const questionOf = (challenge: Challenge): WalletQuestion => {
  const { id, text, userId, purpose, actionDigest, createdAt } = challenge
  return { text, purpose, account: userId, nonce: id, digest: actionDigest, issuedAt: createdAt, expiresAt: signableUntil(challenge) }
}
