/** `db …` of email-worker's database. */
import { databaseCommands, databaseOf } from '@countersign/mongo'
import type { CliCommand, EnvironmentSource } from '@countersign/runtime'
import { indexes } from './indexes.ts'

export const mailDatabaseCommands = (env: EnvironmentSource): CliCommand[] => databaseCommands({ service: 'email-worker', withDb: databaseOf('email-worker', env), indexes })
