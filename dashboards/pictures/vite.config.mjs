// Grafana's packages expect names of node and one copy of react.
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  resolve: { dedupe: ['react', 'react-dom', '@grafana/data', '@grafana/ui'] },
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'globalThis' },
  esbuild: { jsx: 'automatic' },
  build: { minify: false, target: 'esnext', commonjsOptions: { transformMixedEsModules: true } },
});
