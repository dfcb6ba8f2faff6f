// What a program with Northflank's JavaScript client asks, told as JSON: node ask.mjs <host> <token> [team]

import { createRequire } from "node:module";

const [host, token, team] = process.argv.slice(2);
const installed = createRequire(`${process.env.CLIENTS}/package.json`);
const { ApiClient, ApiClientInMemoryContextProvider } = installed("@northflank/js-client");

const context = new ApiClientInMemoryContextProvider();
await context.addContext({ name: "tributary", token, host });
const api = new ApiClient(context, { throwErrorOnHttpErrorCode: true });
const project = { projectId: "shop", ...(team ? { teamId: team } : {}) };
const service = { ...project, serviceId: "api" };
const end = new Date();
const start = new Date(end.getTime() - 1_200_000);
const ids = (items) => items.map((one) => one.id);

const pages = await api.list.services.all({ parameters: project, options: { per_page: 1 } });
const single = await api.get.service.metrics({ parameters: service, options: { metricTypes: ["cpu", "memory"] } });
const range = await api.get.service.metricsRange({
  parameters: service,
  options: { metricTypes: ["cpu"], startTime: start, endTime: end },
});
const refused = await api.get.service.metricsRange({
  parameters: service,
  options: { startTime: start, endTime: end, duration: 60 },
});
console.log(JSON.stringify({
  projects: ids((await api.list.projects.all({ options: { per_page: 1 } })).data.projects),
  services: ids(pages.data.services),
  service: (await api.get.service({ parameters: service })).data,
  single: single.data,
  range: range.data,
  refused: refused.error,
  remaining: range.rawResponse.headers.get("x-ratelimit-remaining"),
}));
