// What the five earlier systems had, and where it lives now. One table: scripts/earlier.mjs runs from it, docs/earlier-systems.md is made from it, a test reads it.

/** npm scripts (by name) and scripts (by path) of theirs that hand over to countersign with the same arguments. */
export const aliases = {
  'setup:db:indexes': 'db indexes ensure',
  'verify:db:indexes': 'db indexes verify',
  'verify:db': 'db verify',
  'db:migrate': 'db migrate',
  'db:migrate:rollback': 'db rollback',
  'test:kms': 'kms test',
  'test:kms-signing': 'kms test',
  'scripts/notify-users.js': 'notify users',
  'scripts/derive-kms-address.js': 'kms address',
  'scripts/db/ensure-indexes.js': 'db indexes ensure',
  'scripts/profile-db.js': 'db profile'
}

/** [what was typed, the countersign command in its place or undefined, what to know]. */
export const commands = [
  ['`cp .env.example .env`, `openssl rand -hex 64`', 'env init', 'writes a `.env` with fresh secrets'],
  ['`node -e "console.log(process.env.MONGODB_URI)"`', 'env check', 'each variable as set, missing, weak or unused; never a value'],
  ['`db.….createIndex(…)`, `syncIndexes()`, `db.….reIndex()`', 'db indexes ensure', 'services ensure theirs at start; MongoDB keeps indexes up to date, so nothing is rebuilt by schedule'],
  ['`db.….getIndexes()`', 'db indexes verify', 'names what differs from the earlier lists on purpose'],
  ['`SELECT … FROM _prisma_migrations`', 'db status', ''],
  ['`alembic upgrade head`, `docker-compose exec api npm run db:migrate`', 'db migrate', 'in a container, where one service and its database user live: `docker compose exec auth-gateway node dist/cli.js db migrate`'],
  ['`alembic revision --autogenerate`', undefined, 'a migration is written by hand: `Migration` of `packages/mongo`'],
  ['`mongod --repair` by night', undefined, 'never against a directory that a server uses; look with `countersign db verify --full`'],
  ['`mongodump`, `mongorestore`', 'db verify', 'MongoDB\'s own tools still do it, with an administrator\'s address and one database per service (`countersign_auth`, `_otp`, `_signer`, `_email`); after a restore: `db indexes ensure`, then `db verify --full`'],
  ['`pg_dump`, `psql`', undefined, 'the database is MongoDB: `mongodump`, and `db verify` after a restore'],
  ['`db.wallet_sessions.countDocuments({ status: "active" })`', 'stats sessions', 'by what opened them and by network; all the time: `wallet_sessions_active{network}`'],
  ['`db.wallet_connections.aggregate(…)`', 'stats wallets', '`connected` by wallet type, and linked logins'],
  ['`db.wallet_sessions.countDocuments({ revocationReason: … })`', 'stats failures', '`--since 1h`; failures are counted where they happen, in the audit'],
  ['`nodemailer … verify`', 'email verify', 'greets the mail server and logs in'],
  ['`nodemailer … sendMail`', 'email test', '`--to <address>`'],
  ['`debug-otp-hash.js`', 'otp explain', 'the state of a challenge; no command shows a code or its hash'],
  ['`db.otpverifications.countDocuments({ is_used: false })`, `weekly-health-check.js`', 'otp health', 'exit 1 above 100 locked accounts or 1000 pending codes'],
  ['`db.otpverifications.find({ is_locked: true })`, `aggregate(…)` by user', 'otp lockouts', '`--top 10`; one user: `factors show`'],
  ['`generateMonthlyReport()`', 'otp report', '`--month YYYY-MM`; exit 1 under 90 %'],
  ['`security-audit.sh`', 'otp audit', '`--logs <folder>`, `--gateway <url>`'],
  ['resetting a lock by hand', 'factors reopen', 'a mailbox: `mailboxes reopen`'],
  ['`db.….deleteOne(…)` for somebody who lost his address', 'factors reset', 'after a delay, with a notice to every old address; `factors cancel-reset` keeps them'],
  ['`cleanupExpiredOTPs()` by evening', 'otp cleanup', 'need not be run: codes end by the database\'s clock, and the service counts them for the report and lets them go'],
  ['`setInterval(cleanupExpiredSessions, 3600000)`', undefined, 'the gateway does it every `SESSION_CLEANUP_INTERVAL`, one process at a time, and logs `Session cleanup`'],
  ['`aws kms create-key`, `create-alias`', 'wallets create', 'or with the AWS command line as before, and `--key-id`; `--tags` and `--description` as there'],
  ['`pm2 start index.js --name stacks-api`, `uvicorn app.main:app`', undefined, '`npm start` for the local stack; in production each service is `node services/<name>/dist/main.js`, or `docker compose up -d`'],
  ['`pm2 logs`, `docker logs privexbot-backend`', undefined, '`docker compose logs -f auth-gateway`; with `LOG_DIR` a file per service as well'],
  ['`pm2 restart`, `pm2 stop`', undefined, '`docker compose restart auth-gateway`; a service that gets SIGTERM finishes what it has in hand'],
  ['`INSERT INTO users …`, accounts and bcrypt hashes taken along', 'users import', 'a file with one JSON object per line; `--dry-run` checks it; bcrypt hashes are replaced at the first sign-in'],
  ['`docker compose -f docker-compose.dev.yml up`', undefined, '`npm start`, or `docker compose up`: one file'],
  ['`node workers/emailWorker.js`', undefined, '`node services/email-worker/dist/main.js`; it still greets its mail server first and ends when it cannot'],
  ['`npm test -- otp.service.test.js`', undefined, '`npm test -- services/otp-service/test/challenges.test.ts`'],
  ['`npm test -- wallet-otp.integration.test.js`', undefined, '`npm test -- services/auth-gateway/test/wallet-otp.test.ts`, and the document\'s own commands: `npm test -- e2e/test/seed-002.test.ts`'],
  ['`pytest …`, `python scripts/test_integration.py`', undefined, '`npm test -- e2e/test/seed-004.test.ts`; with coverage `npm run coverage`'],
  ['`node scripts/utxo-manager.js`, `node scripts/sweep-change.js`', undefined, 'not yet: they come with the UTXO pool'],
  ['`ops/deploy.sh`, `ops/rollback.sh`, ECS and ECR commands', undefined, 'deployment is yours; each service is one image of `infra/service.Dockerfile`']
]

