import type { Command } from '../command.ts'
import { answerChallengeByPasskey, answerChallengeByWallet, askPasskeyOfChallenge, askWalletOfChallenge, createChallenge, resendChallenge, verifyChallenge } from './challenges.ts'
import { earlierOtpStatus, sendEarlierOtp, verifyEarlierOtp } from './earlier-otp.ts'
import { beginTotp, confirmTotp, makeRecoveryCodes, objectToFactor, removeFactor, renameFactor } from './factor-changes.ts'
import { beginFactorWipe, confirmFactorWipe } from './factor-wipes.ts'
import { beginEmailFactor, confirmEmailFactor, describeFactors, listFactors } from './factors.ts'
import { beginPasskey, beginPasskeySignIn, beginPasskeyStepUp, confirmPasskey, verifyPasskeySignIn, verifyPasskeyStepUp } from './passkeys.ts'
import { beginSms, confirmSms } from './sms-factors.ts'
import { disableWallet, getWallet, listWallets, readWalletAudit } from './kms-wallets.ts'
import { beginStepUp, sendStepUp, verifyStepUp } from './step-ups.ts'
import { answerByWallet, askWallet, beginWallet, confirmWallet } from './wallet-factors.ts'
import { giveApproval, readApprovals } from './approvals.ts'
import { changePolicy, draftPolicy, explainPolicy, readPolicies } from './policies.ts'
import { answerMailbox, beginMailbox, cancelMailbox, resendMailbox } from './mailbox.ts'
import { cancelTransaction, countMoves, speedUpTransaction } from './transaction-moves.ts'
import { challengeTransaction, confirmTransaction, createTransaction, getTransaction, listTransactions } from './transactions.ts'
import { cancelSignature, challengeSignature, confirmSignature, createSignature, getSignature, listSignatures } from './signatures.ts'

/** Every command there is: Redis users, docs/messages.md and the tests are made from this list. */
export const commands: readonly Command[] = Object.freeze([
  beginEmailFactor, confirmEmailFactor, describeFactors, beginFactorWipe, confirmFactorWipe,
  beginTotp, confirmTotp, makeRecoveryCodes, objectToFactor, removeFactor, renameFactor,
  beginWallet, confirmWallet, askWallet, answerByWallet,
  beginPasskey, confirmPasskey, beginPasskeyStepUp, verifyPasskeyStepUp, beginPasskeySignIn, verifyPasskeySignIn,
  beginSms, confirmSms,
  createChallenge, resendChallenge, verifyChallenge, askWalletOfChallenge, answerChallengeByWallet, askPasskeyOfChallenge, answerChallengeByPasskey,
  beginStepUp, sendStepUp, verifyStepUp, listFactors,
  sendEarlierOtp, earlierOtpStatus, verifyEarlierOtp,
  beginMailbox, resendMailbox, answerMailbox, cancelMailbox,
  createTransaction, getTransaction, listTransactions, confirmTransaction, challengeTransaction, cancelTransaction, speedUpTransaction, countMoves,
  createSignature, getSignature, listSignatures, confirmSignature, challengeSignature, cancelSignature,
  listWallets, getWallet, disableWallet, readWalletAudit,
  readApprovals, giveApproval, readPolicies, draftPolicy, changePolicy, explainPolicy
])
