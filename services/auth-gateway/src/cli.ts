import { createCli, environmentCommands } from '@countersign/runtime'
import { environment } from './config.ts'
import { describeApi } from './describe-api.ts'
import { indexCommands } from './index-commands.ts'

process.exitCode = await createCli({ name: 'countersign', description: 'auth-gateway: sign-in and sessions' })
  .add(
    ...environmentCommands({ title: 'auth-gateway', environment, env: process.env }),
    ...indexCommands(process.env),
    {
      name: 'openapi',
      description: 'Print the OpenAPI document of the gateway',
      async run ({ line }) {
        line(JSON.stringify(await describeApi()))
      }
    }
  )
  .run(process.argv)
