// How chunks arrive: files under Gradio's upload folder, deflated, low bytes first and then high bytes (app/chunks.py).

function fileUrl(path) {
  const { api_prefix = "/gradio_api" } = window.gradio_config || {};
  return serverUrl(`${api_prefix}/file=${path.split("/").map(encodeURIComponent).join("/")}`);
}

async function fetchChunk(path) {
  const response = await fetch(fileUrl(path), { credentials: "same-origin" });
  if (!response.ok) throw new Error(`chunk: HTTP ${response.status}`);
  const inflated = response.body.pipeThrough(new DecompressionStream("deflate"));
  return unshuffle(new Uint8Array(await new Response(inflated).arrayBuffer()));
}

function unshuffle(bytes) {
  const count = bytes.length / 2;
  const hu = new Int16Array(count);
  for (let i = 0; i < count; i++) hu[i] = bytes[i] | (bytes[count + i] << 8);
  return hu;
}

function saveAs(path, name) {
  const link = document.createElement("a");
  link.href = fileUrl(path);
  link.download = name;
  link.click();
}
