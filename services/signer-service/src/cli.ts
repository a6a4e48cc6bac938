#!/usr/bin/env node
import { createCli, environmentCommands } from '@countersign/runtime'
import { environment } from './config.ts'
import { auditCommands } from './operator/audit-commands.ts'
import { signerDatabaseCommands } from './operator/database-commands.ts'
import { kmsCommands } from './operator/kms-commands.ts'
import { createWithParts } from './operator/operator-parts.ts'
import { policyCommands } from './operator/policy-commands.ts'
import { principalCommands } from './operator/principal-commands.ts'
import { reconcileCommands } from './operator/reconcile-commands.ts'
import { transactionCommands } from './operator/transaction-commands.ts'
import { reserveCommands } from './operator/reserve-commands.ts'
import { rotationCommands } from './operator/rotation-commands.ts'
import { walletCommands } from './operator/wallet-commands.ts'
import { walletKeyCommands } from './operator/wallet-key-commands.ts'

const withParts = createWithParts(process.env)

process.exitCode = await createCli({ name: 'signer-service', description: 'Wallets, principals and policy, for the operator' })
  .add(
    ...walletCommands(withParts),
    ...walletKeyCommands(withParts),
    ...rotationCommands(withParts),
    ...reserveCommands(withParts),
    ...reconcileCommands(withParts),
    ...kmsCommands(process.env),
    ...auditCommands(withParts),
    ...principalCommands(withParts),
    ...policyCommands(withParts),
    ...transactionCommands(withParts),
    ...signerDatabaseCommands(process.env),
    ...environmentCommands({ title: 'signer-service', environment, env: process.env })
  )
  .run(process.argv)
