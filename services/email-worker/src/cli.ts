#!/usr/bin/env node
import { createCli, environmentCommands } from '@countersign/runtime'
import { environment } from './config.ts'
import { mailDatabaseCommands } from './database-commands.ts'
import { operatorCommands } from './operator-commands.ts'

process.exitCode = await createCli({ name: 'email-worker', description: 'Mails, for the operator' })
  .add(...operatorCommands(process.env), ...mailDatabaseCommands(process.env), ...environmentCommands({ title: 'email-worker', environment, env: process.env }))
  .run(process.argv)
