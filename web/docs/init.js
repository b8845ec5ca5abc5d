// An external file, because the page's policy allows no inline script.
const api = { title: 'whatsapp-api', slug: 'api', url: '/api/v1/openapi.json' };
const sandbox = { title: 'Sandbox', slug: 'sandbox', url: '/sandbox/openapi.json' };

// The sandbox has a document of its own, which is there in sandbox mode alone.
fetch(sandbox.url, { method: 'HEAD' }).then((answer) => answer.ok, () => false).then((there) => {
  Scalar.createApiReference('#app', {
    sources: there ? [{ ...api, default: true }, sandbox] : [api],
    withDefaultFonts: false,
    telemetry: false,
    showDeveloperTools: 'never',
    agent: { disabled: true },
    mcp: { disabled: true },
    hideClientButton: true,
    metaData: { title: 'whatsapp-api' },
  });
});
