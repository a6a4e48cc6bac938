#!/usr/bin/env node
import { createCli, environmentCommands } from '@countersign/runtime'
import { environment } from './config.ts'
import { otpDatabaseCommands } from './database-commands.ts'
import { operatorCommands } from './operator-commands.ts'

process.exitCode = await createCli({ name: 'otp-service', description: 'Factors and challenges, for the operator' })
  .add(...operatorCommands(process.env), ...otpDatabaseCommands(process.env), ...environmentCommands({ title: 'otp-service', environment, env: process.env }))
  .run(process.argv)
