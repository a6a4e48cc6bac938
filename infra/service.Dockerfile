# One image for every service: docker build -f infra/service.Dockerfile --build-arg SERVICE=auth-gateway .
ARG NODE=24-bookworm-slim

FROM node:${NODE} AS build
WORKDIR /app
ENV TURBO_TELEMETRY_DISABLED=1
RUN npm install --global --ignore-scripts pnpm@10.34.8
COPY pnpm-lock.yaml pnpm-workspace.yaml package.json .npmrc ./
RUN pnpm fetch
COPY . .
RUN pnpm install --offline --frozen-lockfile && pnpm exec turbo run build

FROM build AS pruned
ARG SERVICE
RUN pnpm --filter "@countersign/${SERVICE}" deploy --prod --legacy /out

FROM node:${NODE}
ARG SERVICE
ENV NODE_ENV=production
WORKDIR /app
COPY --from=pruned --chown=node:node /out ./
# The path of a service inside the image is the one it has in the workspace, so that one command fits both.
RUN mkdir -p packages services && ln -s /app "packages/${SERVICE}" && ln -s /app "services/${SERVICE}" && mkdir /data && chown node:node /data
USER node
EXPOSE 8000 9000
# A wide space for what lives as long as a request: half as many collections. Lines of the sources in stack traces.
CMD ["node", "--max-semi-space-size=32", "--enable-source-maps", "dist/main.js"]