const at = (prefix, ...paths) => paths.map((path) => path.replace(' ', ` ${prefix}`))
const auth = (...paths) => at('/api/v1/auth', ...paths)
const wallet = (...paths) => at('/api/wallet', ...paths)

/** Paths that are served as they were; each is a route of the contracts. */
export const paths = [
  ...wallet('POST /connection-request', 'POST /connect', 'POST /authenticate', 'GET /me', 'GET /:address', 'GET /wallets/all', 'POST /disconnect', 'POST /disconnect/:address', 'POST /logout', 'PUT /profile', 'GET /verify/:sessionId'),
  ...auth('POST /email/signup', 'POST /email/login', 'POST /email/change-password', 'POST /email/link'),
  ...['evm', 'solana', 'cosmos'].flatMap((family) => auth(`POST /${family}/challenge`, `POST /${family}/verify`, `POST /${family}/link`)),
  ...auth('POST /logout', 'GET /me', 'PUT /me', 'DELETE /auth-method/:provider/:provider_id', 'POST /password-reset/request', 'POST /password-reset/confirm'),
  ...wallet('POST /otp/send', 'GET /otp/status', 'POST /otp/verify', 'POST /verify-otp'),
  'POST /user/register', 'POST /user/login'
]

/** Pages and probes, which no contract describes. */
export const pages = ['/', '/docs', '/redoc', '/health', '/api/status', '/api/wallet/health', '/api/v1/ping', '/api/v1/status']

/** [path, where it is or why not]. */
export const movedPaths = [
  ['`GET /metrics` on the public port', 'on the private port of each service (`OPS_PORT`), with `METRICS_API_KEY` where it is asked for'],
  ['`/api/wallet/fund`, `/api/wallet/balance`', 'not yet: they come with the ledger'],
  ['`/v1/payment-sessions`, `/v1/refunds`, `/v1/checkout` and the rest of the payments', 'not yet: they come with payments'],
  ['`/v1/admin/utxo-health`, `/api/svd/canary`', 'not yet: they come with the UTXO pool']
]

/** [their name, ours or undefined, what to know]. */
export const variables = [
  ['API_URL', 'PUBLIC_URL', ''], ['WEB_URL', 'FRONTEND_URL', 'links in mails'], ['BACKEND_CORS_ORIGINS', 'CORS_ORIGINS', ''], ['NONCE_EXPIRE_SECONDS', 'NONCE_EXPIRY_SECONDS', ''],
  ['EMAIL_USER', 'SMTP_USER', ''], ['EMAIL_PASS', 'SMTP_PASS', ''],
  ['DATABASE_URL', 'MONGODB_URI', 'a `postgresql://` address stops the start and says so'],
  ['PORT', 'PORT', '8000; the earlier ports 5000, 5001 and 7145 by `COMPATIBILITY_PORTS`'],
  ...['SESSION_DEFAULT_DURATION_HOURS', 'SESSION_MIN_DURATION_HOURS', 'SESSION_MAX_DURATION_HOURS', 'SESSION_CLEANUP_INTERVAL', 'SUPPORTED_NETWORKS', 'DEFAULT_NETWORK', 'AUTH_RATE_LIMIT_WINDOW_MS', 'AUTH_RATE_LIMIT_MAX_REQUESTS',
    'SMTP_HOST', 'SMTP_PORT', 'REDIS_URL', 'KMS_KEY_ID', 'AWS_REGION', 'AWS_ENDPOINT_URL', 'PROJECT_NAME', 'ENVIRONMENT', 'NODE_ENV', 'LOG_LEVEL', 'DEPLOY_SHA', 'ALCHEMY_API_KEY', 'INFURA_PROJECT_ID'].map((name) => [name, name, '']),
  ['ACCESS_TOKEN_EXPIRE_MINUTES', 'ACCESS_TOKEN_EXPIRE_MINUTES', '15; more than 60 is refused in strict mode'],
  ['METRICS_REQUIRE_API_KEY', 'METRICS_REQUIRE_API_KEY', 'on by itself in strict mode'],
  ['HOT_WALLET_PRIVATE_KEY', 'HOT_WALLET_PRIVATE_KEY', 'with `ALLOW_PRIVATE_KEY_FALLBACK=true`; refused in strict mode'],
  ['DEBUG', 'DEBUG', '`true` is refused in strict mode'],
  ['SECRET_KEY', 'SECRET_KEY', 'at least 32 characters; every secret of ours is derived from it'],
  ...['JWT_SECRET', 'REFRESH_TOKEN_SECRET', 'ALGORITHM', 'WALLET_ENCRYPTION_PASSWORD', 'POSTGRES_PASSWORD'].map((name) => [name, undefined, 'accepted and unused; a line at start says so']),
  ['API_V1_PREFIX', undefined, 'always `/api/v1`'],
  ['KMS_SIGN_URL, KMS_API_KEY, ISSUER_KEY_IDENTIFIER, SVD_KMS_KID, SVD_USE_KMS, FUNDING_ADDRESS, FUNDING_PUBKEY_HEX', undefined, 'not yet: they come with the UTXO pool']
]
