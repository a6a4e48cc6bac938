import { createCli, environmentCommands } from '@countersign/runtime'
import { environment } from './config.ts'
import { describeApi } from './describe-api.ts'
import { gatewayDatabaseCommands } from './operators/database-commands.ts'
import { importCommands } from './operators/import-commands.ts'
import { keyCommands } from './operators/key-commands.ts'
import { notifyCommands } from './operators/notify-commands.ts'
import { statsCommands } from './operators/stats-commands.ts'
import { userCommands } from './operators/user-commands.ts'
import { createWithMongo } from './operators/with-mongo.ts'

const withMongo = createWithMongo(process.env)

process.exitCode = await createCli({ name: 'countersign', description: 'auth-gateway: sign-in and sessions' })
  .add(
    ...environmentCommands({ title: 'auth-gateway', environment, env: process.env }),
    ...gatewayDatabaseCommands(process.env),
    ...userCommands(withMongo),
    ...importCommands(withMongo),
    ...keyCommands(withMongo),
    ...statsCommands(withMongo),
    ...notifyCommands(withMongo),
    {
      name: 'openapi',
      description: 'Print the OpenAPI document of the gateway',
      async run ({ line }) {
        line(JSON.stringify(await describeApi()))
      }
    }
  )
  .run(process.argv)
